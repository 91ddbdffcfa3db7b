"""COSEM Data: known encodings of every type, both ways, and what must be refused."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.dlms.cosem.data import MAX_DEPTH, Data, build_data, leaves, read_node
from dissectors.dlms.cosem.data_fields import read_data
from dissectors.model.cursor import Cursor
from dissectors.model.errors import DissectionError

CASES = [
    ("00", "null", None),
    ("0301", "boolean", True),
    ("0408a5", "bit-string", "10100101"),
    ("0403a0", "bit-string", "101"),
    ("0400", "bit-string", ""),
    ("05ffffffff", "double-long", -1),
    ("06ffffffff", "double-long-unsigned", 0xFFFFFFFF),
    ("0741200000", "floating-point", 10.0),
    ("09020102", "octet-string", b"\x01\x02"),
    ("0a024142", "visible-string", "AB"),
    ("0c03e282ac", "utf8-string", "€"),
    ("0d99", "bcd", "99"),
    ("0f80", "integer", -128),
    ("108000", "long", -32768),
    ("11ff", "unsigned", 255),
    ("12ffff", "long-unsigned", 65535),
    ("148000000000000000", "long64", -(2**63)),
    ("15ffffffffffffffff", "long64-unsigned", 2**64 - 1),
    ("16ff", "enum", 255),
    ("173f800000", "float32", 1.0),
    ("187ff0000000000000", "float64", math.inf),
    ("1907e40a1907141e0000ffc480", "date-time", bytes.fromhex("07e40a1907141e0000ffc480")),
    ("1affffffffff", "date", b"\xff" * 5),
    ("1bff000000", "time", b"\xff\0\0\0"),
    ("1c80", "delta-integer", -128),
    ("1d8000", "delta-long", -32768),
    ("1e80000000", "delta-double-long", -(2**31)),
    ("1fff", "delta-unsigned", 255),
    ("20ffff", "delta-long-unsigned", 65535),
    ("21ffffffff", "delta-double-long-unsigned", 2**32 - 1),
    ("ff", "dont-care", None),
    ("01020f010f02", "array", [("integer", 1), ("integer", 2)]),
    ("02020f010100", "structure", [("integer", 1), ("array", [])]),
]

REFUSED = {
    "": 0,
    "0b00": 0,
    "06000001": 1,
    "09050102": 2,
    "02ff00": 1,
    "028000": 1,
    "0182ffff": 1,
    "0984ffffffff": 6,
    "01" * 300: 2 * MAX_DEPTH,
    "13020001aa": 1,
    "130200018182": 4,
    "1313": 1,
    "1301ffff01ffff01ffff1103010203": 12,
    "1302021101ffff000401020304": 12,
}


@pytest.mark.parametrize(("octets", "type_name", "value"), CASES)
def test_every_type_both_ways(octets: str, type_name: str, value: object) -> None:
    data = bytes.fromhex(octets)
    cursor = Cursor(data)
    read, field = read_data(cursor)
    assert (read.type, read.value) == (type_name, value)
    assert cursor.remaining == 0
    assert build_data(read) == data
    assert sum(leaf.length for leaf in field.leaves()) == len(data)


@pytest.mark.parametrize(("octets", "type_name", "value"), CASES)
def test_every_truncation_is_refused_with_a_place(octets: str, type_name: str, value: object) -> None:
    data = bytes.fromhex(octets)
    for end in range(len(data)):
        with pytest.raises(DissectionError) as caught:
            read_node(data, 0, end)
        assert caught.value.layer == "dlms.data"
        assert 0 <= caught.value.offset <= end


@pytest.mark.parametrize("octets", REFUSED)
def test_malformed_data_is_refused_at_its_offset(octets: str) -> None:
    with pytest.raises(DissectionError) as caught:
        read_data(Cursor(bytes.fromhex(octets)))
    assert caught.value.offset <= len(octets) // 2


def test_compact_array_of_structures_reads_rows_and_builds_back() -> None:
    octets = bytes.fromhex("13020209060b01aa000000010000000002")
    read, field = read_data(Cursor(octets))
    assert read.plain == [[b"\xaa", 1], [b"", 2]]
    assert read.value.json == {"desc": [2, [[9], [6]]], "items": [{"s": ["aa", 1]}, {"s": ["", 2]}]}
    assert build_data(read) == octets
    assert sum(leaf.length for leaf in field.leaves()) == len(octets)


def test_a_structure_of_nulls_cannot_fill_the_memory() -> None:
    nulls = 20_000
    octets = bytes.fromhex("13 02 82") + (nulls + 1).to_bytes(2, "big") + bytes(nulls) + b"\x11"
    octets += b"\x82" + nulls.to_bytes(2, "big") + bytes(nulls)
    with pytest.raises(DissectionError, match="more elements"):
        read_data(Cursor(octets))


leaf_values = st.one_of(
    st.tuples(st.just("unsigned"), st.integers(0, 255)),
    st.tuples(st.just("long"), st.integers(-32768, 32767)),
    st.tuples(st.just("octet-string"), st.binary(max_size=300)),
    st.tuples(st.just("bit-string"), st.text("01", max_size=40)),
    st.tuples(st.just("utf8-string"), st.text(max_size=20)),
    st.tuples(st.just("null"), st.none()),
)
values = st.recursive(
    leaf_values,
    lambda inner: st.tuples(st.sampled_from(["array", "structure"]), st.lists(inner, max_size=5)),
)


@given(values)
def test_what_is_built_reads_back(value: tuple[str, object]) -> None:
    octets = build_data(value)
    read, _ = read_data(Cursor(octets))
    assert read == value
    assert build_data(read) == octets


@given(st.binary(max_size=200))
def test_arbitrary_octets_never_leave_the_error_root(octets: bytes) -> None:
    try:
        node, _ = read_node(octets, 0, len(octets))
    except DissectionError as error:
        assert 0 <= error.offset <= len(octets)
    else:
        assert all(isinstance(leaf, tuple) for leaf in leaves(node))


def test_data_is_a_typed_pair() -> None:
    assert Data("structure", [Data("unsigned", 1), Data("array", [])]).plain == [1, []]

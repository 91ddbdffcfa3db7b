"""General commands and data types: hand-made frames, round trips, and anything at all."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.model.context import HanContext
from dissectors.model.cursor import Cursor
from dissectors.model.field import Field
from dissectors.zcl import build_attribute_records, catalogue
from dissectors.zcl.datatypes import Collection, build_value, read_value, value_of
from dissectors.zcl.general import GENERAL, Record, build_general, read_general, record_values
from dissectors.zcl.header import build_header, read_header
from dissectors.zcl.reading import Reading
from tests.dissectors.zcl.support import envelope, read

# One value of every data type, its octets, and what it says.
VALUES: list[tuple[str, Any, str, str | None]] = [
    ("nodata", None, "", ""),
    ("data8", 0x12, "12", ""),
    ("data64", 1, "0100000000000000", ""),
    ("bool", True, "01", ""),
    ("bool", None, "ff", "invalid"),
    ("bool", 7, "07", ""),
    ("map16", 0x8001, "0180", ""),
    ("uint8", 0xFF, "ff", "invalid"),
    ("uint24", 0x010203, "030201", ""),
    ("uint48", 0xFFFFFFFFFFFF, "ffffffffffff", "invalid"),
    ("uint56", 1, "01000000000000", ""),
    ("int8", -1, "ff", ""),
    ("int24", -0x800000, "000080", "invalid"),
    ("int64", -2, "feffffffffffffff", ""),
    ("enum8", 3, "03", ""),
    ("enum16", 0xFFFF, "ffff", "invalid"),
    ("semi", 1.5, "003e", ""),
    ("single", -2.0, "000000c0", ""),
    ("double", 0.1, "9a9999999999b93f", ""),
    ("octstr", b"\x01\x02", "020102", ""),
    ("octstr", None, "ff", "invalid"),
    ("string", "E6S", "03453653", ""),
    ("string", b"\xff\xfe", "02fffe", ""),
    ("string", "", "00", ""),
    ("octstr16", b"abc", "0300616263", "abc"),
    ("string16", None, "ffff", "invalid"),
    ("array", Collection(0x21, [1, 2]), "21020001000200", ""),
    ("set", Collection(0x42, ["a", None]), "4202000161ff", ""),
    ("bag", Collection(0x20, None), "20ffff", "invalid"),
    ("struct", [(0x20, 1), (0x48, Collection(0x10, [True]))], "0200200148100100" + "01", ""),
    ("struct", None, "ffff", "invalid"),
    ("ToD", 0x0A1E3B17, "173b1e0a", "23:59:30.10"),
    ("date", 0x0501077C, "7c070105", "2024-07-01 Friday"),
    ("UTC", 0, "00000000", "2000-01-01T00:00:00Z"),
    ("UTC", 0xFFFFFFFF, "ffffffff", "invalid"),
    ("clusterId", 0x0702, "0207", "Metering"),
    ("attribId", 5, "0500", ""),
    ("bacOID", 9, "09000000", ""),
    ("EUI64", 0x00DB1234567890A0, "a0907856341 2db00".replace(" ", ""), "00db1234567890a0"),
    ("key128", bytes(range(16)), bytes(range(16)).hex(), ""),
    ("unk", None, "", ""),
]


@pytest.mark.parametrize(("name", "value", "octets", "meaning"), VALUES)
def test_data_type(name: str, value: Any, octets: str, meaning: str | None) -> None:
    kind = catalogue.data_type_named(name)
    wire = bytes.fromhex(octets)
    cursor = Cursor(wire)
    found = read_value(cursor, kind, "value")
    assert cursor.remaining == 0
    assert value_of(found, kind) == value
    assert found.meaning == meaning
    assert build_value(kind, value) == wire


def test_every_data_type_is_tried() -> None:
    tried = {name.rstrip("0123456789") for name, *_ in VALUES}
    assert tried >= {t.name.rstrip("0123456789") for t in map(catalogue.data_type, range(256)) if t}


def test_not_a_number_is_invalid() -> None:
    found = read_value(Cursor(bytes.fromhex("0000c07f")), catalogue.data_type_named("single"), "value")
    assert math.isnan(found.value) and found.meaning == "invalid"


# Payloads written by hand from ZCL 2.5: one JSON object a line.
VECTORS = Path(__file__).parents[2] / "vectors" / "zcl" / "general.jsonl"
CASES = [json.loads(line) for line in VECTORS.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"0x{case['command']:02X}-{case['payload']}")
def test_general_command(case: dict[str, Any]) -> None:
    command, records = case["command"], case["records"]
    octets = build_attribute_records(command, records, case["head"], direction="to-client", sequence=9)
    assert octets[3:].hex() == case["payload"]
    out = read(octets, 0x0702)
    assert not out.issues
    assert out.columns["summary"].startswith(f"Metering: {GENERAL[command].name}")
    assert parsed(octets) == octets


def test_every_general_command_is_tried() -> None:
    assert {case["command"] for case in CASES} == set(GENERAL)


def parsed(octets: bytes) -> bytes:
    """build(parse(octets)) for a general command."""
    from dissectors.model.frame import Dissection

    cursor = Cursor(octets)
    header, _ = read_header(cursor)
    reading = Reading(
        header, catalogue.cluster(0x0702), envelope(0x0702), HanContext(), Dissection(), "frame"
    )
    fields: list[Field] = []
    records: list[Record] = []
    read_general(cursor, reading, fields, records)
    head = {f.name: f.value for f in fields if f.name != "record"}
    return build_header(header) + build_general(header.command, map(record_values, records), head)


def test_attribute_names_follow_the_direction() -> None:
    # The notification flags are attributes of the Metering client; in the server, 0x0000 is the reading.
    read_request = build_attribute_records(0x00, [{"attribute": 0}], direction="to-client")
    assert read(read_request, 0x0702).attributes[0]["attribute_name"] == "FunctionalNotificationFlags"
    report = build_attribute_records(
        0x0A, [{"attribute": 0, "type": 0x25, "value": 1}], direction="to-client"
    )
    assert read(report, 0x0702).attributes[0]["attribute_name"] == "CurrentSummationDelivered"


def test_unknown_type_keeps_the_octets() -> None:
    out = read(bytes.fromhex("18010a 0000 77 010203"), 0x0702)
    assert [i.severity for i in out.issues] == ["error"]
    assert out.fields[0].find("value").value == b"\1\2\3"  # type: ignore[union-attr]


def test_truncated_record_keeps_what_came_before() -> None:
    out = read(bytes.fromhex("18010a 0000 20 05 0100 25 0102"), 0x0702)
    assert [i.text for i in out.issues] == ["truncated: need 6 octets, have 2"]
    assert out.attributes[0]["number"] == 5
    assert out.fields[0].find("undecoded").value == b"\1\2"  # type: ignore[union-attr]


def test_key_values_stay_out_of_rows() -> None:
    record = {"attribute": 0x0010, "type": 0xF1, "value": bytes(range(16))}
    out = read(build_attribute_records(0x0A, [record], direction="to-client"), 0x0702)
    assert out.attributes[0]["value"] == "withheld"


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=60), st.sampled_from([0x0000, 0x0702, 0x0019, 0x0704, 0x0800, 0xFC00, None]))
def test_anything_is_read(octets: bytes, cluster: int | None) -> None:
    read(octets, cluster)  # type: ignore[arg-type]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(GENERAL)), st.booleans(), st.binary(max_size=40))
def test_any_payload_of_a_general_command_is_read(command: int, to_client: bool, payload: bytes) -> None:
    read(bytes((8 * to_client, 1, command)) + payload, 0x0702)


KEY = bytes(range(0xA0, 0xB0))


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"\xf1" + KEY, "withheld"),
        (b"\x48\xf1\x01\x00" + KEY, "[withheld]"),
        (b"\x4c\x02\x00\x20\x01\xf1" + KEY, "[1, withheld]"),
        (b"\x4c\x01\x00\x50\xf1\x02\x00" + KEY + KEY, "[[withheld, withheld]]"),
    ],
)
def test_a_key_is_a_secret_however_deep_it_lies(octets: bytes, text: str) -> None:
    found = read(bytes.fromhex("18010a2143") + octets, 0x0702)
    assert [row["value"] for row in found.attributes] == [text]
    assert KEY.hex() not in json.dumps([one.to_json() for one in found.fields])
    assert KEY.hex() in json.dumps([one.to_json(reveal=True) for one in found.fields])


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        ("4c0300 20 07 48 21 0200 0100 0200 41 02 abcd", "[7, [1, 2], abcd]"),
        ("48 e2 0100 00000000", "[2000-01-01T00:00:00Z]"),
        ("48 48 0200 10 0100 01 10 0100 00", "[[true], [false]]"),
    ],
)
def test_values_inside_others_are_told(octets: str, text: str) -> None:
    found = read(bytes.fromhex("18010a2143" + octets), 0x0702)
    assert not found.issues and [row["value"] for row in found.attributes] == [text]

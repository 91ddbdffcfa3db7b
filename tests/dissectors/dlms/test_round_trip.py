"""build(parse(x)) == x for every APDU and Data of the shared vectors, but for what non_canonical.md lists."""

import json
from pathlib import Path

import pytest

from dissectors.dlms import Association, build, build_data, read_apdu
from dissectors.dlms.acse import read_tlv
from dissectors.dlms.data import typed
from dissectors.dlms.message import unwrap, vector_keys
from dissectors.errors import DissectionError

LISTED = {
    "0301": "03ff",
    "0905" + "00" * 5: "098105" + "00" * 5,
    "01020f010f02": "0182000 20f010f02".replace(" ", ""),
    "0403a0": "0403bf",
}


@pytest.mark.parametrize(("built", "read"), LISTED.items())
def test_listed_differences_are_in_octets_only(built: str, read: str) -> None:
    head = "c401c100"
    one, other = (read_apdu(bytes.fromhex(head + part)) for part in (built, read))
    assert one.values == other.values
    assert build(other).hex() == head + built


def test_a_long_ber_length_is_read_and_built_short() -> None:
    long = bytes.fromhex("61810aa2810302010 0a1810100".replace(" ", ""))
    apdu = read_apdu(long)
    assert build(apdu).hex() == "6108a203020100a10100"
    assert read_apdu(build(apdu)).values == apdu.values
    assert read_tlv(long, 0, len(long)) == (0x61, 3, len(long))


@pytest.mark.shared
def test_shared_vectors(shared: Path) -> None:
    differing = []
    count = 0
    for line in (shared / "vectors" / "dlms" / "vectors.jsonl").read_text("utf-8").splitlines():
        vector = json.loads(line)
        memory = Association.with_keys([vector_keys(vector["keys"] or {})])
        _, unwrapping, (_, error) = unwrap(bytes.fromhex(vector["hex"]), vector["transport"], memory)
        if error is not None:
            continue
        for apdu in unwrapping.read:
            count += 1
            built = build(apdu)
            if built != apdu.octets:
                assert read_apdu(built).values == apdu.values
                differing.append((vector["id"], apdu.octets.hex()))
        if vector["transport"] == "axdr-data":
            built = build_data(typed(unwrapping.nodes[0]))
            if built.hex() != vector["hex"]:
                differing.append((vector["id"], vector["hex"]))
    assert count > 600
    assert all("03ff" in octets for _, octets in differing)
    assert len(differing) < 20


def test_built_garbage_is_a_value_error_not_octets() -> None:
    for value in (("unsigned", 256), ("long", 40000), ("no-such-type", 1)):
        with pytest.raises((ValueError, KeyError)):
            build_data(value)
    with pytest.raises(DissectionError):
        read_apdu(b"")

"""build(parse(x)) == x for every APDU and Data of the shared vectors, but where the parser says otherwise."""

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from dissectors.dlms import Association, build, build_data, dissect_message, read_apdu
from dissectors.dlms.apdu.acse import read_tlv
from dissectors.dlms.apdu.canonical import first_difference, noncanonical_apdu
from dissectors.dlms.apdu.layouts import read_whole_apdu
from dissectors.dlms.cosem.data import typed
from dissectors.dlms.message import unwrap, vector_keys
from dissectors.model.errors import DissectionError, Malformed
from tests.dissectors.dlms.apdu.test_apdus import CASES, octets
from tests.fuzz.mutation import mutated

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
    notes = [i for i in dissect_message(other.octets).to_json()["issues"] if "not canonical" in i["text"]]
    differing = first_difference(bytes.fromhex(built), bytes.fromhex(read))
    assert [note["offset"] for note in notes] == [4 + differing]


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
        _, decoder, (_, error) = unwrap(bytes.fromhex(vector["hex"]), vector["transport"], memory)
        if error is not None:
            continue
        for apdu in decoder.read:
            count += 1
            built = build(apdu)
            if built != apdu.octets:
                assert read_apdu(built).values == apdu.values
                differing.append((vector["id"], apdu.octets.hex()))
        if vector["transport"] == "axdr-data":
            built = build_data(typed(decoder.nodes[0]))
            if built.hex() != vector["hex"]:
                differing.append((vector["id"], vector["hex"]))
    assert count > 600
    assert all("03ff" in octets for _, octets in differing)
    assert len(differing) < 20


@pytest.mark.parametrize("seed", range(4))
def test_mutated_apdus_are_built_again_or_differ_where_it_is_said(seed: int) -> None:
    chance, seeds = random.Random(seed), [octets(case) for case in CASES.values()]
    found = Counter[str]()
    for _ in range(800):
        data = mutated(chance.choice(seeds), chance, seeds)
        _, decoder, _ = unwrap(data, "apdu", Association())
        for apdu in decoder.read:
            if not apdu.whole:
                with pytest.raises(Malformed):
                    build(apdu)
                continue
            built, told = build(apdu), noncanonical_apdu(apdu)
            assert (built == apdu.octets) == (told is None)
            assert build(read_whole_apdu(built)) == built
            found["same" if told is None else "told"] += 1
    assert found["same"] > 200 and found["told"] > 5


def test_built_garbage_is_a_value_error_not_octets() -> None:
    for value in (("unsigned", 256), ("long", 40000), ("no-such-type", 1)):
        with pytest.raises((ValueError, KeyError)):
            build_data(value)
    with pytest.raises(DissectionError):
        read_apdu(b"")

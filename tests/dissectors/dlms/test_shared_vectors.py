"""Every shared DLMS vector: positive ones give their facts, negative ones are refused with a place."""

import json
from pathlib import Path
from typing import Any

import pytest

from dissectors.dlms.association import Association
from dissectors.dlms.decoding.message_view import DlmsMessage
from dissectors.dlms.message import dissect_vector, unwrap, vector_keys
from tests.dissectors.dlms.expected import check_vector

KEYLESS = {"mbus-e37d56b385": "the vector expects a plain text but names no key"}


def vectors(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "vectors" / "dlms" / "vectors.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def is_negative(vector: dict[str, Any]) -> bool:
    """An `error` key also names a result inside a positive vector's APDU."""
    return "error" in vector["expected"] and "apdu" not in vector["expected"]


@pytest.mark.shared
def test_positive_vectors_give_their_facts(shared: Path) -> None:
    wrong = {}
    for vector in vectors(shared):
        if is_negative(vector) or vector["id"] in KEYLESS:
            continue
        memory = Association.with_keys([vector_keys(vector["keys"] or {})])
        octets = bytes.fromhex(vector["hex"])
        name, decoder, (fields, error) = unwrap(octets, vector["transport"], memory)
        message = DlmsMessage(octets, name, decoder, fields, error)
        try:
            check_vector(vector, message, decoder)
        except (AssertionError, KeyError, TypeError, IndexError) as failure:
            wrong[vector["id"]] = repr(failure)[:300]
    assert not wrong, json.dumps(wrong, indent=1)


@pytest.mark.shared
def test_negative_vectors_are_refused_with_layer_and_offset(shared: Path) -> None:
    for vector in vectors(shared):
        if is_negative(vector):
            error = dissect_vector(vector).error
            assert error is not None, vector["id"]
            assert error.layer.startswith("dlms.")
            assert 0 <= error.offset <= len(vector["hex"]) // 2


@pytest.mark.shared
def test_every_octet_lies_in_one_leaf_and_json_can_be_made(shared: Path) -> None:
    for vector in vectors(shared):
        message = dissect_vector(vector)
        covered = dict.fromkeys(message.buffers, 0)
        count = {name: bytearray(len(octets)) for name, octets in message.buffers.items()}
        for field in message.fields:
            for leaf in field.leaves():
                covered[leaf.buffer] += leaf.length
                for at in range(leaf.offset, leaf.end):
                    count[leaf.buffer][at] += 1
        assert all(set(octets) <= {1} for octets in count.values()), vector["id"]
        text = message.json_text(vector["id"])
        assert text == json.dumps(message.to_json(vector["id"]), ensure_ascii=False)


@pytest.mark.shared
def test_the_transport_is_found_without_being_told(shared: Path) -> None:
    wrong = {}
    for vector in vectors(shared):
        if is_negative(vector) or vector["transport"] == "gbcs-protected":
            continue
        told, guessed = dissect_vector(vector), dissect_vector({**vector, "transport": "auto"})
        if guessed.facts["transport"] != vector["transport"] and guessed.facts["data"] != told.facts["data"]:
            wrong[vector["id"]] = guessed.facts["transport"]
    assert not wrong

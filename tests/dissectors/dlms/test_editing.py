"""A value of a DLMS message set anew: the message has it, whatever carries or protects it, and nothing else is another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dissectors.dlms import DlmsMessage, dissect_message, item_places, set_value, settings, vector_keys
from dissectors.dlms.carriers.hdlc import build_frame
from dissectors.dlms.carriers.mbus import build_telegram
from dissectors.dlms.carriers.wrapper import build_wrapper
from dissectors.model import DissectionError, DlmsKeys, Malformed
from tests.dissectors.dlms.apdu.test_apdus import CASES, octets

OWN = Path("tests/vectors/dlms/security.jsonl")
ANSWER = bytes.fromhex("c401c1000202" + "0600001391" + "0a03616263")
CARRIERS = {
    "apdu": ANSWER,
    "llc": b"\xe6\xe7\x00" + ANSWER,
    "wrapper": build_wrapper(1, 16, ANSWER),
    "hdlc": build_frame(b"\x21", b"\x03", 0x30, b"\xe6\xe7\x00" + ANSWER),
    "mbus": build_telegram(ANSWER),
}


def read(data: bytes, transport: str = "auto", keys: list[DlmsKeys] | None = None) -> DlmsMessage:
    found = dissect_message(data, transport=transport, keys=keys or [], reveal=True)
    assert isinstance(found, DlmsMessage)
    return found


def another(value: Any) -> Any:
    """A value that is not the same, of the same kind and size."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value ^ 1
    return bytes([*value[:-1], value[-1] ^ 1]) if isinstance(value, bytes) and value else None


def tried(message: DlmsMessage, transport: str, keys: list[DlmsKeys]) -> Iterator[bool]:
    """Whether each of its values that has another one of its kind can be set, and set back."""
    for at, one in enumerate(settings(message)):
        wanted = another(one.leaf.value)
        if wanted is None:
            continue
        try:
            changed = read(set_value(message, one.leaf, wanted, keys), transport, keys)
        except DissectionError:
            yield False
            continue
        said = [two.leaf.value for two in settings(changed)]
        before = [two.leaf.value for two in settings(message)]
        assert said == [*before[:at], wanted, *before[at + 1 :]], one.path
        assert changed.facts["security"] == message.facts["security"]
        if not isinstance(wanted, bool):  # which has two octets for true
            leaf = settings(changed)[at].leaf
            assert set_value(changed, leaf, one.leaf.value, keys) == message.octets, one.path
        yield True


@pytest.mark.parametrize("name", CARRIERS)
def test_lengths_and_check_sequences_follow(name: str) -> None:
    message = read(CARRIERS[name])
    assert message.facts["transport"] == name and message.items[0]["value"] == [5009, "abc"]
    leaf = next(one.leaf for one in settings(message) if one.leaf.value == "abc")
    for text in ("a much longer text" * 5, ""):
        changed = read(set_value(message, leaf, text))
        assert changed.error is None and not [one for one in changed.issues if one.severity != "note"]
        assert changed.facts["transport"] == name and changed.items[0]["value"] == [5009, text]


@pytest.mark.parametrize("name", CASES)
def test_every_value_of_every_apdu(name: str) -> None:
    message = read(octets(CASES[name]), "apdu")
    assert len(item_places(message)) == len(message.items)
    done = [*tried(message, "apdu", [])]
    assert any(done) or not done


@pytest.mark.parametrize("line", OWN.read_text("utf-8").splitlines(), ids=lambda line: json.loads(line)["id"])
def test_what_is_protected_is_sealed_again(line: str) -> None:
    vector = json.loads(line)
    keys = [vector_keys(vector["keys"] or {})]
    message = read(bytes.fromhex(vector["hex"]), vector["transport"], keys)
    done = [*tried(message, vector["transport"], keys)]
    sealed = [one for one in settings(message) if one.leaf.buffer != "message"]
    if sealed and "ok" in message.facts["security"]:
        assert any(done)


@pytest.mark.shared
def test_every_fourth_published_message(shared: Path) -> None:
    count = 0
    for line in (shared / "vectors" / "dlms" / "vectors.jsonl").read_text("utf-8").splitlines()[::4]:
        vector = json.loads(line)
        keys = [vector_keys(vector["keys"] or {})]
        message = read(bytes.fromhex(vector["hex"]), vector["transport"], keys)
        if message.error is None:
            count += sum(tried(message, vector["transport"], keys))
    assert count > 500


def test_texts_say_moments_and_codes() -> None:
    clock = read(bytes.fromhex("c401c100090c07e40a1907141e0000ffc480"))
    leaf = next(one.leaf for one in settings(clock) if one.leaf.name == "data")
    changed = read(set_value(clock, leaf, "2026-01-05 08:00:00"))
    assert changed.items[0]["value"] == "2026-01-05 Mon 08:00:00 UTC+1h (daylight saving active)"
    with pytest.raises(Malformed, match="a moment is wanted"):
        set_value(clock, leaf, "tomorrow")
    request = read(bytes.fromhex("c001c100080000010000ff0200"))
    leaf = next(one.leaf for one in settings(request) if one.leaf.name == "instance_id")
    assert set_value(request, leaf, "0-0:1.0.1.255").hex() == "c001c100080000010001ff0200"


def test_what_does_not_fit_is_refused() -> None:
    message = read(bytes.fromhex("c401c1000600001391"))
    leaf = next(one.leaf for one in settings(message) if one.leaf.name == "data")
    for value in (-1, 1 << 32, "x", None, [1]):
        with pytest.raises(DissectionError):
            set_value(message, leaf, value)
    null = read(bytes.fromhex("c401c10000"))
    with pytest.raises(DissectionError, match="no value to set"):
        set_value(null, next(one.leaf for one in settings(null) if one.leaf.name == "data"), 1)


def test_a_key_that_is_not_held_is_missed() -> None:
    vector = json.loads(OWN.read_text("utf-8").splitlines()[1])
    keys = [vector_keys(vector["keys"])]
    message = read(bytes.fromhex(vector["hex"]), "apdu", keys)
    leaf = next(one.leaf for one in settings(message) if one.leaf.buffer != "message")
    with pytest.raises(DissectionError, match="key"):
        set_value(message, leaf, another(leaf.value))

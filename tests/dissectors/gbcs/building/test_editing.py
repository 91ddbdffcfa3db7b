"""A value is set anew: what was there gives the same octets, something else is read again, all lengths are right."""

import pytest

from dissectors.gbcs import dissect_message, set_value, settings
from dissectors.gbcs.message import GbcsMessage
from dissectors.model import KeyMissing, Malformed
from tests.dissectors.gbcs.own import keystore, octets, rows

NAMES = [row["id"] for row in rows()]


def message(name: str, keys: bool = True) -> GbcsMessage:
    return dissect_message(octets(name), keystore() if keys else None)


def place(of: GbcsMessage, path: str) -> int:
    return next(at for at, one in enumerate(settings(of)) if one.path.endswith(path))


@pytest.mark.parametrize("name", NAMES)
def test_the_value_that_is_there_changes_nothing(name: str) -> None:
    found = message(name)
    for one in settings(found):
        if one.leaf.value is not None:
            assert set_value(found, one.leaf, one.leaf.value, keystore()) == found.octets, one.path


@pytest.mark.parametrize("name", NAMES)
def test_another_value_is_read_again(name: str) -> None:
    found = message(name)
    known = settings(found)
    for at, one in enumerate(known):
        value = one.leaf.value
        if type(value) is not int or one.leaf.bits is not None or one.leaf.name in ("choice", "sequence"):
            continue
        other = value - 1 if value else 1
        again = settings(dissect_message(set_value(found, one.leaf, other, keystore()), keystore()))
        if [two.path for two in again] == [two.path for two in known]:
            assert again[at].leaf.value == other, one.path


def test_lengths_around_a_longer_value_follow() -> None:
    found = message("cs02e-response")
    grown = 0
    for one in settings(found):
        if isinstance(one.leaf.value, bytes) and one.leaf.name in ("certification_request", "public_key"):
            octets = set_value(found, one.leaf, one.leaf.value + bytes(200))
            grown += 1
            again = dissect_message(octets)
            assert len(octets) >= len(found.octets) + 200
            assert not [issue for issue in again.issues if issue.severity == "error"]
    assert grown


def test_an_encrypted_value_is_sealed_again() -> None:
    found = message("ecs17b-response")
    at = next(i for i, one in enumerate(settings(found)) if one.leaf.buffer != "message" and one.item)
    one = settings(found)[at]
    octets = set_value(found, one.leaf, 4321, keystore())
    again = dissect_message(octets, keystore())
    assert settings(again)[at].leaf.value == 4321
    assert again.facts["decrypted_parts"] == found.facts["decrypted_parts"] == 1
    with pytest.raises(KeyMissing, match="key of an encrypted part"):
        set_value(found, one.leaf, 4321)


def test_what_does_not_fit_is_told() -> None:
    found = message("ecs17b-command")
    leaf = settings(found)[place(found, "class_id")].leaf
    with pytest.raises(Malformed, match="class_id cannot be 70000"):
        set_value(found, leaf, 70_000)
    with pytest.raises(Malformed, match="class_id cannot be 'many'"):
        set_value(found, leaf, "many")

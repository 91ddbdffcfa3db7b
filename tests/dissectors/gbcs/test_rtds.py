"""Every message of the Reference Test Data Set: read to the last octet, verified, decrypted, named."""

import random
import sys
from pathlib import Path

import pytest

from dissectors.gbcs import Keystore, dissect_message
from dissectors.gbcs.building.build import build

sys.path.insert(0, str(Path(__file__).parent))
import independent
import rtds

LOAD_CONTROLLER = bytes.fromhex("90b3d51f30010008")


@pytest.fixture(scope="module")
def messages(shared: Path) -> dict[str, bytes]:
    return rtds.messages(shared)


@pytest.fixture(scope="module")
def store(shared: Path) -> Keystore:
    return rtds.keystore(shared)


@pytest.mark.parametrize("keyed", [True, False], ids=["with keys", "without keys"])
def test_every_octet_lies_in_a_named_leaf(messages, store, keyed):
    for name, octets in messages.items():
        message = dissect_message(octets, store if keyed else None)
        held = bytearray(len(octets))
        for field in message.fields:
            for leaf in field.leaves():
                assert leaf.meaning, f"{name}: {leaf.name} says nothing"
                assert leaf.name != "unread", f"{name}: octets at {leaf.offset} unread"
                if leaf.buffer == "message":
                    held[leaf.offset : leaf.end] = b"\1" * leaf.length
        assert all(held), f"{name}: octet {held.find(0)} lies in no leaf"
        worse = [i for i in message.issues if i.severity != "note"]
        if (
            keyed
            and octets[octets.index(b"\xdf") + 12 :][:8] == LOAD_CONTROLLER
            and message.facts["trust"] != "absent"
        ):
            assert "is self-signed" in worse.pop().text  # the set's load controller has no authority
        assert not worse, f"{name}: {worse[0]}"
        assert message.error is None
        assert message.facts["use_case"], name
        assert all(row["object"] for row in message.items), f"{name}: an item without an object"
        assert message.items or message.facts["payload_kind"] == "der", name
        for buffer, plain in message.buffers.items():
            leaves = [leaf for f in message.fields for leaf in f.leaves() if leaf.buffer == buffer]
            covered = {octet for leaf in leaves for octet in range(leaf.offset, leaf.end)}
            assert covered == set(range(len(plain))), f"{name}: {buffer} not covered"


def test_three_counts_equal_an_independent_computation(messages, store):
    signatures = macs = parts = 0
    missing = set()
    for name, octets in messages.items():
        facts = dissect_message(octets, store).facts
        signatures += facts["signature"] == "valid"
        macs += facts["mac"] == "valid"
        parts += facts["decrypted_parts"]
        assert facts["decrypted_parts"] == facts["encrypted_parts"], name
        assert facts["signature"] in ("valid", "absent"), name
        if facts["mac"] == "no_key":
            missing.add(facts["use_case"])
    assert missing == {"PCS01", "PCS02"}
    assert (signatures, macs, parts) == independent.counts(messages, store) == (286, 509, 26)


def test_the_broker_may_be_named(messages, shared):
    named = rtds.keystore(shared, bytes.fromhex("90b3d51f30000002"))
    name = next(n for n in messages if "ECS26c" in n and n.endswith("_COMMAND_GBCS.HEX") and "PRE" not in n)
    facts = dissect_message(messages[name], named).facts
    assert facts["mac"] == "valid"
    assert facts["access_control_broker"] == "90b3d51f30000002"
    wrong = rtds.keystore(shared, bytes.fromhex("90b3d51f30010000"))
    assert dissect_message(messages[name], wrong).facts["mac"] == "invalid"


def test_a_flipped_bit_never_passes(messages, store):
    chance = random.Random(5)
    protected = [n for n in messages if "PRECOMMAND" not in n and "PCS0" not in n]
    for name in chance.sample(protected, 60):
        octets = messages[name]
        facts = dissect_message(octets, store).facts
        good = (facts["signature"], facts["mac"])
        for _ in range(4):
            place, bit = chance.randrange(len(octets)), chance.randrange(8)
            forged = bytearray(octets)
            forged[place] ^= 1 << bit
            got = dissect_message(bytes(forged), store).facts
            assert (got["signature"], got["mac"]) != good, f"{name}: bit {bit} of octet {place}"


def test_truncation_at_every_octet_is_an_issue_with_an_offset(messages, store):
    chance = random.Random(6)
    for name in chance.sample(sorted(messages), 50):
        octets = messages[name]
        for end in range(0, len(octets), 1 if len(octets) < 400 else 7):
            message = dissect_message(octets[:end], store)
            assert message.facts["mac"] != "valid"
            errors = [i for i in message.issues if i.severity == "error"]
            pre_command = message.facts["pre_command"] and not errors
            assert errors or pre_command, f"{name} cut at {end}"
            assert all(0 <= i.offset <= max(end, 1) for i in errors), f"{name} cut at {end}: {errors}"
            leaves = [x for f in message.fields for x in f.leaves() if x.buffer == "message"]
            covered = {octet for x in leaves for octet in range(x.offset, x.end)}
            assert covered == set(range(end)), f"{name} cut at {end}"


@pytest.mark.parametrize("keyed", [True, False], ids=["sealed again", "seals kept"])
def test_every_message_is_built_again(messages, store, keyed):
    for name, octets in messages.items():
        keys = store if keyed else None
        assert build(dissect_message(octets, keys), keys) == octets, name


def test_answers_are_named_alike_with_and_without_their_command(messages, store):
    """By the order of the use case's objects, and by pairing with the command: the same names."""
    alike = open_ = 0
    for name, octets in messages.items():
        asked = messages.get(name.replace("_RESPONSE_", "_COMMAND_"))
        if not name.endswith("_RESPONSE_GBCS.HEX") or asked is None:
            continue
        command = dissect_message(asked, store)
        alone = dissect_message(octets, store).items
        paired = dissect_message(octets, store, command=command).items
        if any(row["class_id"] is None and row["cluster"] is None for row in alone) and alone != paired:
            open_ += 1  # the use case has more objects than were asked for: only the command can tell
            assert all(row["obis"] for row in paired)
            continue
        assert [r["object"] for r in alone] == [r["object"] for r in paired], name
        alike += 1
    print(alike, "alike,", open_, "that need their command")
    assert alike > 200 and open_ < 20

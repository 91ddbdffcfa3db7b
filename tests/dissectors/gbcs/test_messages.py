"""Our own vectors: what went in comes out, with keys and without, whole, cut and forged."""

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.gbcs import as_answer, dissect_message
from dissectors.gbcs.building.build import build
from dissectors.model.field import Field

sys.path.insert(0, str(Path(__file__).parent))
import own

ROWS = own.rows()
STORE = own.keystore()
COMMANDS = {
    (f["originator"], f["recipient"], f["originator_counter"]): m
    for m in (dissect_message(bytes.fromhex(row["hex"])) for row in ROWS)
    for f in [m.facts]
    if f["cra"] == "command" and not f["pre_command"]
}


def command_of(facts):
    return COMMANDS.get((facts["recipient"], facts["originator"], facts["originator_counter"]))


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_message_says_what_went_in(row):
    octets, expected = bytes.fromhex(row["hex"]), row["expected"]
    message = dissect_message(octets, STORE)
    message = dissect_message(octets, STORE, command=command_of(message.facts))
    for name in ("use_case", "signature", "mac", "decrypted_parts", "alert_code", "pre_command"):
        if name in expected:
            assert message.facts[name] == expected[name], name
    if "outcome" in expected:
        assert message.columns["outcome"] == expected["outcome"]
    if "value" in expected:
        found = [r for r in message.items if r["value"] == expected["value"]]
        assert found, expected["value"]
        if "number" in expected:
            assert (found[0]["number"], found[0]["unit"]) == (expected["number"], expected["unit"])
    assert [i for i in message.issues if i.severity != "note"] == []


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
@pytest.mark.parametrize("keyed", [True, False])
def test_every_octet_in_a_leaf_and_built_again(row, keyed):
    octets, store = bytes.fromhex(row["hex"]), STORE if keyed else None
    message = dissect_message(octets, store)
    leaves = [leaf for f in message.fields for leaf in f.leaves() if leaf.buffer == "message"]
    assert sum(leaf.length for leaf in leaves) == len(octets)
    assert all(leaf.meaning for leaf in leaves)
    if not keyed:
        assert {message.facts["signature"], message.facts["mac"]} <= {"absent", "no_key"}
    assert build(message, store) == octets


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_cut_at_every_octet(row):
    octets = bytes.fromhex(row["hex"])
    step = 1 if len(octets) < 500 else 9
    for end in range(0, len(octets), step):
        message = dissect_message(octets[:end], STORE)
        assert message.facts["mac"] != "valid"
        errors = [i for i in message.issues if i.severity == "error"]
        assert errors or message.facts["pre_command"], end
        assert all(0 <= i.offset <= max(1, end) for i in errors)


@pytest.mark.parametrize("name", ["ecs02-command", "ecs17b-response", "ecs02-response", "gcs13c-response"])
def test_every_flipped_bit_changes_the_verdict(name):
    octets = own.octets(name)
    facts = dissect_message(octets, STORE).facts
    good = (facts["signature"], facts["mac"], facts["decrypted_parts"])
    assert "invalid" not in good
    for place in range(len(octets)):
        forged = bytearray(octets)
        forged[place] ^= 1 << place % 8
        got = dissect_message(bytes(forged), STORE).facts
        assert (got["signature"], got["mac"], got["decrypted_parts"]) != good, place


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_octets_give_a_message(octets):
    _whole(octets)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(ROWS), st.data())
def test_any_damage_gives_a_message(row, data):
    octets = bytearray(bytes.fromhex(row["hex"]))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(octets) - 1))
        octets[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        if not octets:
            break
    _whole(bytes(octets))


def _whole(octets):
    message = dissect_message(octets, None)
    text, form = message.json_text(), message.to_json()
    assert form["length"] == len(octets) and text == json.dumps(form, ensure_ascii=False)
    covered = sum(x.length for f in message.fields for x in f.leaves() if x.buffer == "message")
    assert covered == len(octets)
    assert all(0 <= issue.offset <= len(octets) for issue in message.issues)


def test_a_tree_is_the_same_whether_items_or_fields_are_asked_for_first():
    for row in ROWS:
        for lead in (b"", b"\x01"):
            one, other = (dissect_message(lead + bytes.fromhex(row["hex"]), STORE) for _ in range(2))
            asked = one.items, one.columns, one.fields
            assert asked[2] == other.fields
            assert asked[:2] == (other.items, other.columns)
            assert [r.place for r in one.items] == [r.place for r in other.items]


def test_a_response_is_the_same_whether_its_command_is_known_at_first_or_afterwards():
    for row in ROWS:
        octets = bytes.fromhex(row["hex"])
        for described in (False, True):
            first = dissect_message(octets, STORE)
            command = command_of(first.facts)
            if command is None:
                continue
            assert not described or first.fields
            later, at_first = (
                as_answer(first, command, STORE),
                dissect_message(octets, STORE, command=command),
            )
            assert later.to_json() == at_first.to_json() and later.columns == at_first.columns


def test_children_of_a_leaf_are_shared_and_cannot_be_added_to_by_mistake():
    one, other = Field("one"), Field("other")
    with pytest.raises(TypeError, match="leaf"):
        one.children.append(other)
    one.children += [other]
    assert one.children == [other] and other.children == [] and Field("next").children == []


def test_without_private_keys_signatures_are_checked_and_macs_are_not():
    store = own.keystore(private=False)
    facts = dissect_message(own.octets("ecs02-command"), store).facts
    assert (facts["signature"], facts["mac"]) == ("valid", "no_key")


def test_a_version_that_lacks_the_use_case_is_said():
    old = dissect_message(own.octets("cs02f-command"), version="2.0")
    assert any("2.0 has no CS02f" in i.text and i.severity == "warning" for i in old.issues)
    new = dissect_message(own.octets("cs02f-command"), version="4.5")
    assert not any(i.layer == "gbcs.profile" for i in new.issues)
    early = dissect_message(own.octets("ecs17b-command"), version="0.8")
    assert any("unknown" in i.text for i in early.issues)


def test_repr_and_errors_show_no_key():
    words = repr(STORE)
    assert "private keys" in words
    assert not any(
        line.split(",")[3] in words for line in (own.FOLDER / "keystore/scalars.csv").read_text().split()
    )


@pytest.mark.parametrize("row", own.rows(), ids=lambda row: row["id"])
def test_what_is_looked_at_first_changes_nothing(row):
    store, octets = own.keystore(), bytes.fromhex(row["hex"])
    one, other = dissect_message(octets, store), dissect_message(octets, store)
    first = (one.items, one.issues, one.fields, one.columns)
    columns, fields, issues, items = other.columns, other.fields, other.issues, other.items
    assert first == (items, issues, fields, columns)

"""`hanscope build`: what `message --json` prints gives the same octets; changes are made, signed and authenticated."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import hanscope as hs
from analysis.cli.program import main
from analysis.keys.keyfile import read_keys
from analysis.views.building import build_json, build_use_case, setting_rows
from analysis.views.message_inputs import Source
from analysis.views.messages import dissect, read_sources, to_json
from captures.simulated.remote.directory import role_of
from dissectors import DissectionError, Keyring
from dissectors.gbcs import dissect_message, has_template, use_cases
from tests.dissectors.gbcs import own, rtds
from tests.key_files import key_file

SAMPLE = Path("captures/samples/gbcs-messages.keys.toml")
NO_KEYS = Keyring()


@cache
def home() -> Keyring:
    return read_keys(SAMPLE)


def told(octets: bytes, ring: Keyring, reveal: bool = True) -> dict[str, Any]:
    """The JSON form, through its text."""
    source = Source("given", octets, "gbcs")
    return json.loads(json.dumps(to_json(source, dissect(source, ring), reveal=reveal)))


@pytest.mark.parametrize("row", own.rows(), ids=lambda row: row["id"])
def test_json_gives_the_same_octets(row: dict[str, Any]) -> None:
    octets = bytes.fromhex(row["hex"])
    for ring in (NO_KEYS, Keyring(gbcs=own.keystore())):
        assert build_json(told(octets, ring), ring) == octets


@pytest.mark.shared
def test_json_of_every_published_message_gives_the_same_octets(shared: Path) -> None:
    ring = Keyring(gbcs=rtds.keystore(shared))
    found = rtds.messages(shared)
    assert len(found) == 794
    assert [name for name, octets in found.items() if build_json(told(octets, ring), ring) != octets] == []


def test_frames_and_dlms_come_back_too() -> None:
    for octets in (
        bytes.fromhex("c001c1000100000100 00ff0200".replace(" ", "")),
        bytes.fromhex("030807ffffffff07a9f3"),
    ):
        source = Source("given", octets)
        document = to_json(source, dissect(source, NO_KEYS))
        assert build_json(document, NO_KEYS) == octets
        with pytest.raises(DissectionError, match=r"cannot be changed|no such value"):
            build_json(
                document, NO_KEYS, {"anything": 1} if document["kind"] == "frame" else {"originator": "x"}
            )


def test_what_show_prints_comes_back_too() -> None:
    capture = hs.open(SAMPLE.with_name("gbcs-messages.pcapng"), keys=SAMPLE)
    frame = capture.frame(capture.message(2).frames[-1])
    document = json.loads(json.dumps(frame.to_json()))
    assert build_json(document, home()) == frame.shown.dissection.buffers["frame"]
    assert build_json(document["messages"][0], home()) == capture.message(2).octets
    leaf = document["fields"][0]["children"][1]
    while leaf["children"]:
        leaf = leaf["children"][0]
    leaf["value"] = 77
    with pytest.raises(DissectionError, match="values of a frame cannot be changed"):
        build_json(document, home())


def test_what_is_changed_in_json_is_made_anew() -> None:
    octets = build_use_case("ECS17b", {"cra": "response", "counter": 1001}, home())
    document = told(octets, home())
    at = next(i for i, one in enumerate(document["items"]) if one["unit"] == "Wh")
    document["items"][at]["value"] = 4321
    document["originator_counter"] = 1002
    again = dissect_message(build_json(document, home()), home().gbcs)
    assert again.items[at]["value"] == 4321
    facts = again.facts
    assert (facts["originator_counter"], facts["mac"], facts["decrypted_parts"]) == (1002, "valid", 1)
    assert (
        again.payload is not None and again.payload.part("long_invoke_id_and_priority")[1] & 0xFFFFFF == 1002
    )
    assert not [issue for issue in again.issues if issue.severity != "note"]


def test_values_of_cosem_are_changed_in_the_json_of_every_message() -> None:
    ring, changed = Keyring(gbcs=own.keystore()), 0
    for row in own.rows():
        document = told(bytes.fromhex(row["hex"]), ring)
        if not str(document.get("payload_kind", "")).startswith("dlms") or "alert" in str(document["cra"]):
            continue
        for at, item in enumerate(document["items"]):
            if isinstance(item["value"], int) and not isinstance(item["value"], bool):
                other = json.loads(json.dumps(document))
                other["items"][at]["value"] = item["value"] ^ 1
                assert told(build_json(other, ring), ring)["items"][at]["value"] == item["value"] ^ 1
                changed += 1
    assert changed > 20


@pytest.mark.parametrize(
    ("octets", "value", "made"),
    [
        ("c401c1000600001391", 77, "c401c100060000004d"),
        ("c401c1000202060000000112002a", [5, 6], "c401c10002020600000005120006"),
        ("c401c10002020600000001020112002a", [1, [7]], "c401c100020206000000010201120007"),
        ("c401c1000903616263", "beef", "c401c100090462656566"),
        (
            "c401c100090c07e40a1907141e0000ffc480",
            "2026-01-05 08:00:00",
            "c401c100090c07ea01050108000000ffc480",
        ),
    ],
)
def test_values_of_dlms_messages_are_changed(octets: str, value: Any, made: str) -> None:
    source = Source("given", bytes.fromhex(octets), "dlms")
    document = json.loads(json.dumps(to_json(source, dissect(source, NO_KEYS))))
    document["items"][0]["value"] = value
    assert build_json(document, NO_KEYS).hex() == made


def test_a_moment_of_a_log_is_changed_as_it_is_written() -> None:
    given = {"cra": "response", "counter": 5, "timestamp": 473_315_200}
    document = told(build_use_case("ECS22b", given, home()), home())
    assert document["items"][0]["value"] == "2014-12-31T04:26:40Z"
    document["items"][0]["value"] = "2026-02-03T04:05:06Z"
    assert told(build_json(document, home()), home())["items"][0]["value"] == "2026-02-03T04:05:06Z"


def test_json_without_octets_is_a_template_with_its_values() -> None:
    document = told(build_use_case("ECS52", {"counter": 5}, home()), home())
    octets = build_json(document, home())
    for key in ("buffers", "fields", "items"):
        del document[key]
    assert build_json(document, home()) == octets


def test_every_template_gives_a_message_that_verifies() -> None:
    ring, made = home(), 0
    roles = {device.role for device in ring.devices.values()}
    for code in use_cases():
        if not has_template(code) or str(role_of(code)) not in roles:
            continue
        for kind in ("command", "response"):
            try:
                octets = build_use_case(hex(code), {"cra": kind, "counter": 7}, ring)
            except DissectionError as error:
                missing = ("is held", "certificate", "is not given")
                assert any(words in error.text for words in missing), f"{code:04x} {error.text}"
                continue
            found = dissect_message(octets, ring.gbcs)
            states = {found.facts["mac"], found.facts["signature"]}
            assert states <= {"valid", "absent"} and "valid" in states, f"{code:04x} {kind} {states}"
            assert found.facts["cra"] == kind and found.error is None
            made += 1
    assert made > 200


def test_values_are_found_by_the_end_of_their_name() -> None:
    rows = setting_rows("ECS17b", {"cra": "response"}, home())
    assert {"path", "item", "value", "meaning"} == set(rows[0])
    octets = build_use_case("0x0059", {"counter": 3, "class_id": 7}, home())
    listed = setting_rows("ECS52", {}, home())
    assert next(one for one in listed if one["path"].endswith("class_id"))["value"] == 1
    assert dissect_message(octets, home().gbcs).payload.specifications[0].target.class_id == 7  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("ECS523", {}, "did you mean ECS52"),
        ("ECS52", {"clas_id": 1}, "did you mean class_id"),
        ("ECS52", {"recipient": "nobody"}, "nobody is called nobody"),
        ("ECS52", {"class_id": 1 << 20}, "class_id cannot be"),
        ("ECS52", {"mac": "maybe"}, "absent or present"),
        (
            "GCA-DLMS",
            {"cra": "alert", "recipient": "Supplier", "originator": "00db1234567890a0"},
            "which alert",
        ),
    ],
)
def test_mistakes_are_told(name: str, values: dict[str, Any], words: str) -> None:
    with pytest.raises(DissectionError, match=words):
        build_use_case(name, values, home())


def test_without_keys_only_what_needs_none() -> None:
    ends = {"originator": "90b3d51f30010000", "recipient": "00db1234567890a0", "counter": 9}
    with pytest.raises(DissectionError, match="no keys are held"):
        build_use_case("ECS52", ends, NO_KEYS)
    bare = build_use_case("ECS52", {**ends, "mac": "absent"}, NO_KEYS)
    assert dissect_message(bare).facts["mac"] == "absent"


def test_keys_that_are_hidden_are_not_made_up() -> None:
    document = told(build_use_case("ECS52", {"counter": 5}, home()), home())
    document["buffers"]["message"] = "**" + document["buffers"]["message"][2:]
    with pytest.raises(DissectionError, match="--reveal"):
        build_json(document, home())


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = key_file(tmp_path / "keys.toml", SAMPLE.read_text("utf-8"))
    said = ["build", "ECS70", "counter=5", "--keys", str(keys)]
    forms = {}
    for form in ("hex", "base64", "gfi"):
        assert main([*said, "--as", form]) == 0
        text = capsys.readouterr().out.strip()
        forms[form] = next(iter(read_sources([text]))).octets
    assert len(set(forms.values())) == 1
    capture = tmp_path / "made.pcapng"
    assert main([*said, "-o", str(capture)]) == 0
    found = hs.open(capture, keys=keys)
    assert found.message(1).content.octets == forms["hex"]
    assert found.packets.summary.str.startswith("ECS70 command").all()
    place = tmp_path / "made.json"
    place.write_text(json.dumps(told(forms["hex"], home())), "utf-8")
    capsys.readouterr()
    assert main(["build", str(place), "originator_counter=6", "--keys", str(keys)]) == 0
    assert (
        dissect_message(bytes.fromhex(capsys.readouterr().out), home().gbcs).facts["originator_counter"] == 6
    )
    assert main(["build", "ECS70", "--list", "--keys", str(keys)]) == 0
    assert "data[0]" in capsys.readouterr().out
    assert main(["build", "ECS70", "colour=blue", "--keys", str(keys)]) == 3
    assert "there is no value colour" in capsys.readouterr().err


def test_one_that_cannot_be_built_stops_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    octets = build_use_case("ECS52", {"counter": 5}, home())
    place = tmp_path / "several.jsonl"
    place.write_text(
        json.dumps({"source": "broken"}) + "\n" + json.dumps(told(octets, NO_KEYS)) + "\n", "utf-8"
    )
    assert main(["build", str(place)]) == 3
    said = capsys.readouterr()
    assert said.out.strip() == octets.hex() and "broken: neither octets" in said.err
    place.write_text("{", "utf-8")
    assert main(["build", str(place)]) == 3
    assert main(["build", str(tmp_path / "missing.json")]) == 3
    assert "No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "octets",
    [
        "6036a1090607608574050801018a0207808b0760857405080201ac0a80083132333435363738be10040e01000000065f1f0400007e1f04b0",
        "d920000517000303006800001e0300ff0102006800001e0300ff0302006800001e0300ff02030204090800db1234567890a0160109103031"
        "3233343536373839414243444546160012005a0301",
    ],
    ids=["a password", "an install code"],
)
def test_a_secret_that_is_not_told_stays_as_it_is(octets: str) -> None:
    made = hs.build(json.loads(json.dumps(hs.message(octets).to_json(reveal=True))))
    assert made.octets.hex() == octets


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no message in it"),
        ("[]", "no message in it"),
        ("[" * 100_000, "nested too deep"),
        ('{"buffers": {"message": "dd00"}, "fields": 5}', "fields: not as"),
        ('{"buffers": {"message": "dd00"}, "fields": [5]}', "fields: not as"),
        ('{"buffers": {"message": "dd00"}, "items": {"a": 1}}', "items: not as"),
        ('{"kind": "frame", "buffers": {"frame": "41"}, "fields": [{"name": "x"}]}', "fields: not as"),
        (
            '{"kind": "frame", "buffers": {"frame": "41"}, "fields": [{"name": "x", "buffer": "frame", '
            '"offset": 0, "length": 1, "value": 1, "bits": 3}]}',
            "fields: not as",
        ),
    ],
    ids=lambda text: text[:32],
)
def test_json_of_another_form_is_told(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "odd.json"
    place.write_text(text, "utf-8")
    assert main(["build", str(place)]) == 3
    err = capsys.readouterr().err
    assert said in err and "internal" not in err


def test_the_values_of_a_json_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = Source("given", bytes.fromhex("c401c1000600001391"), "dlms")
    place = tmp_path / "message.json"
    place.write_text(json.dumps(to_json(source, dissect(source, NO_KEYS))))
    assert main(["build", str(place), "--list"]) == 0
    assert "get-response.get_result.data = 5009" in capsys.readouterr().out
    assert main(["build", str(place), "data=77"]) == 0
    assert capsys.readouterr().out == "c401c100060000004d\n"
    place.write_text("{}")
    assert main(["build", str(place), "--list"]) == 3

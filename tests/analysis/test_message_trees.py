"""`show` of a frame goes on to the last value of the message that it carried a part of; octets and nodes know each other."""

import html
import io
import json
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import hanscope as hs
from analysis.cli import main
from analysis.keys.keyfile import read_keys_text
from analysis.pipeline.decode import Decoded, decode
from analysis.views.frame import Shown, shown_frames, text_lines, to_json
from analysis.views.octets import OctetMap, frame_octets
from captures import write_capture
from captures.simulated.scenarios import simulate
from captures.simulated.scenarios.keyfile import keys_text
from captures.simulated.scenarios.recording import captured
from dissectors import Field, Keyring

STORIES = {
    "the demo": ("install-day", 2100, ("well-known-key", "counter-reset", "gbcs-tamper")),
    "a day": ("ordinary-day", 2500, ()),
    "replays": ("ordinary-day", 2500, ("gbcs-replay",)),
    "use cases": ("proving-exercise", 900, ()),
}


@cache
def told(story: str) -> tuple[bytes, Keyring, Decoded, list[Shown]]:
    name, seconds, faults = STORIES[story]
    han = simulate(name, seed=1, seconds=seconds, faults=faults)
    file = io.BytesIO()
    write_capture(file, captured(han))
    octets, ring = file.getvalue(), read_keys_text(keys_text(han))
    decoded = decode(io.BytesIO(octets), ring, tables=("messages", "items"))
    frames = sorted({int(f) for found in decoded.messages.frames for f in found})
    shown, _ = shown_frames(io.BytesIO(octets), ring, frames)
    return octets, ring, decoded, shown


@pytest.mark.parametrize("story", STORIES)
def test_every_frame_with_a_message_reaches_each_of_its_items(story: str) -> None:
    _, _, decoded, shown = told(story)
    items = {int(n): rows for n, rows in decoded.items.groupby("message")}
    rows = {int(row.message): row for row in decoded.messages.itertuples()}
    assert len(rows) > 10
    assert {kept.message for one in shown for kept in one.messages} == set(rows)
    assert all(one.messages for one in shown)
    for one in shown[:: max(1, len(shown) // 80)]:
        found = {kept["message"]: kept for kept in to_json(one)["messages"]}
        for number, message in found.items():
            assert message["frames"] == list(rows[number].frames) and one.number in message["frames"]
            assert message["use_case"] == _held(rows[number].use_case)
            assert message["mac"] == (_held(rows[number].mac) or "absent")
            expected = items[number] if number in items else decoded.items[:0]
            assert [item["object"] for item in message["items"]] == expected.object.tolist()


def _held(value: Any) -> Any:
    return None if pd.isna(value) else value


def test_a_frame_with_a_piece_shows_the_whole_message_and_marks_its_octets() -> None:
    _, _, decoded, shown = told("the demo")
    several = next(row for row in decoded.messages.itertuples() if len(row.frames) > 2)
    parts, octets = [one for one in shown if one.number in several.frames], set()
    for one in parts:
        text = "\n".join(text_lines(one, False))
        assert (
            "of the message are in this frame (marked >)" in text and f"message {several.message} of" in text
        )
        (message,) = [m for m in to_json(one)["messages"] if m["message"] == several.message]
        for first, last in message["in_frame"]:
            assert octets.isdisjoint(range(first, last + 1))
            octets.update(range(first, last + 1))
    assert octets == set(range(several.length))


@pytest.mark.parametrize("story", STORIES)
def test_a_node_knows_its_octets_and_an_octet_its_node(story: str) -> None:
    _, _, _, shown = told(story)
    for one in shown[:: max(1, len(shown) // 12)]:
        known = frame_octets(one)
        trees = [*one.dissection.fields, *(top for kept in one.messages for top in kept.content.fields)]
        for leaf in (leaf for top in trees for leaf in top.leaves() if leaf.length):
            _check(known, leaf)


def _check(known: OctetMap, leaf: Field) -> None:
    own = known.places(leaf)[0]
    bit = None if leaf.bits is None else leaf.bits[0]
    for place in known.places(leaf):
        node = known.innermost(place.buffer, place.offset, bit)
        assert node is not None
        around = [p for p in known.places(node.field) if p.buffer == place.buffer]
        assert any(p.offset <= place.offset < p.offset + p.length for p in around), (leaf.name, node)
        inside = node.buffer != own.buffer or node.field.length <= leaf.length
        assert inside, "no node within a leaf is greater than it"


def test_octets_of_a_message_are_those_of_its_frame() -> None:
    _, _, _, shown = told("the demo")
    compared = 0
    for one in shown:
        known = frame_octets(one)
        for name, parts in known.parents.items():
            for part in parts:
                if not part.sealed:
                    outer = known.buffers[part.buffer][part.offset : part.offset + part.length]
                    assert known.buffers[name][part.start : part.start + part.length] == outer
                    compared += part.length
    assert compared > 1000


def test_no_key_is_told_without_reveal() -> None:
    _, _, _, every = told("use cases")
    shown = [one for one in every if frame_octets(one).hidden]
    secrets: set[bytes] = set()
    for one in shown:
        known = frame_octets(one)
        for leaf in known.hidden:
            octets = known.buffers[known.places(leaf)[0].buffer][leaf.offset : leaf.end]
            if len(set(octets)) > 4:
                secrets.add(octets)
    print(f"{len(secrets)} keys")
    assert secrets
    for one in shown[:: max(1, len(shown) // 20)]:
        lines = "".join("\n".join(text_lines(one, False)).split())
        document = json.dumps(to_json(one))
        for secret in secrets:
            assert secret.hex() not in lines and secret.hex() not in document, one.number


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The demo as files: a capture and its keys."""
    name, seconds, faults = STORIES["the demo"]
    han = simulate(name, seed=1, seconds=seconds, faults=faults)
    folder = tmp_path_factory.mktemp("home of one")
    with (folder / "han.pcapng").open("wb") as file:
        write_capture(file, captured(han))
    (folder / "keys.toml").write_text(keys_text(han))
    return str(folder / "han.pcapng"), str(folder / "keys.toml")


def test_a_message_by_its_number(home: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    capture, keys = home
    _, _, decoded, _ = told("the demo")
    assert main(["show", capture, "--message", "2,13", "--keys", keys, "--json"]) == 0
    documents = json.loads(capsys.readouterr().out)
    assert [one["message"] for one in documents] == [2, 13]
    rows = decoded.items[decoded.items.message == 2]
    assert [item["object"] for item in documents[0]["items"]] == rows.object.tolist()
    assert main(["show", capture, "--message", "13", "--keys", keys]) == 0
    text = capsys.readouterr().out
    message = hs.open(capture, keys=keys).message(13)
    assert text.startswith(f"message 13 of {capture}, frames ") and message.text() in text
    assert message.to_json() == documents[1] and message.number == 13
    assert main(["show", capture, "--message", "13,999", "--keys", keys]) == 2
    assert "no message 999 in this capture" in capsys.readouterr().err


def test_the_frames_of_an_exchange(home: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    capture, keys = home
    opened = hs.open(capture, keys=keys)
    wanted = opened.exchanges[opened.exchanges.kind == "gbcs"].iloc[0]
    assert main(["show", capture, "--exchange", str(wanted.exchange), "--keys", keys, "--json"]) == 0
    documents = json.loads(capsys.readouterr().out)
    numbers = [one["columns"]["frame"] for one in documents]
    assert (numbers[0], numbers[-1], len(numbers)) == (wanted.first_frame, wanted.last_frame, wanted.frames)
    assert {m["message"] for one in documents for m in one["messages"]} >= {wanted.message}
    assert main(["show", capture, "--exchange", "99999", "--keys", keys]) == 2
    assert "no exchange 99999" in capsys.readouterr().err


def test_a_finding_leads_to_its_message(home: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    capture, keys = home
    assert main(["check", capture, "--keys", keys, "--json", "--quiet"]) == 0
    document = json.loads(capsys.readouterr().out)
    about = [one for one in document["findings"] if one["about"].get("message") is not None]
    assert about and all(one["command"] for one in document["findings"] if one["frames"])
    assert main(["check", capture, "--keys", keys, "--quiet"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for one in about[:3]:
        assert f"    see: {one['command']}" in lines
        assert main(shlex.split(one["command"])[1:]) == 0
        assert f"message {one['about']['message']} of" in capsys.readouterr().out


def _names(fields: list[dict[str, Any]]) -> set[str]:
    return {name for one in fields for name in (one["name"], *_names(one["children"]))}


def test_the_frame_itself_shows_where_its_octets_are_sealed() -> None:
    _, _, _, shown = told("the demo")
    last = [d for d in map(to_json, shown) if "zcl_command" in d["columns"]]
    document = next(d for d in last if d["messages"][0]["mac"] == "valid")
    zcl = next(one for one in document["fields"] if one["name"] == "zcl")
    assert [place["buffer"] for place in zcl["places"]][-1] == "frame"
    assert "mac" in _names(document["messages"][0]["fields"])


def test_explain_says_what_the_parts_are_and_where_that_stands() -> None:
    _, _, _, shown = told("the demo")
    one = next(one for one in shown if to_json(one)["messages"][0]["use_case"] == "ECS70")
    plain, text = list(text_lines(one, False)), list(text_lines(one, False, explain=True))
    assert [line for line in text if line in plain] == plain, "only lines are added"
    assert any("ZigBee 05-3474 R22, 2.2.5.1.4" in line for line in text)
    assert any("| ECS" in line and "service request" in line and "GBCS 4.x" in line for line in text)
    document = to_json(one, explain=True)
    told_of = [node["explanation"] for node in _every(document["fields"]) if "explanation" in node]
    assert len(told_of) > 30 and all(found["document"] and found["clause"] for found in told_of)
    assert not any("explanation" in node for node in _every(to_json(one)["fields"]))
    fields = document["messages"][0]["fields"]
    code = next(node for node in _every(fields) if node["name"] == "message_code")
    assert code["explanation"]["text"].startswith(document["messages"][0]["use_case"])
    assert any("explanation" not in node for node in _every(fields)), "what no table knows says nothing"


def _every(fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [node for one in fields for node in (one, *_every(one["children"]))]


def test_the_verbs_explain(capsys: pytest.CaptureFixture[str]) -> None:
    octets = "dd000000000000471100000000df0901695b0224000000010890b3d5fffef100000890b3d5fffe0000a0000200591"
    octets += "3d92000000100010100010000000201ff8201000064230b7942681f8d91b693dc"
    assert main(["message", octets, "--explain"]) == 0
    out = capsys.readouterr().out
    assert "ECS52: Read ESME/Comms Hub Firmware Version" in out and "An object of the kind data" in out
    assert main(["message", octets]) == 0
    assert "An object of the kind" not in capsys.readouterr().out


def test_the_report_has_the_trees_of_the_messages_that_findings_name(
    home: tuple[str, str], tmp_path: Path
) -> None:
    capture, keys = home
    found = hs.open(capture, keys=keys)
    page = found.report(tmp_path / "report.html").read_text()
    (forged,) = found.where("mac == invalid and use_case == ECS52", "messages").message
    assert f'<a href="#message-{forged}">message {forged}</a>' in page
    begin = page.rindex('<details class="tree">', 0, page.index(f'<div id="message-{forged}"'))
    tree = page[begin:].partition("</details>")[0]
    assert "ECS52 command" in tree and "mac: invalid" in tree and "items (1)" in tree and "GMAC tag" in tree
    assert f"hanscope show {shlex.quote(capture)} --message {forged} --keys" in html.unescape(page)


def test_a_frame_that_repeats_a_piece_shows_the_message_too() -> None:
    octets, ring, _, _ = told("use cases")
    packets = decode(io.BytesIO(octets), ring, tables=("packets",)).packets
    again = packets[packets.summary.str.endswith(", again", na=False)].iloc[0]
    (one,), _ = shown_frames(io.BytesIO(octets), ring, [int(again.frame)])
    assert [kept.message for kept in one.messages] == [again.message]
    assert one.columns["summary"] == again.summary and one.columns["protocol"] == again.protocol


def test_a_capture_of_one_message(home: tuple[str, str], tmp_path: Path) -> None:
    capture, keys = home
    out = str(tmp_path / "one.pcapng")
    assert main(["convert", capture, out, "--message", "13", "--keys", keys, "-q"]) == 0
    assert len(hs.open(out).packets) == len(hs.open(capture, keys=keys).message(13).frames)
    assert main(["convert", capture, out, "--message", "x", "--keys", keys, "-q"]) == 2

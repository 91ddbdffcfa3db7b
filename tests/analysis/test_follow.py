"""`hanscope follow`: the ladder's model, its writers, and what may be followed."""

from __future__ import annotations

import doctest
import json
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest

import hanscope as hs
from analysis.cli.program import main
from analysis.exchanges.kinds import KINDS, OUTCOMES
from analysis.views.ladder import Line, Step, ladder_of
from captures.simulated.scenarios.samples import FOLDER

SAMPLE = "captures/samples/install-day"
KEYS = f"{SAMPLE}.keys.toml"
PICTURE = Path(__file__).parents[2] / "docs" / "ladder.svg"
METER, HUB = "90b3d5fffe0000a0", "90b3d5fffe0000a2"


@cache
def capture() -> hs.Capture:
    return hs.open(f"{SAMPLE}.pcapng", keys=KEYS)


def frame(number: int, seconds: float, text: str, **more: object) -> dict[str, object]:
    row = {"frame": number, "time": int(seconds * 1e9), "summary": text, "nwk_src": "0000", "nwk_dst": "61e9"}
    return {**row, "aps_counter": number, "mac_src": "0000", "mac_seq": number, "exchange": 1, **more}


def exchange(**more: object) -> dict[str, object]:
    return {"exchange": 1, "kind": "zcl", "outcome": "ok", "start": 0, "first_frame": 1, **more}


def test_fragments_hops_and_repetitions_are_one_step() -> None:
    rows = [
        frame(1, 0.0, "1 of 2", aps_counter=7),
        frame(2, 0.1, "1 of 2", aps_counter=7, mac_seq=1),
        frame(3, 0.2, "2 of 2", aps_counter=7),
        frame(4, 0.3, "2 of 2", aps_counter=7, mac_src="61aa"),
        {"frame": 5, "time": 10**9, "mac_type": "ack", "exchange": 1},
    ]
    (step,) = ladder_of("", "", rows, [exchange()], []).steps
    assert (step.frames, step.retries, step.text, step.acknowledged) == ([1, 2, 3, 4], 1, "2 of 2", True)


def test_what_did_not_end_well_is_told_behind_it() -> None:
    told = exchange(outcome="unanswered", status="no answer in 30 s", name="Time: Read Attributes")
    *_, last = ladder_of("", "", [frame(1, 0.0, "Time: Read Attributes")], [told], []).entries
    assert isinstance(last, Line) and last.outcome == "unanswered" and "no answer in 30 s" in last.text


def test_a_silence_is_told() -> None:
    entries = ladder_of("", "", [frame(1, 0.0, "a"), frame(2, 60.0, "b")], [exchange()], []).entries
    assert [type(one) for one in entries] == [Step, Line, Step]
    assert isinstance(entries[1], Line) and entries[1].text == "1 min 0 s later"


def test_an_answer_says_how_long_it_took() -> None:
    back = {"nwk_src": "61e9", "nwk_dst": "0000"}
    rows = [frame(1, 0.0, "ask"), frame(2, 0.25, "answer", **back)]
    _, answer = ladder_of("", "", rows, [exchange(time_to_answer=0.25)], []).steps
    assert answer.answer == 0.25


def test_a_join() -> None:
    found = capture().follow(join="Electricity meter")
    kinds = [one.text.split(":")[0] for one in found.ladder.entries if isinstance(one, Line)]
    assert kinds[:2] == ["join", "key-establishment"]
    assert [one.address for one in found.ladder.parties] == [METER, HUB]
    assert any("Device annce" in one.text and one.target is None for one in found.steps)


def test_nested_exchanges_are_followed() -> None:
    tunnel = capture().exchanges.query("kind == 'tunnel'").iloc[0]
    whole = capture().follow(exchange=int(tunnel.exchange))
    assert [one.frames for one in whole.steps] == [one.frames for one in capture().follow(tunnel=1).steps]
    numbers = {one.exchange for one in whole.steps}
    assert len(numbers) > 2 and any("GBCS" in (one.text + "GBCS") for one in whole.steps)


@pytest.mark.parametrize("wrong", [{"join": "nobody"}, {"message": 999}, {"where": "nwk_src =="}])
def test_what_is_not_there_is_said(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        capture().follow(**wrong)  # type: ignore[arg-type]


def test_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    command = ["follow", f"{SAMPLE}.pcapng", "--keys", KEYS, "--join", "esme"]
    assert main([*command, "--plain"]) == 0
    plain = capsys.readouterr().out
    assert plain.isascii() and "Association Request ok" in plain
    assert main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == 1 and told["entries"][1]["type"] == "step"
    assert main([*command, "--html", str(tmp_path / "a.html")]) == 0
    assert "<table>" in (tmp_path / "a.html").read_text()
    assert main(["follow", f"{SAMPLE}.pcapng", "--exchange", "99999"]) == 2


def test_the_picture_of_the_docs_is_what_the_command_draws() -> None:
    drawn = capture().follow(join="esme").svg()
    ElementTree.fromstring(drawn)
    assert PICTURE.read_text("utf-8") == drawn, (
        f"hanscope follow {SAMPLE}.pcapng --keys {KEYS} --join esme --svg {PICTURE}"
    )


def test_the_page_is_true() -> None:
    page = PICTURE.with_name("exchanges.md")
    assert doctest.testfile(str(page), module_relative=False).failed == 0
    text = page.read_text("utf-8")
    assert all(f"`{one.name}`" in text for one in KINDS) and all(f"| `{one}`" in text for one in OUTCOMES)


def test_times_and_columns_are_those_that_are_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["follow", f"{SAMPLE}.pcapng", "--keys", KEYS, "--join", "esme", "--plain"]
    assert main([*given, "--time", "utc", "--columns", "mac_seq,rssi"]) == 0
    first, second = [line for line in capsys.readouterr().out.splitlines() if line[:6].strip()][2:4]
    assert "T" not in first[:24] and first.startswith("2026-01-05 ") and not second.startswith("2026")
    assert "mac_seq=" in first and "rssi=-" in first
    assert main([*given, "--time", "delta", "--json"]) == 0
    steps = [one for one in json.loads(capsys.readouterr().out)["entries"] if one["type"] == "step"]
    apart = steps[3]["seconds"] - steps[2]["seconds"]
    assert abs(float(steps[3]["shown_time"]) - apart) < 0.002 and "columns" not in steps[3]
    assert main([*given, "--columns", "rsi"]) == 2
    assert "rssi" in capsys.readouterr().err


def test_several_captures_are_followed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    given = ["follow", str(FOLDER), "--keys", KEYS, "--device", "Electricity meter", "--plain"]
    assert main(given) == 0
    told = capsys.readouterr()
    assert told.out.count("device Electricity meter") >= 2 and "gbcs-messages.pcapng" in told.out
    assert main([*given, "--json"]) == 0
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(documents) >= 2 and all(one["title"] == "device Electricity meter" for one in documents)
    assert main([*given, str(tmp_path / "nowhere.pcapng")]) == 3
    capsys.readouterr()
    assert main([*given, "--svg", str(tmp_path / "x.svg")]) == 2
    assert main(["follow", str(FOLDER), "--message", "99", "--keys", KEYS]) == 2
    assert "no message 99" in capsys.readouterr().err

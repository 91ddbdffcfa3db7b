"""`hanscope watch`: what is told of a live source is what the recorded file says in the end; findings are revised openly."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analysis.diagnosis.steps import all_steps
from analysis.engine.checking import check_capture
from analysis.engine.rounds import Standing
from analysis.keys.keyfile import read_keys
from analysis.live.judging import LiveJudge
from analysis.live.kept_frames import KeptFrames
from analysis.live.screen import Screen, event_line
from analysis.live.watching import WatchSink
from analysis.pipeline.decode import decode
from analysis.pipeline.live import run_live
from captures.simulated.scenarios.samples import FOLDER
from tests.key_files import keys_of_sample

CAPTURE = FOLDER / "tampered-message.pcapng"


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return read_keys(keys_of_sample("tampered-message", tmp_path_factory.mktemp("keys")))


@pytest.fixture(scope="module")
def told(keyring: Any) -> tuple[list[dict[str, Any]], KeptFrames]:
    """The events of a sample that comes through a pipe."""
    events: list[dict[str, Any]] = []
    with subprocess.Popen(["cat", str(CAPTURE)], stdout=subprocess.PIPE) as pipe:
        live = KeptFrames(pipe.stdout, frames=64)
        sink = WatchSink(live, events.append)
        sink.judge = LiveJudge()
        run_live(live, keyring, sink)
    return events, live


def test_findings_are_those_of_the_file(told: tuple[list[dict[str, Any]], KeptFrames], keyring: Any) -> None:
    standing: dict[tuple[str, str], Any] = {}
    for one in told[0]:
        if one["event"] == "finding":
            key = (one["rule"], one["device"])
            assert (key in standing) == (one["state"] != "raised")
            standing.pop(key, None)
            if one["state"] != "withdrawn":
                standing[key] = one["evidence"]
    found = check_capture(CAPTURE, keyring).result.findings
    assert standing == {(one.rule, one.device): one.evidence for one in found} and found


def test_exchanges_and_messages_are_told_once(
    told: tuple[list[dict[str, Any]], KeptFrames], keyring: Any
) -> None:
    whole = decode(CAPTURE, keyring)
    for table in ("exchanges", "messages"):
        events = [one for one in told[0] if one["event"] == table.removesuffix("s")]
        assert len(events) == len(whole.table(table)) > 0
    devices = {one.get("eui64") for one in told[0] if one["event"] == "device"}
    assert devices >= set(whole.devices.eui64.dropna())
    assert told[0][-1]["event"] == "end" and told[0][-1]["frames"] == len(whole.packets)


def test_kept_frames_are_bounded(keyring: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.live.kept_frames.MOST_FRAMES", 100)
    with CAPTURE.open("rb") as file:
        live = KeptFrames(file, frames=16)
        given = sum(len(block.frames) for block in live.blocks() if block is not None)
    assert live.given == given > 200
    assert sum(len(block) for block in live.kept()) <= 132 and live.first > 1


def test_what_later_frames_clear_is_withdrawn(keyring: Any) -> None:
    found = check_capture(CAPTURE, keyring).result.findings
    standing = Standing()
    assert {one.state for one in standing.changes(found, 1, 1.0)} == {"raised"}
    gone = list(standing.changes(found[1:], 1, 2.0))
    assert [one.state for one in gone] == ["withdrawn"] and gone[0].finding == found[0] and gone[0].reason
    assert list(standing.changes(found[2:], 10**9, 3.0)) == [], "the frames of the others are no longer kept"
    assert (found[1].rule, found[1].device) in standing.findings


def test_other_words_for_a_finding_are_told_now_and_then(keyring: Any) -> None:
    first, *_ = check_capture(CAPTURE, keyring).result.findings
    standing = Standing()
    assert len(list(standing.changes([first], 1, 1.0))) == 1
    other = [replace(first, evidence="other words")]
    assert list(standing.changes(other, 1, 1.1)) == [] and standing.waiting
    assert [one.state for one in standing.changes(other, 1, 3.0)] == ["changed"] and not standing.waiting
    assert [one.state for one in standing.changes([first], 1)] == ["changed"], "at the end all is told"


def test_hostile_names_stay_on_the_screen(told: tuple[list[dict[str, Any]], KeptFrames]) -> None:
    from rich.console import Console

    screen = Screen("a [bold]pipe\x1b[2J")
    screen._due = float("inf")  # nothing is drawn into this terminal
    screen.tell({"event": "device", "eui64": "0" * 16, "name": "[red]x\x1b[31m", "frames": 1})
    for one in told[0]:
        screen.tell(one)
    console = Console(width=100, height=40, record=True, file=io.StringIO())
    console.print(screen.drawn())
    text = console.export_text()
    assert "[bold]pipe" in text and "[red]x" in text and "\x1b" not in text and "findings" in text
    assert event_line({"event": "rate", "frames": 1}, {}) == ""


@pytest.mark.parametrize("words", [["--jsonl"], []])
def test_the_verb(words: list[str], tmp_path: Path) -> None:
    record = tmp_path / "heard.pcapng"
    command = [
        sys.executable,
        "-m",
        "analysis.cli",
        "watch",
        "simulate:install-day",
        "--speed",
        "0",
        "--frames",
        "300",
    ]
    environment = {name: value for name, value in os.environ.items() if name != "HANSCOPE_KEYS"}
    done = subprocess.run(
        [*command, "--record", str(record), *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and "error" not in done.stderr, done.stderr
    lines = done.stdout.splitlines()
    if words:
        events = [json.loads(line) for line in lines]
        assert {"device", "exchange", "end"} <= {one["event"] for one in events}
        frames = events[-1]["frames"]
        assert all("key" not in one for one in events)
        assert len(decode(record).packets) >= frames >= 300
    else:
        assert lines[-1].startswith("end: ")


def test_a_device_is_followed_step_by_step(keyring: Any) -> None:
    from analysis.diagnosis import diagnose
    from analysis.live.joining import JoinJudge

    capture = FOLDER / "install-day.pcapng"
    events: list[dict[str, Any]] = []
    with subprocess.Popen(["cat", str(capture)], stdout=subprocess.PIPE) as pipe:
        live = KeptFrames(pipe.stdout, frames=64)
        sink = WatchSink(live, events.append)
        sink.judge = JoinJudge(device="ESME")
        run_live(live, keyring, sink)
    states = {one["step"]: one["state"] for one in events if one["event"] == "step"}
    known = diagnose(capture, keyring, "ESME").devices[0].steps
    assert (
        states == {one.step.step: one.state for one in known if one.state != "not seen"}
        and "reached" in states.values()
    )
    awaited = [one for one in events if one["event"] == "awaited"]
    assert awaited and all(bool(one["title"]) == bool(one["check"]) for one in awaited)
    firmware = next(one for one in all_steps() if one.step == "firmware")
    assert firmware.asked and firmware.title not in {one["title"] for one in awaited}
    assert all(event_line(one, {}) for one in events if one["event"] in ("step", "awaited"))


def test_freed_memory_goes_back_where_the_system_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from analysis.pipeline import freed_memory

    freed_memory.give_back()
    monkeypatch.setattr(freed_memory, "_trim", lambda: None)
    freed_memory.give_back()

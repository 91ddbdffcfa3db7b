"""Frames in the report: which are shown, down to which octets, and that keys are not among these."""

from __future__ import annotations

import json
import re

from analysis.engine.checking import check_capture
from analysis.keys.keyfile import read_keys
from analysis.pipeline.source import ReopenableSource
from analysis.report import Tally, render_tally
from analysis.report.named_frames import FRAMES, fitting, named_frames
from analysis.views.shown import shown_frames
from captures.simulated.scenarios.samples import FOLDER

TAMPERED, JOIN = FOLDER / "tampered-message.pcapng", FOLDER / "install-day.pcapng"


def test_frames_of_findings_are_there_with_their_trees_and_octets() -> None:
    ring = read_keys(TAMPERED.with_suffix(".keys.toml"))
    with ReopenableSource(str(TAMPERED)) as source:
        checked = check_capture(source, ring, watcher=Tally)
        shown = named_frames(source, ring, checked.result, checked.reading)
        again = named_frames(source, ring, checked.result)
    assert shown == again and 0 < len(shown) <= FRAMES
    assert {one.frames[0] for one in checked.result.findings if one.frames} <= shown.keys()
    for one in shown.values():
        assert "octets" in one.about and one.lines and one.buffers[0][0] == "frame"
        for at, *_ in one.lines:
            buffer, offset, length = map(int, at.split())
            assert offset + length <= one.buffers[buffer][1]
    page = render_tally(checked.watcher, checked.result, shown=shown)
    assert shown.keys() <= {int(number) for number in re.findall(r'<div id="f-(\d+)"', page)}


def test_no_key_is_in_what_is_shown_of_a_join() -> None:
    told = [json.loads(line) for line in JOIN.with_suffix(".truth.jsonl").read_text("utf-8").splitlines()]
    keys = {row["key"] for row in told if row["kind"] == "key"}
    numbers = [row["frame"] for row in told if row["kind"] == "frame"] or range(1, 400)
    shown, _ = shown_frames(str(JOIN), read_keys(JOIN.with_suffix(".keys.toml")), list(numbers))
    pages = fitting(iter(shown))
    text = "".join("".join(line) for one in pages.values() for line in one.lines)
    panes = "\n".join(line for one in pages.values() for _, _, pane in one.buffers for line in pane)
    octets = (
        re.sub(r"^[0-9a-f]{4,}  (.{23})  (.{23}).*$", r"\1\2", panes, flags=re.M)
        .replace(" ", "")
        .replace("\n", "")
    )
    assert len(keys) > 1 and "Transport Key" in "".join(one.title for one in pages.values())
    assert "**" in panes
    for key in keys:
        assert key not in text and key not in octets
        assert key[:16] not in octets  # nor half of it


def test_a_ladder_is_drawn_of_the_frames_and_of_their_exchanges() -> None:
    checked = check_capture(str(TAMPERED), read_keys(TAMPERED.with_suffix(".keys.toml")), watcher=Tally)
    tally, named = checked.watcher, checked.result.findings[0].frames
    around = tally.ladder_frames.family(named, 40)
    assert set(named) <= set(around) and len(around) > len(named)
    made = tally.ladder_frames.ladder("what", "", tally.view, named, 40)
    assert {one.name for one in made.parties} and named[0] in {
        frame for step in made.steps for frame in step.frames
    }
    few = tally.ladder_frames.family(named, len(named))
    assert few == sorted(named)

"""Captures that lie in memory: a simulated home or frames say the same as the file that would be written of them."""

from pathlib import Path
from typing import Any

import pytest

import hanscope as hs
from analysis.engine.checking import check_capture
from analysis.keys.homes import keys_of_home
from analysis.pipeline.decode import DECODED_TABLES, decode
from captures import CapturedFrame, CaptureError, FcsState, TrailerKind, captured_frames, open_capture
from captures.memory import Frames, MemoryCapture
from captures.simulated.air.profile import profile
from captures.simulated.scenarios import simulate
from captures.simulated.scenarios.recording import write_han

HOMES: dict[str, dict[str, Any]] = {
    "a day with damage": {"name": "ordinary-day", "seed": 4, "seconds": 900, "faults": ["weak-link"]},
    "messages": {
        "name": "proving-exercise",
        "seed": 2,
        "seconds": 90,
        "use_cases": ["ECS17b", "ECS66", "GCS13a"],
    },
    "two bands": {"name": "sub-ghz-day", "seed": 3, "seconds": 600},
    "several sniffers": {
        "name": "ordinary-day",
        "seed": 5,
        "seconds": 600,
        "profile": profile().changed(sniffer__count=3),
    },
}
OTHER = {"link_type", "capture", "source"}  # there is no TAP header, and no file


@pytest.mark.parametrize("home", HOMES)
def test_a_home_says_what_its_capture_says(home: str, tmp_path: Path) -> None:
    han = simulate(**HOMES[home])
    write_han(han, tmp_path / "a.pcapng")
    ours, theirs = decode(han), decode(tmp_path / "a.pcapng", keys_of_home(han))
    assert len(ours.packets) == len(han.medium.heard)
    for table in DECODED_TABLES:
        names = [
            name
            for name in ours.arrow[table].column_names
            if name not in OTHER or table not in ("packets", "messages", "exchanges")
        ]
        assert ours.table(table).select(names).to_pylist() == theirs.table(table).select(names).to_pylist(), (
            table
        )
    assert set(ours.packets.capture) == {HOMES[home]["name"]}


def test_findings_of_a_home(tmp_path: Path) -> None:
    han = simulate("ordinary-day", seed=1, seconds=900, faults=["association-flood"])
    write_han(han, tmp_path / "a.pcapng")
    ours, theirs = (
        {(f.rule, f.device, f.evidence) for f in check_capture(one, keys_of_home(han)).result.findings}
        for one in (han, tmp_path / "a.pcapng")
    )
    assert ours == theirs and any(rule == "association-flood" for rule, _, _ in ours)


def test_frames_are_decoded_as_they_are() -> None:
    han = simulate("ordinary-day", seed=4, seconds=300)
    frames = list(han.captured())
    keys = keys_of_home(han)
    wanted = decode(han).table("packets").drop_columns(["capture"])
    for given in (frames, iter(frames), list(MemoryCapture(han))):
        assert decode(given, keys).table("packets").drop_columns(["capture"]).equals(wanted)
    assert (
        hs.open(frames, keys=keys).packets.nwk_security.value_counts().to_dict()
        == hs.open(han).packets.nwk_security.value_counts().to_dict()
    )
    assert hs.open(frames).frame(5).number == 5
    assert [one.name for one in hs.open([han, han])] == ["ordinary-day"] * 2


def test_frames_and_blocks_are_each_others() -> None:
    frames = [
        CapturedFrame(b"\x02\x00\x07", 5, channel=11, page=0, rssi=-40, lqi=0, comment="first"),
        CapturedFrame(b"\x02\x00\x07\x00\x00", 6, TrailerKind.FCS16, FcsState.BAD, interface=3),
        CapturedFrame(b"octets", 7, link_type=1),
        CapturedFrame(b"", 8, rssi=-128, channel=11),
    ]
    blocks = list(MemoryCapture(Frames(frames)))
    back = [frame for block in blocks for frame in captured_frames(block)]
    assert [(f.octets, f.time_ns, f.trailer, f.channel, f.lqi, f.comment, f.link_type, f.interface) for f in back] == [
        (f.octets, f.time_ns, f.trailer, f.channel, f.lqi, f.comment, f.link_type, f.interface) for f in frames
    ]  # fmt: skip
    assert [f.fcs for f in back] == [FcsState.UNKNOWN, FcsState.BAD, FcsState.UNKNOWN, FcsState.UNKNOWN]
    assert list(MemoryCapture(Frames([]))) == []


def test_a_check_sequence_that_is_there_is_checked() -> None:
    frame = next(iter(simulate("ordinary-day", seconds=30).captured()))
    for octets, state in ((frame.octets, FcsState.GOOD), (frame.octets[:-1] + b"\0", FcsState.BAD)):
        (block,) = MemoryCapture(Frames([CapturedFrame(octets, 1, frame.trailer)]))
        assert block.fcs[0] == state


def test_what_is_no_capture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="not int"):
        decode([1])  # type: ignore[list-item]
    with pytest.raises(CaptureError):
        open_capture(tmp_path / "none.pcap")

"""Filters as Wireshark reads them: tshark finds the same frames, or it is said that it cannot."""

from __future__ import annotations

import shutil
import subprocess
import time
from functools import cache
from pathlib import Path

import pytest

import hanscope as hs
from analysis.cli import main
from analysis.tables.filter_language import FilterError
from analysis.wireshark.display_filter import NoDisplayFilter, display_filter, frames_filter
from analysis.wireshark.opening import open_at
from analysis.wireshark.script import script

SAMPLES = ("gbcs-messages", "tampered-message", "install-day")
needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
OWN = [
    "nwk_src == 0x0000",
    "nwk_src != 0000 and not nwk_dst >= 0xfff8",
    "mac_src == 0000 or mac_seq < 20",
    "mac_dst != 0xffff",
    "mac_type == command and mac_command in (4, 7)",
    "mac_type in (ack, beacon)",
    "not mac_type == data",
    "mac_ack_request == true",
    "mac_ack_request and not mac_pending",
    "frame >= 10 and frame < 40",
    "time >= '2026-01-05T00:00:02.400246085Z' and time < '2026-01-05T00:00:31.081825032Z'",
    "nwk_radius <= 30 and nwk_seq",
    "mac_dst_pan",
    "mac_src >= 0xffff",
    "mac_src == 90:b3:d5:ff:fe:00:00:a0 or mac_dst != 90b3d5fffe0000a0",
]
COPIED = [
    "protocol == ZCL",
    'summary contains "report" or summary contains "(1 of"',
    r'summary matches "^ECS\d+b? (command|response)"',
    'message.use_case == "ECS17b"',
    "message.use_case != ECS17b and message.mac == valid",
    "message and not message.mac == valid",
    "message == 2 or exchange in (3, 4, 5)",
    "message.message >= 2",
    "finding.severity == warning",
]


@cache
def opened(sample: str) -> hs.Capture:
    source = f"captures/samples/{sample}"
    found = hs.open(f"{source}.pcapng", keys=f"{source}.keys.toml")
    assert isinstance(found, hs.Capture)
    return found


def frames_of(sample: str, text: str) -> list[str]:
    return [str(frame) for frame in opened(sample).where(text).frame]


def asked(capture: Path, *options: str) -> list[str]:
    """The frames that tshark finds."""
    done = subprocess.run(
        ["tshark", "-r", str(capture), *options, "-T", "fields", "-e", "frame.number"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture(scope="module", params=SAMPLES)
def copied(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    sample, folder = str(request.param), tmp_path_factory.mktemp("copied")
    source, copy = f"captures/samples/{sample}", folder / "copy.pcapng"
    assert (
        main(["wireshark", f"{source}.pcapng", "--keys", f"{source}.keys.toml", "-o", str(copy), "-q"]) == 0
    )
    (folder / "hanscope.lua").write_text(script(), "utf-8")
    return sample, copy


@needs_tshark
def test_tshark_finds_the_frames_that_a_filter_finds(copied: tuple[str, Path]) -> None:
    sample, copy = copied
    found = 0
    asked_of = OWN + COPIED if sample == "tampered-message" else OWN if sample == "install-day" else COPIED
    for text in asked_of:
        wanted = display_filter(text)
        assert wanted.copy == (text in COPIED)
        lua = ("-X", f"lua_script:{copy.parent / 'hanscope.lua'}") if wanted.copy else ()
        frames = frames_of(sample, text)
        found += bool(frames)
        assert asked(copy, *lua, "-Y", wanted.text) == frames, (text, wanted.text)
    assert found > len(asked_of) // 2


@needs_tshark
def test_frames_are_found_by_number(copied: tuple[str, Path]) -> None:
    sample, copy = copied
    wanted = frames_of(sample, "exchange.outcome == ok and protocol == ZCL")
    text = frames_filter(map(int, wanted))
    assert text is not None and asked(copy, "-Y", text) == wanted
    assert asked(copy, "-Y", str(frames_filter([]))) == []
    assert frames_filter(range(0, 1000, 2)) is None


@pytest.mark.parametrize(
    "text",
    [
        "exchange.outcome == ok",
        "nwk_security == ok",
        "mac_seq > 300",
        "nwk_radius < 1.5",
        "mac_type == noise",
        "mac_seq contains 1",
        "summary < b",
        "finding.severity == error and finding.rule == bad-mic",
        'summary contains "a\tb"',
    ],
)
def test_what_wireshark_cannot_ask_for_is_refused(text: str) -> None:
    with pytest.raises(NoDisplayFilter):
        display_filter(text)


def test_mistakes_stay_mistakes() -> None:
    with pytest.raises(FilterError):
        display_filter("nwk_sorce == 1")


def test_the_verb_says_the_same_filter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [
        "wireshark",
        "captures/samples/install-day.pcapng",
        "-o",
        str(tmp_path / "copy.pcapng"),
        "-q",
        "--where",
    ]
    assert main([*command, "nwk_src == 0"]) == 0
    assert capsys.readouterr().out == "zbee_nwk.src == 0x0000\n"
    assert main([*command, "frame in (3, 4, 9) and exchange.kind == zdp or rssi < -200 or frame == 2"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("frame.number in {2") and "by their numbers" in told.err
    assert main([*command, "nwk_sorce == 0"]) != 0
    assert "nwk_src" in capsys.readouterr().err


def test_wireshark_is_opened_at_a_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, told = tmp_path / "programs", tmp_path / "told"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    path = tmp_path / "a capture.pcapng"
    assert f"wireshark -r '{path}' -g 7 -Y 'zbee_nwk.src == 0x0000'" in open_at(path, 7, "nwk_src == 0")
    program = folder / "wireshark"
    program.write_text(f'#!/bin/sh\nprintf "%s|" "$@" > "{told}.part" && /bin/mv "{told}.part" "{told}"\n')
    program.chmod(0o755)
    for where, last in (("protocol == ZCL", "7"), ("mac_seq == 3", "wpan.seq_no == 3")):
        told.unlink(missing_ok=True)
        assert "opens at frame 7" in open_at(path, 7, where)
        deadline = time.monotonic() + 60
        while not told.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert told.read_text().split("|")[-2] == last

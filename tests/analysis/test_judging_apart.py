"""Findings of a live source are judged over the tables that decoding gives, by a process of its own: these come there whole,
and the process ends with the one that it belongs to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from analysis.engine.checking import check_capture
from analysis.keys.keyfile import read_keys
from analysis.live.judging_apart import BatchReader, BatchWriter
from analysis.pipeline.heard_tables import HeardTables
from analysis.pipeline.passes import DecodedBlock, DecodePass
from analysis.pipeline.runner import run_passes
from analysis.pipeline.sinks import Sink
from captures.simulated.scenarios.samples import FOLDER
from tests.key_files import keys_of_sample

CAPTURE = FOLDER / "tampered-message.pcapng"


class Blocks(Sink):
    """What decoding gave, block by block."""

    def restart(self, decode_pass: DecodePass) -> None:
        self.given: list[tuple[dict[str, Any], int]] = []

    def take(self, block: DecodedBlock) -> None:
        self.given.append((block.batches, block.frames))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return keys_of_sample("tampered-message", tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def given(keys: Path) -> list[tuple[dict[str, Any], int]]:
    blocks = Blocks()
    run_passes(CAPTURE, read_keys(keys), blocks, block_frames=4)
    return blocks.given


def test_batches_come_through_a_pipe_as_they_are_and_words_once(given: Any) -> None:
    writer, reader = BatchWriter(), BatchReader()
    sizes = []
    for batches, _ in given:
        for table, batch in batches.items():
            octets = writer.octets(table, batch)
            assert reader.batch(table, octets).equals(batch)
            sizes += [len(octets)] if table == "packets" else []
    assert len(sizes) > 20 and max(sizes[5:]) < sizes[0] + 20_000


def rows(heard: HeardTables) -> dict[str, list[Any]]:
    return {name: table.to_pylist() for name, table in heard.heard().window.tables.items()}


def test_tables_grow_in_few_batches_and_come_back_to_a_moment(given: Any) -> None:
    heard, half = HeardTables(), len(given) // 2
    for batches, frames in given[:half]:
        heard.take(batches, frames)
    heard.mark(1)
    before = rows(heard)
    assert not heard.changed
    for batches, frames in given[half:]:
        heard.take(batches, frames)
    assert heard.changed and "packets" in heard.heard().grown
    whole = rows(heard)
    assert len(heard._held.batches["packets"]) < 12 < len(given)
    heard.back(1)
    assert {
        name: found for name, found in rows(heard).items() if name not in ("devices", "certificates", "keys")
    } == {name: found for name, found in before.items() if name not in ("devices", "certificates", "keys")}
    for batches, frames in given[half:]:
        heard.take(batches, frames)
    assert rows(heard) == whole and heard.heard().grown == frozenset()


def test_old_frames_are_let_go(given: Any) -> None:
    heard = HeardTables(most=60)
    for batches, frames in given:
        heard.take(batches, frames)
    found = heard.heard()
    kept = found.window.tables["packets"].column("frame").to_pylist()
    assert found.first > 1 and kept[0] == found.first and 30 <= len(kept) <= 64
    assert kept[-1] == given[-1][1]


def watch(keys: Path) -> subprocess.Popen[str]:
    words = (sys.executable, "-m", "analysis.cli", "watch", "-", "--jsonl", "--keys", str(keys))
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_the_command_gives_what_check_gives(keys: Path) -> None:
    with CAPTURE.open("rb") as capture:
        words = (sys.executable, "-m", "analysis.cli", "watch", "-", "--jsonl", "--keys", str(keys))
        done = subprocess.run(words, stdin=capture, capture_output=True, text=True, check=True)
    standing: dict[tuple[str, str], str] = {}
    for event in map(json.loads, done.stdout.splitlines()):
        if event["event"] == "finding":
            standing.pop((event["rule"], event["device"]), None)
            if event["state"] != "withdrawn":
                standing[event["rule"], event["device"]] = event["evidence"]
    found = check_capture(CAPTURE, read_keys(keys)).result.findings
    assert standing == {(one.rule, one.device): one.evidence for one in found} and found


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are looked up in /proc")
def test_who_judges_ends_with_a_command_that_is_killed(keys: Path) -> None:
    with watch(keys) as command:
        assert command.stdin and command.stdout
        command.stdin.buffer.write(CAPTURE.read_bytes())
        command.stdin.flush()
        while json.loads(command.stdout.readline())["event"] != "finding":
            pass
        children = Path(f"/proc/{command.pid}/task/{command.pid}/children").read_text().split()
        command.kill()
        command.stdout.read()  # to its end: nobody holds the pipe any more
    assert len(children) == int(len(os.sched_getaffinity(0)) > 1)
    until = time.monotonic() + 60
    while any(Path(f"/proc/{one}").exists() and not _dead(one) for one in children):
        assert time.monotonic() < until
        time.sleep(0.02)


def _dead(number: str) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True

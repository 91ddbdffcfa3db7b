"""Streams are read once, and yet as often as need be."""

import io
import os
import threading
from pathlib import Path

import pytest

from analysis.pipeline.decode import decode
from analysis.pipeline.passes import DecodedBlock, DecodePass
from analysis.pipeline.runner import run_passes
from analysis.pipeline.sinks import Sink
from analysis.pipeline.source import ReopenableSource
from captures.files import chain, pcap, source
from dissectors.model.keyring import Key, Keyring
from tests.benchmarks.traffic import key, write_pcap

FRAMES = 12_000


class Stream(io.RawIOBase):
    """Gives a few octets at a time, and cannot go back."""

    def __init__(self, octets: bytes) -> None:
        self.rest = octets

    def read(self, size: int = -1, /) -> bytes:
        piece, self.rest = self.rest[: min(size, 50_000)], self.rest[min(size, 50_000) :]
        return piece


@pytest.fixture
def capture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One whose first reading is given up before its end: link keys are used that nobody gave."""
    monkeypatch.setattr(chain, "BLOCK_FRAMES", 1000)
    for module in (source, pcap):
        monkeypatch.setattr(module, "CHUNK", 60_000)  # no more is taken of the stream than a block wants
    path = tmp_path / "traffic.pcap"
    write_pcap(path, FRAMES)
    return path


@pytest.fixture
def ring() -> Keyring:
    ring = Keyring()
    ring.add(Key("network", key(0)))
    return ring


class Rows(Sink):
    """Counts the rows of packets of each pass."""

    tables = ("packets",)

    def __init__(self) -> None:
        self.passes: list[DecodePass] = []

    def restart(self, decode_pass: DecodePass) -> None:
        self.passes.append(decode_pass)
        self.rows = 0

    def take(self, block: DecodedBlock) -> None:
        self.rows += len(block.batches.get("packets", ()))


def test_a_reading_that_is_given_up_loses_nothing_of_a_stream(capture: Path, ring: Keyring) -> None:
    sink = Rows()
    last = run_passes(Stream(capture.read_bytes()), ring, sink)
    assert [one.session.frames < FRAMES for one in sink.passes] == [True, False]
    assert sink.rows == FRAMES and not last.facts.lost


def test_a_stream_is_decoded_as_a_file_is(capture: Path, ring: Keyring) -> None:
    from_file, from_stream = decode(capture, ring), decode(Stream(capture.read_bytes()), ring)
    for table in from_file.arrow:
        one, other = from_file.table(table), from_stream.table(table)
        if "capture" in one.column_names:
            one, other = one.drop_columns(["capture"]), other.drop_columns(["capture"])
        assert one.equals(other), table


def test_a_fifo_is_read_to_its_end(capture: Path, ring: Keyring, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = threading.Thread(target=lambda: fifo.write_bytes(capture.read_bytes()))
    writer.start()
    assert len(decode(fifo, ring).table("packets")) == FRAMES
    writer.join()


def test_the_second_reading_begins_with_what_the_first_one_left(capture: Path) -> None:
    octets = capture.read_bytes()
    with ReopenableSource(Stream(octets)) as replay:
        first = next(iter(replay.open()))
        assert sum(map(len, replay.open())) == FRAMES
        assert len(first) <= 1000
        assert sum(map(len, replay.open())) == FRAMES

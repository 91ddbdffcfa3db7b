"""A live source gives what its recording gives, soon; what is learnt late opens what is still held."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis.keys.keyfile import read_keys
from analysis.pipeline import live
from analysis.pipeline.decode import TableSink, decode
from analysis.pipeline.live import run_live
from analysis.pipeline.passes import DECODED_TABLES, DecodedBlock, DecodePass
from analysis.pipeline.sinks import Sink
from analysis.views.statistics import StatisticsSink
from captures import CaptureError
from captures.live import LiveCapture
from captures.simulated.scenarios import simulate
from captures.simulated.scenarios.keyfile import keys_text
from captures.simulated.scenarios.recording import write_han
from captures.sniffers.simulated import SimulatedSniffer
from dissectors.model.keyring import Keyring

SECONDS = 900


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Keyring]:
    """An installation and its keys; the network key is learnt from the joins."""
    folder = tmp_path_factory.mktemp("home")
    han = simulate("install-day", seed=3, seconds=SECONDS)
    write_han(han, folder / "han.pcapng")
    Path(folder / "keys.toml").write_text(keys_text(han), encoding="utf-8")
    ring = read_keys(folder / "keys.toml")
    ring.keys = [key for key in ring.keys if key.kind != "network"]
    return folder / "han.pcapng", ring


class Counting(TableSink):
    """The tables, and how often they began anew."""

    def __init__(self) -> None:
        super().__init__()
        self.rewound = 0

    def rewind(self, decode_pass: DecodePass, saved: Any) -> None:
        super().rewind(decode_pass, saved)
        self.rewound += 1


def in_pieces(capture: Path, octets: int) -> LiveCapture:
    """The capture through a pipe, so many octets at a time."""
    ours, theirs = os.pipe()
    whole = capture.read_bytes()

    def write() -> None:
        with os.fdopen(theirs, "wb", buffering=0) as pipe:
            for at in range(0, len(whole), octets):
                pipe.write(whole[at : at + octets])

    threading.Thread(target=write, daemon=True).start()
    return LiveCapture(os.fdopen(ours, "rb", buffering=0), latency=0.02, frames=100)


def assert_same(one: TableSink, capture: Path, ring: Keyring) -> None:
    whole = decode(capture, ring)
    for table in DECODED_TABLES:
        found, known = one.table(table), whole.arrow[table]
        names = [name for name in known.column_names if name not in ("capture", "source")]
        assert found.select(names).to_pylist() == known.select(names).to_pylist(), table


@pytest.mark.parametrize("octets", [700, 20_000])
def test_what_is_held_is_opened_by_what_is_learnt_late(home: tuple[Path, Keyring], octets: int) -> None:
    capture, ring = home
    sink, counts = Counting(), StatisticsSink()
    last = run_live(in_pieces(capture, octets), ring, sink, counts)
    assert sink.rewound
    assert_same(sink, capture, ring)
    assert counts.counts.frames == last.session.frames == len(sink.table("packets"))


def test_a_message_that_is_whole_late_is_told_to_frames_that_were_given(
    home: tuple[Path, Keyring], monkeypatch: pytest.MonkeyPatch
) -> None:
    capture, ring = home
    monkeypatch.setattr(live, "PATIENCE", 0.0)
    sink = Counting()
    run_live(in_pieces(capture, 2_000), ring, sink)
    assert_same(sink, capture, ring)
    packets = sink.table("packets").to_pandas()
    assert packets.summary[packets.message.notna()].str.contains(" of ").any()


@pytest.mark.shared
def test_a_network_whose_key_is_heard_late(shared: Path) -> None:
    capture, sink = shared / "captures" / "kb_control4-sample.pcap", Counting()
    run_live(in_pieces(capture, 5_000), None, sink)
    assert sink.rewound
    assert_same(sink, capture, Keyring())
    assert sink.table("packets").column("nwk_security").to_pylist()[:150].count("ok"), "told by frame 151"


def test_memory_is_bounded_and_what_is_no_longer_held_stays_shut(home: tuple[Path, Keyring]) -> None:
    capture, ring = home
    sink = Counting()
    last = run_live(in_pieces(capture, 20_000), ring, sink, held=200)
    assert len(last._stretches) <= 2
    assert sum(len(block.frames) for one in last._stretches for block in one.blocks) <= 400
    whole = decode(capture, ring)
    assert sink.table("packets").column("frame").equals(whole.table("packets").column("frame"))
    ours, theirs = (one.table("packets").column("aps_security").to_pylist() for one in (sink, whole))
    assert {one for one, other in zip(ours, theirs, strict=True) if one != other} <= {"no_key"}


class Watching(Sink):
    """Frames given so far, when they came, and how often nothing did; stops at `most`."""

    tables = ("packets", "devices")

    def __init__(self, live: LiveCapture, most: int) -> None:
        self.live, self.most = live, most
        self.times: list[float] = []
        self.quiets = 0
        self.devices = 0
        self.ended = threading.Event()

    def take(self, block: DecodedBlock) -> None:
        self.times.append(time.monotonic())
        self.devices = len(block.decode_pass.snapshot_tables()["devices"])
        if block.frames >= self.most:
            self.live.stop()

    def quiet(self) -> None:
        self.quiets += 1

    def end(self, decode_pass: DecodePass) -> None:
        self.ended.set()


def test_a_frame_is_given_soon_after_it_was_written(home: tuple[Path, Keyring], tmp_path: Path) -> None:
    capture, ring = home
    os.mkfifo(tmp_path / "fifo")
    live = LiveCapture(tmp_path / "fifo", latency=0.05)
    sink = Watching(live, 10_000)
    thread = threading.Thread(target=run_live, args=(live, ring, sink))
    thread.start()
    octets = capture.read_bytes()
    with (tmp_path / "fifo").open("wb", buffering=0) as fifo:
        fifo.write(octets[:3000])
        wait_for(lambda: sink.times)
        written = time.monotonic()
        before = len(sink.times)
        fifo.write(octets[3000:6000])
        wait_for(lambda: len(sink.times) > before)
        assert sink.times[before] - written < 2, "a tenth of it on a machine that does nothing else"
        wait_for(lambda: sink.quiets > 2)
        assert not sink.ended.is_set()
    thread.join(20)
    assert sink.ended.is_set() and sink.devices


def wait_for(what: Callable[[], Any], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_file_is_followed_as_it_grows_and_left_when_told(
    home: tuple[Path, Keyring], tmp_path: Path
) -> None:
    capture, ring = home
    octets = capture.read_bytes()
    growing = tmp_path / "growing.pcapng"
    growing.write_bytes(octets[:30_000])
    live, sink = LiveCapture(growing, latency=0.05), Counting()
    watch = Watching(live, decode(capture, ring).session.frames)
    thread = threading.Thread(target=run_live, args=(live, ring, sink, watch))
    thread.start()
    wait_for(lambda: watch.quiets)
    assert watch.times
    with growing.open("ab") as file:
        file.write(octets[30_000:])
    thread.join(60)
    assert watch.ended.is_set()
    assert_same(sink, capture, ring)


def test_what_a_sniffer_records_is_not_held_up_by_who_looks(
    home: tuple[Path, Keyring], tmp_path: Path
) -> None:
    _, ring = home
    place = tmp_path / "recorded.pcapng"
    live = LiveCapture(SimulatedSniffer("install-day", 0, 3, 120), record_to=place, latency=0.05)
    sink = Counting()
    last = run_live(live, ring, sink)
    recorded = decode(place, ring).session.frames
    assert last.session.frames + live.dropped == recorded > 100
    told = run_live(LiveCapture(SimulatedSniffer("install-day", 0, 3, 120)), ring, Counting())
    assert told.session.frames == recorded


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("this is no capture, but it is long enough to look at" * 9)
    ours, theirs = os.pipe()
    os.write(theirs, b"no capture at all")
    os.close(theirs)
    ended: list[bool] = []

    class Left(Sink):
        def abandon(self) -> None:
            ended.append(True)

    with pytest.raises(CaptureError):
        run_live(LiveCapture(os.fdopen(ours, "rb", buffering=0)), None, Left())
    with pytest.raises(CaptureError):
        run_live(LiveCapture(tmp_path / "missing"), None, Left())
    assert ended == [True, True]

"""A capture read ahead by another process: the same tables, whatever happens to that process."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.pipeline import prefetch, shared_slots
from analysis.pipeline.blocks import decode_block
from analysis.pipeline.decode import Decoded, decode
from analysis.pipeline.parallel import processors
from analysis.pipeline.passes import CapturePass
from analysis.pipeline.prefetch import PrefetchReader
from analysis.pipeline.shared_slots import SLOTS, SharedSlots
from analysis.pipeline.source import ReopenableSource
from captures import Capture, CaptureError, FrameBlock
from captures.files import chain
from captures.simulated.scenarios import simulate
from captures.simulated.scenarios.recording import write_han
from dissectors.model.keyring import Key, Keyring
from dissectors.zigbee.columns import stateless_layers
from tests.benchmarks.traffic import CASES, Case, key, write_pcap

pytestmark = pytest.mark.skipif(
    processors() == 1, reason="no safe copies here: see test_without_threads.py, which runs these"
)
BLOCK = 500


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks so short that a small capture has many of them."""
    monkeypatch.setattr(chain, "BLOCK_FRAMES", BLOCK)
    monkeypatch.setattr(prefetch, "WORTH", 0)


@pytest.fixture
def blocks_received(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with each block that another process read."""
    found: list[int] = []
    loads = SharedSlots.loads

    def counted(self: Any, *parts: Any) -> Any:
        what = loads(self, *parts)
        found.append(len(what[0]))
        return what

    monkeypatch.setattr(SharedSlots, "loads", counted)
    return found


def traffic(folder: Path, count: int = 6000, case: Case = CASES[0]) -> tuple[Path, Keyring]:
    path = folder / "traffic.pcap"
    write_pcap(path, count, case)
    ring = Keyring()
    for network in range(case.networks):
        ring.add(Key("network", key(network)))
    return path, ring


def assert_same(one: Decoded, other: Decoded) -> None:
    for table in one.arrow:
        assert one.table(table).equals(other.table(table)), table
    assert one.facts == other.facts
    assert one.session.hindsight() == other.session.hindsight()


def counting(found: list[int], deed: Callable[..., Any]) -> Callable[..., Any]:
    """`deed`, with the length of what it is given noted."""

    def counted(first: Any, *others: Any) -> Any:
        found.append(len(first))
        return deed(first, *others)

    return counted


def alone(path: Path, ring: Keyring | None) -> Decoded:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prefetch, "WORTH", 1 << 60)
        return decode(path, ring)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_kind_of_traffic(tmp_path: Path, case: Case, blocks_received: list[int]) -> None:
    path, ring = traffic(tmp_path, 4000, case)
    assert_same(decode(path, ring), alone(path, ring))
    assert len(blocks_received) >= 4


def test_a_reading_in_vain_makes_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first frames are read here: only then is it known whether the rest is worth reading prefetch."""
    path, ring = traffic(tmp_path)
    monkeypatch.setattr("analysis.pipeline.passes.FIRST_LOOK", 300)
    seen: list[int] = []
    made: list[int] = []
    monkeypatch.setattr("analysis.pipeline.passes.decode_block", counting(seen, decode_block))
    monkeypatch.setattr(prefetch, "ForkedProcess", counting(made, prefetch.ForkedProcess))
    expected = alone(path, ring)
    # Given up after the first look, and read again from the start.
    assert seen[:2] == [300, BLOCK] and not made
    seen.clear()
    assert_same(decode(path, ring), expected)
    assert seen[:2] == [300, BLOCK] and len(made) == 1


@pytest.mark.parametrize("scenario", ["install-day", "key-update"])
def test_keys_that_are_learnt_on_the_way(tmp_path: Path, scenario: str, blocks_received: list[int]) -> None:
    """What was read ahead with the keys that were held before is read again with those that are held now."""
    path = tmp_path / "home.pcapng"
    write_han(simulate(scenario, seed=3, seconds=1500), path)
    assert_same(decode(path), alone(path, None))
    assert blocks_received


def test_a_slot_is_not_written_while_something_looks_into_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, ring = traffic(tmp_path)
    held: list[Any] = []
    loads = SharedSlots.loads

    def keeping(self: Any, *parts: Any) -> Any:
        what = loads(self, *parts)
        held.append((what[0].data, what[0].data.copy()))
        return what

    monkeypatch.setattr(SharedSlots, "loads", keeping)
    assert_same(decode(path, ring), alone(path, ring))
    assert len(held) > SLOTS
    assert all(np.array_equal(data, copy) for data, copy in held)


def test_what_does_not_fit_into_a_slot_goes_through_the_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blocks_received: list[int]
) -> None:
    path, ring = traffic(tmp_path)
    expected = alone(path, ring)
    monkeypatch.setattr(shared_slots, "SLOT", 4096)
    assert_same(decode(path, ring), expected)
    assert len(blocks_received) >= 4


def in_the_other(deed: Callable[[], Any]) -> Callable[..., stateless_layers.StatelessLayers]:
    """`read_stateless_layers`, but the other process does `deed` before its third block."""
    here, seen = os.getpid(), [0]

    def reading(*parts: Any) -> stateless_layers.StatelessLayers:
        seen[0] += os.getpid() != here
        if seen[0] == 3:
            deed()
        return stateless_layers.read_stateless_layers(*parts)

    return reading


@pytest.mark.parametrize(
    "deed", [lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: 1 / 0, lambda: signal.pause()]
)
def test_a_process_that_fails_costs_nothing_but_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deed: Callable[[], Any], blocks_received: list[int]
) -> None:
    path, ring = traffic(tmp_path)
    expected = alone(path, ring)
    monkeypatch.setattr(prefetch, "PATIENCE", 1.0)
    monkeypatch.setattr("analysis.pipeline.columns.read_stateless_layers", in_the_other(deed))
    assert_same(decode(path, ring), expected)
    assert blocks_received in ([BLOCK] * 2, [BLOCK] * 4)  # of one reading, or two


def test_without_room_for_a_process_all_is_read_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blocks_received: list[int]
) -> None:
    path, ring = traffic(tmp_path)
    expected = alone(path, ring)

    def refuse(*_: Any) -> None:
        raise OSError(11, "no more processes")

    monkeypatch.setattr(os, "fork", refuse)
    assert_same(decode(path, ring), expected)
    assert not blocks_received


def test_a_capture_that_cannot_be_read_on_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, ring = traffic(tmp_path)
    blocks = Capture._read

    def failing(self: Capture) -> Iterator[FrameBlock]:
        for number, block in enumerate(blocks(self)):
            if number == 3:
                raise CaptureError(self.name, 7, "is no longer what it was")
            yield block

    monkeypatch.setattr(Capture, "_read", failing)
    with pytest.raises(CaptureError, match="no longer"):
        decode(path, ring)


def test_a_reading_that_is_given_up_leaves_no_process(tmp_path: Path) -> None:
    path, ring = traffic(tmp_path)
    reading = CapturePass(ReopenableSource(path), ring, final=True)
    rows = iter(reading)
    while reading.session.frames < 3 * BLOCK:
        next(rows)
    assert multiprocessing.active_children()
    del rows
    assert not multiprocessing.active_children()


def test_damage_is_told_as_ever(tmp_path: Path, blocks_received: list[int]) -> None:
    path, ring = traffic(tmp_path)
    octets = bytearray(path.read_bytes())
    octets[len(octets) // 2 : len(octets) // 2 + 40] = bytes(40)
    path.write_bytes(octets[:-5])
    found = decode(path, ring)
    assert found.lost and blocks_received
    assert_same(found, alone(path, ring))


def test_only_files_are_read_ahead(tmp_path: Path) -> None:
    path, _ = traffic(tmp_path, 1000)
    with path.open("rb") as file, ReopenableSource(file) as replay, replay.open() as capture:
        assert [more for _, more in PrefetchReader(capture, replay, lambda _: 1 / 0)] == [None, None]  # type: ignore[arg-type]


def test_a_limit_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blocks_received: list[int]) -> None:
    path, ring = traffic(tmp_path)
    monkeypatch.setattr("analysis.pipeline.passes.LONG", 0)
    found = decode(path, ring, limit=3100)
    assert blocks_received and len(found.table("packets")) == 3100
    assert found.facts.link_types == [195]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prefetch, "WORTH", 1 << 60)
        assert_same(found, decode(path, ring, limit=3100))

"""The column path gives the tables of the one-frame path, to the last value."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis.keys.keyfile import read_keys
from analysis.pipeline import blocks
from analysis.pipeline.columns import frame_batches
from analysis.pipeline.decode import Decoded, decode
from analysis.pipeline.rows import dissect_rows
from analysis.pipeline.session import Session
from analysis.tables.arrow import batch_of
from captures.block import FrameBlock
from dissectors.model.keyring import Key, Keyring
from dissectors.zigbee.columns.stateless_layers import StatelessLayers
from tests.benchmarks.traffic import CASES, Case, fcs, frames, key, write_pcap

TABLES = ("packets", "attributes", "commands", "devices", "keys", "messages", "items", "certificates")
FRAME_TABLES = ("packets", "attributes", "commands")
QUICK = 150_000
"""Octets of a shared capture above which the comparison reads its first frames only."""


def one_by_one(
    block: FrameBlock, session: Session, _: StatelessLayers | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """What `frame_batches` should give, by the one-frame path alone."""
    rows = dissect_rows(block, session)
    yield len(block), {t: batch_of(t, rows.of(t), session.refuse) for t in FRAME_TABLES}


def decoded(
    monkeypatch: pytest.MonkeyPatch,
    how: Callable[..., Any],
    path: Path,
    ring: Keyring,
    size: int | None = None,
    tables: tuple[str, ...] = TABLES,
) -> Decoded:
    monkeypatch.setattr(blocks, "frame_batches", how)
    limit = 1500 if path.stat().st_size > QUICK else None
    return decode(path, ring, tables=tables, block_frames=size, limit=limit)


def assert_equal(expected: Decoded, found: Decoded, tables: tuple[str, ...] = TABLES) -> None:
    for table in tables:
        a, b = expected.table(table), found.table(table)
        assert a.num_rows == b.num_rows, table
        for name in a.schema.names:
            left, right = a.column(name).to_pylist(), b.column(name).to_pylist()
            if left != right:
                row, x, y = next(
                    (i, x, y) for i, (x, y) in enumerate(zip(left, right, strict=True)) if x != y
                )
                pytest.fail(f"{table}.{name}, row {row}: {x!r} one by one, {y!r} in columns")


def bench_keys(case: Case = CASES[0]) -> Keyring:
    ring = Keyring([Key("network", key(i)) for i in range(case.networks)])
    ring.add(Key("link", bytes.fromhex("d0d1d2d3d4d5d6d7d8d9dadbdcdddedf")))
    return ring


def test_every_shared_capture(monkeypatch: pytest.MonkeyPatch, shared: Path, shared_capture: Path) -> None:
    ring = read_keys(shared / "captures" / "keys.toml")
    expected = decoded(monkeypatch, one_by_one, shared_capture, ring)
    assert_equal(expected, decoded(monkeypatch, frame_batches, shared_capture, ring))


@pytest.mark.parametrize("size", [1, 2, 100, 777, 32768])
def test_the_size_of_blocks_does_not_matter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, size: int
) -> None:
    path = tmp_path / "mix.pcap"
    write_pcap(path, 300 if size < 3 else 1500)
    expected = decoded(monkeypatch, one_by_one, path, bench_keys())
    assert_equal(expected, decoded(monkeypatch, frame_batches, path, bench_keys(), size))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_kind_of_benchmark_traffic(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, case: Case) -> None:
    path = tmp_path / "case.pcap"
    write_pcap(path, 600, case)
    ring = bench_keys(case)
    expected = decoded(monkeypatch, one_by_one, path, ring)
    assert_equal(expected, decoded(monkeypatch, frame_batches, path, ring))


def damaged(rng: random.Random, count: int) -> Iterator[bytes]:
    """Frames with turned bits, cut, lengthened, repeated or moved, most of them with a good FCS again."""
    kept: list[bytes] = []
    for frame in frames(count):
        body = bytearray(frame[:-2])
        for _ in range(rng.choice([0, 0, 1, 2])):
            body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
        if rng.random() < 0.15:
            del body[rng.randrange(1, len(body)) :]
        if rng.random() < 0.1:
            body += rng.randbytes(rng.randrange(1, 4))
        if kept and rng.random() < 0.1:
            body = bytearray(rng.choice(kept[-40:]))
        kept.append(bytes(body))
        yield bytes(body) + struct.pack("<H", fcs(body) ^ (rng.random() < 0.03))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("size", [50, None])
def test_damaged_frames(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seed: int, size: int | None) -> None:
    rng = random.Random(seed)
    path = tmp_path / "damaged.pcap"
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 195))
        for number, frame in enumerate(damaged(rng, 900)):
            out.write(
                struct.pack("<IIII", 1_700_000_000 + number // 50, number % 50 * 20000, *[len(frame)] * 2)
            )
            out.write(frame)
    expected = decoded(monkeypatch, one_by_one, path, bench_keys())
    assert_equal(expected, decoded(monkeypatch, frame_batches, path, bench_keys(), size))

"""Many frames in columns are the same as one after the other, to the last value.

The first octet chooses the size of the blocks; then frames, each behind its length.
"""

from __future__ import annotations

import random
import struct
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from analysis.pipeline import blocks
from analysis.pipeline.columns import frame_batches
from analysis.pipeline.decode import Decoded, decode
from dissectors.model.keyring import Key, Keyring
from tests.analysis.test_columns import TABLES, damaged, one_by_one
from tests.benchmarks.traffic import CASES, fcs, frames, key
from tests.dissectors.zigbee.examples import LINK_KEY, NWK_KEY, examples
from tests.fuzz.reader import joined, parted

LIMIT = 1500
SIZES = (None, 1, 2, 5)
SECONDS = 20.0


def seeds() -> Iterator[bytes]:
    kinds = [octets for _, octets in examples()]
    for size in range(len(SIZES)):
        head = bytes((size,))
        for at in range(0, len(kinds), 6):
            yield head + joined(_checked(one) for one in kinds[at : at + 6])
        for case in CASES:
            yield head + joined(list(frames(8, case)))
        yield head + joined(list(damaged(random.Random(size), 10)))


def _checked(body: bytes) -> bytes:
    return body + struct.pack("<H", fcs(body))


@cache
def _file() -> Path:
    return Path(tempfile.mkdtemp(prefix="hanscope-fuzz-")) / "frames.pcap"


def _ring() -> Keyring:
    ring = Keyring([Key("network", key(i)) for i in range(2)])
    ring.add(Key("link", bytes.fromhex("d0d1d2d3d4d5d6d7d8d9dadbdcdddedf")))
    ring.add(Key("network", NWK_KEY))
    ring.add(Key("link", LINK_KEY))
    return ring


def _decoded(how: Callable[..., Any], size: int | None) -> Decoded:
    held = blocks.frame_batches
    blocks.frame_batches = how
    try:
        return decode(_file(), _ring(), tables=TABLES, block_frames=size)
    finally:
        blocks.frame_batches = held


def check(octets: bytes) -> None:
    size = SIZES[octets[0] % len(SIZES)] if octets else None
    records = parted(octets[1:])[:24]
    if not records:
        return
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 195)
    for number, record in enumerate(records):
        # an even first octet says that the check sequence is to be made good again
        if record[:1] and not record[0] & 0x10 and len(record) > 2:
            record = _checked(record[:-2])
        out += struct.pack("<IIII", 1_700_000_000 + number, number * 1000, len(record), len(record)) + record
    _file().write_bytes(out)
    expected, found = _decoded(one_by_one, None), _decoded(frame_batches, size)
    for table in TABLES:
        one, other = expected.table(table), found.table(table)
        assert one.num_rows == other.num_rows, table
        for name in one.schema.names:
            left, right = one.column(name).to_pylist(), other.column(name).to_pylist()
            assert repr(left) == repr(right), f"{table}.{name}: {left!r} one by one, {right!r} in columns"

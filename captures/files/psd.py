"""TI SmartRF Packet Sniffer files (.psd): records of one size, without a file header.

Record (TI, SmartRF Packet Sniffer, "packet sniffer data file format"): information u8 (bit 0: the length counts the
check sequence, 1: correlation used, 2: incomplete, 3: buffer overflow, 4: generic protocol), number u32, time u64 in
ticks (32 a microsecond on CC253x), then the length and the frame with TI metadata in place of its check sequence, and
octets to spare; all least significant octet first. The length has one octet or two, the frame its PHR before it or not,
and records have 151 or 271 octets or more, by protocol and version: what fits all records of the file is taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from captures.block import Lost
from captures.files.batch import Batch
from captures.files.records import Facts, Interface, Records
from captures.files.source import Source

__all__ = ["PsdReader", "find_layout"]

SIZES = (151, 271, 2066)
TICKS = 32
HEAD = 13
"""Octets before the length."""
INFORMATION = 0x1F
INCOMPLETE, OVERFLOW = 0x04, 0x08
LOOKED_AT = 8
"""Records that must agree."""
SHORTEST = 5


class Layout(NamedTuple):
    """Octets of a record, of its length, and of the PHR."""

    size: int
    width: int
    phr: int


LAYOUTS = tuple(Layout(size, width, phr) for size in SIZES for width, phr in ((2, 1), (1, 0), (2, 0)))


def find_layout(head: bytes) -> Layout | None:
    """The layout of a file that begins with `head` (several records); None when it is no such file."""
    for layout in LAYOUTS:
        records = [head[at : at + layout.size] for at in range(0, len(head), layout.size)][:LOOKED_AT]
        whole = [one for one in records if len(one) == layout.size]
        if whole and all(_fits(one, layout) for one in whole) and _in_order(whole):
            return layout
    return None


def _fits(record: bytes, layout: Layout) -> bool:
    length = int.from_bytes(record[HEAD : HEAD + layout.width], "little")
    begin = HEAD + layout.width + layout.phr
    if record[0] & ~INFORMATION or length - layout.phr < SHORTEST or begin + length > layout.size:
        return False
    if layout.phr and record[begin - 1] != length - 1:
        return False
    rest = record[begin + length - layout.phr :]
    return not any(rest) or len(set(rest)) == 1


def _in_order(records: list[bytes]) -> bool:
    """Numbers go up by one, times do not go back, and the first ones are not beyond belief."""
    numbers = [int.from_bytes(one[1:5], "little") for one in records]
    times = [int.from_bytes(one[5:HEAD], "little") for one in records]
    steady = all(b == a + 1 for a, b in pairwise(numbers))
    return steady and times == sorted(times) and times[-1] < 1 << 56


class PsdReader:
    """Reads one .psd file."""

    def __init__(self, source: Source, layout: Layout) -> None:
        self.source = source
        self.layout = layout
        self.facts = Facts(interfaces=[Interface(195, "TI SmartRF Packet Sniffer")])

    def __iter__(self) -> Iterator[Records]:
        batch, at = Batch(), 0
        while record := self.source.read_all(self.layout.size):
            if len(record) < self.layout.size:
                text = f"cut in a record: {len(record)} of {self.layout.size} octets are there"
                self.facts.lost.append(Lost(at, text, 1))
            else:
                self._frame(record, at, batch)
            at += len(record)
            if batch.full:
                yield batch.taken()
        if len(batch):
            yield batch.taken()

    def _frame(self, record: bytes, at: int, batch: Batch) -> None:
        width, phr = self.layout.width, self.layout.phr
        length = int.from_bytes(record[HEAD : HEAD + width], "little") - phr
        begin = HEAD + width + phr
        if length < 1 or begin + length > len(record):
            self.facts.lost.append(Lost(at, f"a record with a frame of {length} octets", 1))
            return
        marks = [
            text
            for bit, text in ((INCOMPLETE, "incomplete"), (OVERFLOW, "buffer overflow"))
            if record[0] & bit
        ]
        if marks:
            batch.comments[len(batch.octets)] = ", ".join(marks)
        batch.octets.append(record[begin : begin + length])
        batch.size += length
        batch.time_ns.append(int.from_bytes(record[5:HEAD], "little") % (1 << 56) * 1000 // TICKS)

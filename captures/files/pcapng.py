"""pcapng files: sections of either byte order, interfaces with their own link types and clocks.

Layout: draft-ietf-opsawg-pcapng. Strategy as for pcap: the chain of block lengths is followed in runs and
checked at once; enhanced packet blocks become rows by vector operations, all other blocks are rare and are read
one at a time (`captures.files.blocks`).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from captures.block import NO_TIME, Lost
from captures.errors import CaptureError
from captures.files import blocks
from captures.files.chain import Chain, packet_blocks
from captures.files.clock import Clock, nanoseconds
from captures.files.gather import gather
from captures.files.magic import PCAPNG, file_header, next_file_header
from captures.files.records import Facts, Interface, Records
from captures.files.source import CHUNK, Window

__all__ = ["MAGIC", "PcapngReader"]

MAGIC = PCAPNG
LONGEST = 16 * 1024 * 1024
"""A block that says it is longer is damaged (the packets of radio captures are a few hundred octets)."""
HEADER = 12
"""Octets of the shortest block: type, length, and the length once more."""
SEARCH = 65_536
FARTHEST = 16 * 1024 * 1024
"""Octets in which the block after damage is searched for: at first, and at most."""
KNOWN = (0x0A0D0D0A, 1, 2, 3, 4, 5, 6, 9, 10, 0x0BAD, 0x4000_0BAD)
ENHANCED, SIMPLE, OBSOLETE, SECTION = 6, 3, 2, 0x0A0D0D0A


class PcapngReader:
    """Reads one pcapng file; its first octets are still in `window`.

    Raises:
        CaptureError: the first section header is cut or damaged.
    """

    def __init__(self, window: Window, facts: Facts | None = None) -> None:
        self.window = window
        self.facts = facts or Facts()
        self.order = "<"
        self.first = 0  # index in facts.interfaces of this section's first interface
        self.clocks: list[Clock] = []
        self.drops: dict[int, int] = {}
        self.strange: set[int] = set()
        self.chain = Chain(self._look, self._step, HEADER, mean=96.0)
        if not self._section():
            text = "the section header is cut or damaged"
            raise CaptureError(window.source.name, 0, text, "the file was cut, or is no pcapng")

    def __iter__(self) -> Iterator[Records]:
        while self._ready() and file_header(self.window, 0) != "pcap":
            starts, lengths = self._run()
            if not len(starts):
                alone = self._alone()
                if not alone:
                    continue
                starts, lengths = np.array([self.window.begin]), np.array([alone])
            records = self._records(starts, lengths)
            self.window.advance(int(starts[-1] + lengths[-1]))
            if len(records):
                yield records
        for number, count in self.drops.items():
            text = f"interface {number}: {count} packets were dropped while capturing"
            self.facts.lost.append(Lost(0, text, count))

    def _ready(self) -> bool:
        window = self.window
        if window.source.live is None and len(window) < CHUNK // 2:
            window.fill(CHUNK // 2)
        if window.fill(12):
            return True
        if len(window):
            text = f"cut in a block header: {len(window)} octets are there"
            self._lose(window.offset(window.begin), text)
        return False

    def _lose(self, offset: int, text: str, frames: int = 0) -> None:
        self.facts.lost.append(Lost(offset, text, frames))

    def _u32(self, index: int) -> int:
        value: int = struct.unpack_from(self.order + "I", self.window.memory, index)[0]
        return value

    # -- sections ----------------------------------------------------------------------------------------

    def _section(self) -> bool:
        """Read the section header at the front of the window; False when it is none."""
        window = self.window
        if not window.fill(28):
            return False
        at = window.begin
        for order in "<>":
            if self._u32_of(order, at + 8) == 0x1A2B3C4D:
                self.order = order
                break
        else:
            return False
        length = self._u32(at + 4)
        if length < 28 or length % 4 or length > LONGEST or not window.fill(length):
            return False
        body = bytes(window.memory[window.begin + 8 : window.begin + length - 4])
        self.facts.comments += blocks.comments(body, 16, self.order)
        self.first, self.clocks = len(self.facts.interfaces), []
        window.advance(window.begin + length)
        return True

    def _u32_of(self, order: str, index: int) -> int:
        value: int = struct.unpack_from(order + "I", self.window.memory, index)[0]
        return value

    # -- runs of blocks ----------------------------------------------------------------------------------

    def _run(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Starts and lengths of the next whole blocks, up to the next section header."""
        window = self.window
        starts = self.chain.starts(window)
        u32 = self.order + "u4"
        lengths = gather(window.octets, starts + 4, u32).astype(np.int64)
        good = np.append(starts[:-1] + lengths[:-1] == starts[1:], True)
        good &= (lengths >= 12) & (lengths & 3 == 0) & (starts + lengths <= window.end)
        tails = np.where(good, starts + lengths - 4, starts)
        good &= gather(window.octets, tails, u32) == lengths
        good &= gather(window.octets, starts, u32) != SECTION
        count = len(good) if good.all() else int(good.argmin())
        return starts[:count], lengths[:count]

    def _look(
        self, octets: npt.NDArray[np.uint8], begin: int, end: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        return packet_blocks(octets, begin, end, self.order == "<")

    def _step(self, index: int) -> int:
        """Octets of the block at ``memory[index]``, as its header says; 0 for what cannot be one."""
        length = self._u32(index + 4)
        return length if 12 <= length <= LONGEST else 0

    def _records(self, starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> Records:
        octets, u32 = self.window.octets, self.order + "u4"
        types = gather(octets, starts, u32)
        fields = np.zeros((len(starts), 5), np.int64)  # interface, high, low, captured, original
        enhanced = (types == ENHANCED) & (lengths >= 32)
        rows = np.flatnonzero(enhanced)
        fields[rows] = gather(octets, starts[rows] + 8, "V20").view(u32).reshape(-1, 5)
        offsets, present = starts + 28, enhanced
        room = lengths - 32
        for row in np.flatnonzero(~enhanced).tolist():
            start = int(starts[row])
            self._rare(int(types[row]), start, int(lengths[row]))
            packet = self._old_packet(int(types[row]), start, int(lengths[row]))
            if packet is not None:
                offsets[row], room[row], fields[row] = packet[0], packet[1], packet[2]
                present[row] = True
        rows = np.flatnonzero(present)
        return self._rows(rows, starts, offsets, room, fields, types)

    def _rows(
        self,
        rows: npt.NDArray[np.int64],
        starts: npt.NDArray[np.int64],
        offsets: npt.NDArray[np.int64],
        room: npt.NDArray[np.int64],
        fields: npt.NDArray[np.int64],
        types: npt.NDArray[np.uint32],
    ) -> Records:
        """The packet blocks among `rows`, as records."""
        fields, offsets, room, starts = fields[rows], offsets[rows], room[rows], starts[rows]
        known = fields[:, 0] < len(self.clocks)
        if not known.all():
            for row in np.flatnonzero(~known).tolist():
                at = self.window.offset(int(starts[row]))
                self._lose(at, f"packet of interface {int(fields[row, 0])}, which was never described")
            self._undescribed()
            fields[~known, 0] = 0
        captured = np.minimum(fields[:, 3], room)
        for row in np.flatnonzero(captured != fields[:, 3]).tolist():
            at = self.window.offset(int(starts[row]))
            text = f"packet of {int(fields[row, 3])} octets in a block with room for {int(room[row])}"
            self._lose(at, text)
        ticks = fields[:, 1].astype(np.uint64) << np.uint64(32) | fields[:, 2].astype(np.uint64)
        records = Records(
            data=self.window.octets,
            offset=offsets,
            length=captured.astype(np.int32),
            wire_length=np.maximum(np.minimum(fields[:, 4], 0x7FFF_FFFF), captured).astype(np.int32),
            time_ns=self._times(fields[:, 0], ticks),
            interface=(fields[:, 0] + self.first).astype(np.uint16),
        )
        records.time_ns[types[rows] == SIMPLE] = NO_TIME
        self._comments(records, room)
        return records

    def _undescribed(self) -> None:
        """A section without an interface has packets: they get the link type of the last one described."""
        if not self.clocks:
            last = self.facts.interfaces[-1].link_type if self.facts.interfaces else 195
            self.facts.interfaces.append(Interface(last, "undescribed"))
            self.clocks.append(Clock())

    def _times(self, number: npt.NDArray[np.int64], ticks: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
        times = np.empty(len(ticks), np.int64)
        for clock in set(self.clocks):
            mine = np.array([c == clock for c in self.clocks])[number]
            times[mine] = nanoseconds(ticks[mine], clock)
        return times

    def _comments(self, records: Records, room: npt.NDArray[np.int64]) -> None:
        """Comments of the packets that have options (room for four octets or more beyond the padded data)."""
        padded = (records.length.astype(np.int64) + 3) & ~3
        for row in np.flatnonzero(room - padded >= 4).tolist():
            start = int(records.offset[row] + padded[row])
            body = bytes(self.window.memory[start : start + int(room[row] - padded[row])])
            said = blocks.comments(body, 0, self.order)
            if said:
                records.comments[row] = "\n".join(said)

    # -- rare blocks -------------------------------------------------------------------------------------

    def _old_packet(self, kind: int, start: int, length: int) -> tuple[int, int, list[int]] | None:
        """Data offset, room and fields of a simple or an obsolete packet block."""
        if kind == SIMPLE and length >= 16:
            original = self._u32(start + 8)
            snap = self.facts.interfaces[self.first].snap_length if self.clocks else 0
            captured = min(original, snap or original, length - 16)
            return start + 12, length - 16, [0, 0, 0, captured, original]
        if kind == OBSOLETE and length >= 32:
            number, _, high, low, captured, original = struct.unpack_from(
                self.order + "HHIIII", self.window.memory, start + 8
            )
            return start + 28, length - 32, [number, high, low, captured, original]
        return None

    def _rare(self, kind: int, start: int, length: int) -> None:
        body = bytes(self.window.memory[start + 8 : start + length - 4])
        if kind == 1:
            found = blocks.interface(body, self.order)
            if found is None:
                self._lose(self.window.offset(start), "interface description block is cut")
                return
            self.facts.interfaces.append(found[0])
            self.clocks.append(found[1])
            self.facts.comments += found[2]
        elif kind == 4:
            self.facts.names.update(blocks.names(body, self.order))
        elif kind == 5:
            count = blocks.drops(body, self.order)
            if count is not None and count[1]:
                self.drops[self.first + count[0]] = count[1]
        elif kind == 10:
            self.facts.secrets += blocks.secrets(body, self.order)[1]
        elif kind not in KNOWN and kind not in self.strange:
            self.strange.add(kind)
            self._lose(self.window.offset(start), f"blocks of unknown type 0x{kind:08x} were skipped")

    # -- one block at a time, where the file is cut or damaged -------------------------------------------

    def _alone(self) -> int:
        """Length of the first block, which is no part of a run; 0 when it was skipped or was a section."""
        window = self.window
        at, kind, length = window.offset(window.begin), self._u32(window.begin), self._u32(window.begin + 4)
        if kind == SECTION and self._section():
            return 0
        if 12 <= length <= LONGEST and window.fill(length):
            after = window.begin + length
            if self._u32(after - 4) == length:
                return length
            padded = blocks.pad4(length)
            if padded > length and window.fill(padded) and self._u32(window.begin + padded - 4) == length:
                return padded
            after = window.begin + length
            if self._is_block(after):
                self._lose(at, "the two lengths of a block differ: the first was taken")
                return length
        return self._resume(at, kind, length)

    def _resume(self, at: int, kind: int, length: int) -> int:
        """Look for the next whole block; the first one is given up, or given when its frame is whole."""
        window = self.window
        found = self._search()
        joined = next_file_header(window, 4, found or len(window))
        found = joined if joined is not None else found
        frames = int(kind in (ENHANCED, SIMPLE, OBSOLETE))
        if found is not None:
            if frames and self._u32(window.begin + found - 4) == found:
                self._lose(at, f"block length {length} is damaged: {found} was taken, which its end says")
                return found
            self._lose(at, f"damaged block: {found} octets up to the next one were skipped", frames)
            window.advance(window.begin + found)
            return 0
        have = len(window)
        captured = self._u32(window.begin + 20) if have >= 28 else 0
        whole = kind == ENHANCED and 0 < captured <= have - 28
        text = f"cut in a block: {have} of {length} octets are there"
        if length <= have:
            text = f"{have} octets that hold no whole block"
        self._lose(at, text, 0 if whole else frames)
        if not whole:
            window.advance(window.end)
            return 0
        length = blocks.pad4(28 + captured) + 4
        self._lengthen(length)
        return length

    def _lengthen(self, length: int) -> None:
        """Let the window hold `length` octets; the last ones are zeros from the padding."""
        self.window.end = self.window.begin + length

    def _is_block(self, index: int) -> bool:
        """A whole block starts at ``memory[index]``, or the file ends there."""
        window = self.window
        offset = index - window.begin
        if not window.fill(offset + 12):
            return len(window) == offset
        index = window.begin + offset
        length = self._u32(index + 4)
        if length < 12 or length % 4 or length > LONGEST:
            return False
        if not window.fill(offset + length):
            return self._u32(window.begin + offset) in KNOWN
        return self._u32(window.begin + offset + length - 4) == length

    def _search(self) -> int | None:
        """How many octets on the next whole block starts."""
        window, index, reach = self.window, 4, SEARCH
        while True:
            if len(window) < reach and not window.ended:
                window.fill(reach if window.source.live is None else len(window) + 1)
            stop = min(len(window), reach) - 12
            if stop > index:
                rows = np.arange(window.begin + index, window.begin + stop + 1)
                u32 = self.order + "u4"
                lengths = gather(window.octets, rows + 4, u32)
                good = np.isin(gather(window.octets, rows, u32), KNOWN)
                good &= (lengths >= 12) & (lengths & 3 == 0) & (lengths <= LONGEST)
                for offset in (rows[good] - window.begin).tolist():
                    if self._is_block(window.begin + offset):
                        return int(offset)
                index = stop
            if reach >= FARTHEST or (window.ended and reach >= len(window)):
                return None
            reach *= 4

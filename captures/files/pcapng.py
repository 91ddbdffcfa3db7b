"""pcapng files: sections of either byte order, interfaces with their own link types and clocks.

Layout: draft-ietf-opsawg-pcapng. Strategy as for pcap: the chain of block lengths is followed in runs and
checked at once; enhanced packet blocks become rows by vector operations, all other blocks are rare and are read
one at a time (`captures.files.blocks`). Where the chain is interrupted (damage, a section), blocks are read one by one
(`captures.files.repair`), and the next true block is searched for (`captures.files.block_search`).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from captures.block import NO_TIME
from captures.errors import CaptureError
from captures.files import blocks
from captures.files.block_search import (
    ENHANCED,
    HEADER,
    LONGEST,
    OBSOLETE,
    SECTION,
    SIMPLE,
    BlockSearch,
)
from captures.files.chain import Chain, packet_blocks
from captures.files.magic import PCAPNG, file_header, next_file_header
from captures.files.records import Facts, Records
from captures.files.repair import ChainReader, Starts
from captures.files.section import Section
from captures.files.source import CHUNK, Window
from captures.gather import gather

__all__ = ["MAGIC", "PcapngReader"]

MAGIC = PCAPNG


class PcapngReader(ChainReader):
    """Reads one pcapng file; its first octets are still in `window`.

    Raises:
        CaptureError: the first section header is cut or damaged.
    """

    def __init__(self, window: Window, facts: Facts | None = None) -> None:
        super().__init__(window, facts, CHUNK // 2)
        self.header = HEADER
        self.order = "<"
        self.section = Section(self.facts, self.order)
        self.search = BlockSearch(window, self.section)
        self.chain = Chain(self._look, self._step, HEADER, mean=96.0)
        if self.facts.interfaces:
            self.chain.interrupted()  # the file may be short
        if not self._section():
            text = "the section header is cut or damaged"
            raise CaptureError(window.source.name, 0, text, "the file was cut, or is no pcapng")

    def _joined(self) -> bool:
        """A pcap file begins here; a section of pcapng is part of this one."""
        return file_header(self.window, 0) == "pcap"

    def _cut_header(self, have: int) -> None:
        self._lose(self.window.offset(self.window.begin), f"cut in a block header: {have} octets are there")

    def _whole(self, length: int) -> int:
        return length

    def __iter__(self) -> Iterator[Records]:
        yield from super().__iter__()
        self.section.tell_drops()

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
            if struct.unpack_from(order + "I", window.memory, at + 8)[0] == 0x1A2B3C4D:
                break
        else:
            return False
        length: int = struct.unpack_from(order + "I", window.memory, at + 4)[0]
        if length < 28 or length % 4 or length > LONGEST or not window.fill(length):
            return False
        self.order = self.search.order = order
        body = bytes(window.memory[window.begin + 8 : window.begin + length - 4])
        self.facts.comment(blocks.comments(body, 16, order), window.offset(window.begin))
        self.section.begin(order)
        window.advance(window.begin + length)
        return True

    # -- runs of blocks ----------------------------------------------------------------------------------

    def _run(self) -> Starts:
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

    def _look(self, octets: npt.NDArray[np.uint8], begin: int, end: int) -> Starts:
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
        known = fields[:, 0] < len(self.section)
        if not known.all():
            for row in np.flatnonzero(~known).tolist():
                self._stranger(int(starts[row]), int(fields[row, 0]))
            fields[~known, 0] = 0
        captured = np.minimum(fields[:, 3], room)
        for row in np.flatnonzero(captured != fields[:, 3]).tolist():
            self._too_long(int(starts[row]), int(fields[row, 3]), int(room[row]))
        ticks = fields[:, 1].astype(np.uint64) << np.uint64(32) | fields[:, 2].astype(np.uint64)
        records = Records(
            data=self.window.octets,
            offset=offsets,
            length=captured.astype(np.int32),
            wire_length=np.maximum(np.minimum(fields[:, 4], 0x7FFF_FFFF), captured).astype(np.int32),
            time_ns=self.section.times(fields[:, 0], ticks),
            interface=self.section.places(fields[:, 0]),
        )
        records.time_ns[types[rows] == SIMPLE] = NO_TIME
        self._comments(records, room)
        return records

    def _stranger(self, start: int, number: int) -> None:
        at = self.window.offset(start)
        self._lose(at, f"packet of interface {number}, which was never described")
        self.section.undescribed()

    def _too_long(self, start: int, captured: int, room: int) -> None:
        at = self.window.offset(start)
        self._lose(at, f"packet of {captured} octets in a block with room for {room}")

    def _comments(self, records: Records, room: npt.NDArray[np.int64]) -> None:
        """Comments of the packets that have options (room for four octets or more beyond the padded data)."""
        padded = (records.length.astype(np.int64) + 3) & ~3
        for row in np.flatnonzero(room - padded >= 4).tolist():
            said = self._said(int(records.offset[row] + padded[row]), int(room[row] - padded[row]))
            if said:
                records.comments[row] = said

    def _said(self, start: int, room: int) -> str:
        """The comments among the options at ``memory[start]``."""
        return "\n".join(blocks.comments(bytes(self.window.memory[start : start + room]), 0, self.order))

    # -- rare blocks -------------------------------------------------------------------------------------

    def _old_packet(self, kind: int, start: int, length: int) -> tuple[int, int, list[int]] | None:
        """Data offset, room and fields of a simple or an obsolete packet block."""
        if kind == SIMPLE and length >= 16:
            original = self._u32(start + 8)
            captured = min(original, self.section.snap_length or original, length - 16)
            return start + 12, length - 16, [0, 0, 0, captured, original]
        if kind == OBSOLETE and length >= 32:
            number, _, high, low, captured, original = struct.unpack_from(
                self.order + "HHIIII", self.window.memory, start + 8
            )
            return start + 28, length - 32, [number, high, low, captured, original]
        return None

    def _rare(self, kind: int, start: int, length: int) -> None:
        body = bytes(self.window.memory[start + 8 : start + length - 4])
        self.section.take(kind, body, self.window.offset(start))

    # -- one block at a time, where the file is cut or damaged -------------------------------------------

    def _sound(self) -> int | None:
        window = self.window
        kind, length = self._u32(window.begin), self._u32(window.begin + 4)
        if kind == SECTION or length % 4 or not HEADER <= length <= len(window):
            return None
        return length if self._u32(window.begin + length - 4) == length else None

    def _mend(self) -> None:
        length = self._alone()
        if length:
            self._take(length)

    def _take(self, length: int) -> None:
        self._packet(self.window.begin, length)
        self.window.advance(self.window.begin + length)

    def _packet(self, start: int, length: int) -> None:
        """Take in one block: as a row of the batch, if it holds a packet."""
        kind = self._u32(start)
        if kind == ENHANCED and length >= 32:
            number, high, low, captured, original = struct.unpack_from(
                self.order + "5I", self.window.memory, start + 8
            )
            offset, room = start + 28, length - 32
        else:
            self._rare(kind, start, length)
            packet = self._old_packet(kind, start, length)
            if packet is None:
                return
            offset, room, (number, high, low, captured, original) = packet
        if number >= len(self.section):
            self._stranger(start, number)
            number = 0
        if captured > room:
            self._too_long(start, captured, room)
            captured = room
        octets = bytes(self.window.memory[offset : offset + captured])
        time_ns = NO_TIME if kind == SIMPLE else self.section.time(number, high << 32 | low)
        padded = blocks.pad4(captured)
        said = self._said(offset + padded, room - padded) if room - padded >= 4 else ""
        wire = max(min(original, 0x7FFF_FFFF), captured)
        self.batch.append(octets, time_ns, self.section.place(number), wire, said)

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
            if self.search.is_block(after):
                self._lose(at, "the two lengths of a block differ: the first was taken")
                return length
        size = self.search.extent(window.begin)
        if size:
            which = (
                "the two lengths of a block differ" if size == length else f"block length {length} is damaged"
            )
            taken = (
                "the first was taken"
                if size == length
                else f"{size} was taken, which its packet and its end say"
            )
            self._lose(at, f"{which}: {taken}")
            return size
        return self._resume(at, kind, length)

    def _resume(self, at: int, kind: int, length: int) -> int:
        """Look for the next whole block; the first one is given up, or given when its frame is whole."""
        window = self.window
        cut = kind in self.search.KNOWN and 12 <= length <= LONGEST and length % 4 == 0
        found, how = self.search.following(whole=cut and not window.fill(length))
        joined = next_file_header(window, 4, found)
        if joined is not None:
            found, how = joined, "found"
        frames = int(kind in (ENHANCED, SIMPLE, OBSOLETE))
        if how == "far":
            self._lose(at, f"{found} octets that hold no whole block were skipped", frames)
            window.advance(window.begin + found)
            return 0
        if how == "found":
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

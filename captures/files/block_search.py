"""Where the next block of a pcapng file starts, behind damage."""

from __future__ import annotations

import re
import struct

from captures.files.repair import Outcome, search
from captures.files.section import Section
from captures.files.source import Window

__all__ = ["ENHANCED", "HEADER", "LONGEST", "OBSOLETE", "SECTION", "SIMPLE", "BlockSearch"]

LONGEST = 16 * 1024 * 1024
"""A block that says it is longer is damaged (the packets of radio captures are a few hundred octets)."""
HEADER = 12
"""Octets of the shortest block: type, length, and the length once more."""
TYPE_AND_LENGTH = 8
SHORTEST = 32
"""Octets of the shortest enhanced packet block."""
OPTIONS = 64
"""Options of a packet that are walked over to find the end of its block."""
ENHANCED, SIMPLE, OBSOLETE, SECTION = 6, 3, 2, 0x0A0D0D0A


def _pattern(order: str) -> re.Pattern[bytes]:
    """Octets that look like a known block type with a length of at most 16 MiB, a multiple of four; or like an
    enhanced packet block, whatever its length says."""
    types = [struct.pack(order + "I", kind) for kind in BlockSearch.KNOWN]
    kinds = b"|".join(re.escape(octets) for octets in types)
    low = b"[" + b"".join(re.escape(bytes([octet])) for octet in range(0, 256, 4)) + b"]"
    length = low + rb"..[\x00\x01]" if order == "<" else rb"[\x00\x01].." + low
    small = rb"..\x00\x00" if order == "<" else rb"\x00\x00.."  # number of the interface, and captured octets
    packet = re.escape(struct.pack(order + "I", ENHANCED)) + b".{4}" + small + b".{8}" + small
    return re.compile(b"(?=(?:" + kinds + b")" + length + b"|" + packet + b")", re.DOTALL)


class BlockSearch:
    """Finds blocks in a window; `order` is that of the section."""

    KNOWN = (0x0A0D0D0A, 1, 2, 3, 4, 5, 6, 9, 10, 0x0BAD, 0x4000_0BAD)

    def __init__(self, window: Window, section: Section) -> None:
        self.window = window
        self.section = section
        self.order = "<"
        self._patterns = {order: _pattern(order) for order in "<>"}

    def _u32(self, index: int) -> int:
        value: int = struct.unpack_from(self.order + "I", self.window.memory, index)[0]
        return value

    def is_block(self, index: int, *, whole: bool = False) -> bool:
        """A block starts at ``memory[index]``, or the file ends there; `whole`: and the block is there to its end."""
        window = self.window
        offset = index - window.begin
        if not window.fill(offset + HEADER):
            return len(window) == offset
        length = self._u32(window.begin + offset + 4)
        if length < HEADER or length % 4 or length > LONGEST:
            return False
        if not window.fill(offset + length):
            return not whole and self._u32(window.begin + offset) in self.KNOWN
        return self._u32(window.begin + offset + length - 4) == length

    def extent(self, index: int) -> int:
        """Octets of the enhanced packet block at ``memory[index]``, as its body tells them; 0 when it does not.

        The packet and the options fill the block, and its end says the same; or the first length does; or another
        block begins there.
        """
        window, memory = self.window, self.window.memory
        if window.end - index < SHORTEST or self._u32(index) != ENHANCED:
            return 0
        captured, original = self._u32(index + 20), self._u32(index + 24)
        size = 28 + (captured + 3 & ~3)
        if (
            self._u32(index + 8) >= max(len(self.section), 1)
            or captured > min(original, 0xFFFF)
            or index + size + 4 > window.end
        ):
            return 0
        if self._u32(index + 4) == size + 4:
            return size + 4
        at = index + size
        for _ in range(OPTIONS):
            if at + 4 > window.end:
                break
            if self._u32(at) == at + 4 - index:
                return at + 4 - index
            at += 4 + (struct.unpack_from(self.order + "H", memory, at + 2)[0] + 3 & ~3)
        after = index + size + 4
        return size + 4 if after + 4 <= window.end and self._u32(after) in self.KNOWN else 0

    def following(self, *, whole: bool) -> tuple[int, Outcome]:
        """The next block behind the first one (`captures.files.repair.search`).

        `whole`: what is cut off by the end of the file is no block; for there is one that is cut already.
        """

        def certain(offset: int) -> bool:
            at = self.window.begin + offset
            return self.is_block(at, whole=whole) or bool(self.extent(self.window.begin + offset))

        return search(
            self.window, 1, lambda: self._patterns[self.order], certain, TYPE_AND_LENGTH, whole=False
        )

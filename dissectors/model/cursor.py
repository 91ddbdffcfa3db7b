"""The one bounds-checked reader that every hand-written layer uses.

A `Cursor` walks a window of a buffer and knows its absolute position, so every field that is read
through it knows its span. Reading past the window raises `Truncated` with layer and offset; nothing
else is ever raised by reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dissectors.model.errors import Malformed, Truncated

__all__ = ["Cursor"]


class Cursor:
    """Reads a buffer from `offset` to `end` (both absolute).

    >>> c = Cursor(bytes.fromhex("01 0203 0405"), layer="example")
    >>> c.u8(), hex(c.u16le()), c.offset, c.remaining
    (1, '0x302', 3, 2)
    >>> c.take(3)
    Traceback (most recent call last):
    dissectors.model.errors.Truncated: example: offset 3: truncated: need 3 octets, have 2
    """

    __slots__ = ("data", "end", "layer", "offset")

    def __init__(self, data: bytes, offset: int = 0, end: int | None = None, *, layer: str = "") -> None:
        self.data = data
        self.offset = offset
        self.end = len(data) if end is None else min(end, len(data))
        self.layer = layer

    @property
    def remaining(self) -> int:
        """Octets left in the window."""
        return self.end - self.offset

    def need(self, count: int) -> None:
        """Raise `Truncated` unless `count` octets are left."""
        if count > self.end - self.offset:
            raise Truncated(count, self.end - self.offset, layer=self.layer, offset=self.offset)

    def take(self, count: int) -> bytes:
        """The next `count` octets."""
        if count < 0:
            raise Malformed(f"negative length {count}", layer=self.layer, offset=self.offset)
        self.need(count)
        start = self.offset
        self.offset = start + count
        return self.data[start : start + count]

    def rest(self) -> bytes:
        """All octets left in the window."""
        return self.take(self.end - self.offset)

    def peek(self, count: int = 1) -> bytes:
        """Up to `count` octets, without moving; shorter at the end of the window."""
        return self.data[self.offset : min(self.offset + count, self.end)]

    def skip(self, count: int) -> None:
        """Step over `count` octets."""
        self.take(count)

    def uint_le(self, count: int) -> int:
        """Unsigned integer of `count` octets, least significant first (ZigBee)."""
        return int.from_bytes(self.take(count), "little")

    def uint_be(self, count: int) -> int:
        """Unsigned integer of `count` octets, most significant first (DLMS, GBCS)."""
        return int.from_bytes(self.take(count), "big")

    def u8(self) -> int:
        if self.offset >= self.end:
            raise Truncated(1, 0, layer=self.layer, offset=self.offset)
        value = self.data[self.offset]
        self.offset += 1
        return value

    def u16le(self) -> int:
        return self.uint_le(2)

    def u24le(self) -> int:
        return self.uint_le(3)

    def u32le(self) -> int:
        return self.uint_le(4)

    def u48le(self) -> int:
        return self.uint_le(6)

    def u64le(self) -> int:
        return self.uint_le(8)

    def u16be(self) -> int:
        return self.uint_be(2)

    def u32be(self) -> int:
        return self.uint_be(4)

    def u64be(self) -> int:
        return self.uint_be(8)

    def i8(self) -> int:
        return int.from_bytes(self.take(1), "little", signed=True)

    @contextmanager
    def window(self, count: int) -> Iterator[Cursor]:
        """Narrow the reader to the next `count` octets: a length-prefixed body.

        On leaving, all of it must have been read; `Malformed` names what was left over.
        """
        self.need(count)
        outer, self.end = self.end, self.offset + count
        try:
            yield self
            if self.offset != self.end:
                raise Malformed(
                    f"{self.end - self.offset} octets left over", layer=self.layer, offset=self.offset
                )
        finally:
            self.end = outer

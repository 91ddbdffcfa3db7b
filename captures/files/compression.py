"""Compressed captures: gzip, zstd and lz4 frames, told from their first octets.

Strategy: every decompressor gives at most as many octets as are asked for, so a small file that unfolds to
gigabytes costs time, never memory; what was unfolded before a damaged place is kept.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, Protocol

from captures.block import Lost
from captures.errors import CaptureError
from captures.files.source import Source
from dissectors.modules import MissingExtra, needed

__all__ = ["MAGICS", "decompressed"]

PIECE = 65_536
"""Compressed octets taken at a time."""
ZSTD_PIECE = 256
"""For zstd, whose output cannot be bounded otherwise: 64 blocks of 128 KiB at most."""
ZSTD_WINDOW = 1 << 27
"""The largest window that a zstd frame may ask for, as in the zstd command."""


class Inflater(Protocol):
    """One compressed member. `unused` is what came after its end."""

    ended: bool
    unused: bytes

    def step(self, piece: bytes, size: int) -> bytes: ...

    def another(self) -> Inflater:
        """For the member that follows this one."""

    @property
    def hungry(self) -> bool: ...


class _Gzip:
    def __init__(self) -> None:
        self.inner = zlib.decompressobj(31)
        self.ended, self.unused = False, b""
        self.error: zlib.error | None = None

    def another(self) -> Inflater:
        return _Gzip()

    def step(self, piece: bytes, size: int) -> bytes:
        if self.error:
            raise self.error
        piece = self.inner.unconsumed_tail + piece
        before = self.inner.copy()
        try:
            out = self.inner.decompress(piece, size)
        except zlib.error as error:
            self.error = error
            return self._salvage(before, piece, size)
        self.ended, self.unused = self.inner.eof, self.inner.unused_data
        return out

    def _salvage(self, inner: Any, piece: bytes, size: int) -> bytes:
        """What lies before the damaged octet, octet by octet; the next step raises the error."""
        out = []
        for at in range(len(piece)):
            try:
                out.append(inner.decompress(piece[at : at + 1], size))
            except zlib.error:
                break
        return b"".join(out)

    @property
    def hungry(self) -> bool:
        return not self.inner.unconsumed_tail and self.error is None


class _Zstd:
    def __init__(self, outer: Any = None) -> None:
        zstandard = needed("zstandard", extra="compressed", use="reading zstd")
        self.outer = outer or zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
        self.inner = self.outer.decompressobj()
        self.ended, self.unused, self.waiting = False, b"", b""

    def another(self) -> Inflater:
        return _Zstd(self.outer)  # to make it takes longer than to read a short frame

    def step(self, piece: bytes, size: int) -> bytes:
        self.waiting += piece
        piece, self.waiting = self.waiting[:ZSTD_PIECE], self.waiting[ZSTD_PIECE:]
        out: bytes = self.inner.decompress(piece)
        if self.inner.eof:
            self.ended, self.unused = True, self.inner.unused_data + self.waiting
        return out

    @property
    def hungry(self) -> bool:
        return not self.waiting


class _Lz4:
    def __init__(self) -> None:
        self.inner = needed("lz4.frame", extra="compressed", use="reading lz4").LZ4FrameDecompressor()
        self.ended, self.unused = False, b""

    def another(self) -> Inflater:
        return _Lz4()

    def step(self, piece: bytes, size: int) -> bytes:
        out: bytes = self.inner.decompress(piece, size)
        if self.inner.eof:
            self.ended, self.unused = True, self.inner.unused_data or b""
        return out

    @property
    def hungry(self) -> bool:
        return bool(self.inner.needs_input)


MAGICS: dict[bytes, tuple[str, Callable[[], Inflater]]] = {
    b"\x1f\x8b": ("gzip", _Gzip),
    b"\x28\xb5\x2f\xfd": ("zstd", _Zstd),
    b"\x04\x22\x4d\x18": ("lz4", _Lz4),
}


class _Inflated:
    """Reads what a source holds compressed, member after member."""

    def __init__(self, source: Source, name: str, first: Inflater, magic: bytes) -> None:
        self.source, self.name, self.magic = source, name, magic
        self.inflater: Inflater | None = first
        self.given = 0
        self.left = b""
        self.surplus = b""

    def read(self, size: int, /) -> bytes:
        out = self.surplus or self._inflated(size)
        self.surplus = out[size:]
        return out[:size]

    def _inflated(self, size: int) -> bytes:
        """At least one octet, as long as there are any; zstd may give more than `size`."""
        while self.inflater is not None:
            if self.inflater.ended:
                self._next_member(self.inflater.unused)
                continue
            piece, self.left = self.left, b""
            if not piece and self.inflater.hungry:
                piece = self.source.read(PIECE)
                if not piece:
                    self._stop(f"the {self.name} stream was cut: its end is missing")
                    return b""
            try:
                out = self.inflater.step(piece, size)
            except Exception as error:  # each library has its own
                self._stop(f"damaged {self.name} stream: {error}")
                return b""
            if out:
                self.given += len(out)
                return out
        return b""

    def _next_member(self, unused: bytes) -> None:
        while len(unused) < len(self.magic) and (piece := self.source.read(PIECE)):
            unused += piece
        if unused.startswith(self.magic) and self.inflater is not None:
            self.inflater, self.left = self.inflater.another(), unused
            return
        self.inflater = None
        if unused.strip(b"\0"):
            self.source.lost.append(Lost(self.given, f"octets after the end of the {self.name} stream"))

    def _stop(self, text: str) -> None:
        self.source.lost.append(Lost(self.given, text))
        self.inflater = None

    def close(self) -> None:
        self.source.close()


def decompressed(source: Source) -> Source:
    """`source`, or a source of what it holds compressed.

    Raises:
        CaptureError: the library for this compression is not installed.
    """
    head = source.peek(4)
    for magic, (name, make) in MAGICS.items():
        if head.startswith(magic):
            try:
                inflated = _Inflated(source, name, make(), magic)
            except MissingExtra as error:
                raise CaptureError(source.name, None, error.text, hint=error.hint) from error
            return Source(inflated, source.name, None, source.size, source)
    return source

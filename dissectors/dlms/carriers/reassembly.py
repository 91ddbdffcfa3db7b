"""Joining what the carrier split: HDLC segments by N(S), M-Bus telegrams by segment number, TCP by sequence.

Each joiner takes pieces as they come and hands out whole service data units; what is repeated is dropped,
what is missing is said, nothing is kept without bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from dissectors.dlms.association import Bounded
from dissectors.dlms.carriers.hdlc import HdlcFrame
from dissectors.dlms.carriers.mbus import Telegram
from dissectors.model.origins import Origin, Part, origins_within

__all__ = ["HdlcSegments", "MbusSegments", "Piece", "TcpStream", "Unit"]

MAX_PIECES = 4096
MAX_HELD = 4 * 1024 * 1024


class Piece(NamedTuple):
    """A part of a unit: its octets and where they begin in the buffer that was read."""

    octets: bytes
    offset: int
    number: int | None = None


class Unit(NamedTuple):
    """A whole service data unit: its pieces in order (one when nothing was split)."""

    pieces: list[Piece]

    @property
    def octets(self) -> bytes:
        """The joined octets."""
        return b"".join(piece.octets for piece in self.pieces)

    def parts(self, buffer: str) -> Iterator[Part]:
        """Where its octets lie in `buffer`, which was read."""
        start = 0
        for piece in self.pieces:
            yield Part(start, len(piece.octets), buffer, piece.offset)
            start += len(piece.octets)


@dataclass(slots=True)
class HdlcSegments:
    """Segments by (destination, source); I frames in the order of N(S), UI frames as they come."""

    open: Bounded[tuple[bytes, bytes], list[Piece]] = field(default_factory=Bounded)
    before: Bounded[tuple[bytes, bytes], Piece] = field(default_factory=Bounded)
    notes: list[tuple[int, str]] = field(default_factory=list)

    def feed(self, frame: HdlcFrame, data: bytes) -> Unit | None:
        """Take an I or UI frame; the unit that it completes, if any."""
        key = (frame.destination, frame.source)
        start, end = frame.info
        piece = Piece(data[start:end], start, frame.send_number)
        pieces = self.open.setdefault(key, [])
        if self._repeated(key, pieces, piece, frame.start):
            return None
        if not pieces and not frame.segmented:
            del self.open[key]
            self.before[key] = piece
            return Unit([piece])
        pieces.append(piece)
        if len(pieces) > MAX_PIECES:
            self.notes.append((frame.start, f"more than {MAX_PIECES} segments without a last one, dropped"))
            del self.open[key]
            return None
        if frame.segmented:
            return None
        del self.open[key]
        self.before[key] = piece
        return Unit(self._ordered(pieces, frame.start))

    def _repeated(self, key: tuple[bytes, bytes], pieces: list[Piece], piece: Piece, at: int) -> bool:
        if piece.number is None:
            return False
        before = [*pieces[-7:], *([self.before[key]] if key in self.before else [])]
        same = any(p.number == piece.number and p.octets == piece.octets for p in before)
        if same and (not pieces or pieces[-1].number is None or piece.number != (pieces[-1].number + 1) % 8):
            self.notes.append((at, f"N(S)={piece.number} repeated (retransmission)"))
            if not pieces:
                self.open.pop(key, None)
            return True
        return False

    def _ordered(self, pieces: list[Piece], at: int) -> list[Piece]:
        """Pieces in the order of N(S), counted from the first; a gap is noted."""
        numbers = [p.number for p in pieces]
        if None in numbers:
            return pieces
        steps = [((b or 0) - (a or 0)) % 8 for a, b in pairwise(numbers)]
        if all(step == 1 for step in steps):
            return pieces
        if len(pieces) <= 7:
            first = numbers[0] or 0
            ordered = sorted(pieces, key=lambda p: ((p.number or 0) - first) % 8)
            gaps = [((b.number or 0) - (a.number or 0)) % 8 for a, b in pairwise(ordered)]
            if all(gap == 1 for gap in gaps):
                return ordered
        self.notes.append((at, f"gap in the segments: N(S) {', '.join(map(str, numbers))}"))
        return pieces

    @property
    def unfinished(self) -> list[list[Piece]]:
        """Segments whose last one has not come."""
        return [pieces for pieces in self.open.values() if pieces]


@dataclass(slots=True)
class MbusSegments:
    """Telegrams by (STSAP, DTSAP), joined in the order of the segment number."""

    open: Bounded[tuple[int, int], list[Piece]] = field(default_factory=Bounded)
    notes: list[tuple[int, str]] = field(default_factory=list)

    def feed(self, telegram: Telegram, data: bytes) -> Unit | None:
        """Take a telegram with a DLMS segment; the unit that it completes, if any."""
        assert telegram.ports is not None
        start, end = telegram.body
        piece = Piece(data[start:end], start, telegram.segment)
        pieces = self.open.setdefault(telegram.ports, [])
        if telegram.segment == 0 and pieces:
            if not telegram.last and pieces[0].octets == piece.octets and len(pieces) == 1:
                self.notes.append((telegram.start, "segment 0 repeated"))
                return None
            self.notes.append(
                (telegram.start, "a new message begins before the last segment of the one before")
            )
            pieces.clear()
        elif pieces and pieces[-1].number == piece.number and pieces[-1].octets == piece.octets:
            self.notes.append((telegram.start, f"segment {piece.number} repeated"))
            return None
        pieces.append(piece)
        if len(pieces) > MAX_PIECES:
            self.notes.append(
                (telegram.start, f"more than {MAX_PIECES} segments without a last one, dropped")
            )
            del self.open[telegram.ports]
            return None
        if not telegram.last:
            return None
        del self.open[telegram.ports]
        numbers = [p.number for p in pieces]
        if numbers[0]:
            text = f"segment {numbers[0]} without those before it, passed over"
            self.notes.append((telegram.start, text))
            return None
        if numbers != [i & 15 for i in range(len(pieces))]:
            self.notes.append((telegram.start, f"segments missing: {', '.join(map(str, numbers))} came"))
        return Unit(pieces)

    @property
    def unfinished(self) -> list[list[Piece]]:
        """Segments whose last one has not come."""
        return [pieces for pieces in self.open.values() if pieces]


@dataclass(slots=True)
class TcpStream:
    """One direction of a TCP connection: octets in the order of their sequence numbers.

    Attributes:
        next: the sequence number that is expected; None before the first segment.
        held: segments that came too early, by sequence number.
        ready: octets in order that nobody took yet.
        origins: which frames brought them.
        lost: octets that were given up because too much was held.
    """

    next: int | None = None
    held: dict[int, tuple[bytes, int, int]] = field(default_factory=dict)
    ready: bytearray = field(default_factory=bytearray)
    origins: list[Origin] = field(default_factory=list)
    lost: int = 0
    held_octets: int = 0

    @property
    def size(self) -> int:
        """Octets that nobody took yet."""
        return len(self.ready) + self.held_octets

    def feed(self, sequence: int, octets: bytes, frame: int, syn: bool = False, offset: int = 0) -> None:
        """Take a segment; `frame`, and where they begin in its record, is remembered for the octets that it brought."""
        if syn:
            self.next = (sequence + 1) & 0xFFFFFFFF
            self.held.clear()
            self.held_octets = 0
            return
        if not octets:
            return
        if self.next is None:
            self.next = sequence
        ahead = _distance(self.next, sequence)
        if ahead <= 0:
            self._append(octets[-ahead:], frame, offset - ahead)
        elif len(self.held) < MAX_PIECES:
            self.held_octets += len(octets) - len(self.held.get(sequence, (b"", 0, 0))[0])
            self.held[sequence] = (octets, frame, offset)
        self._take_held()
        if self.held_octets > MAX_HELD or len(self.held) >= 64:
            self._skip()

    def _append(self, octets: bytes, frame: int, offset: int) -> None:
        if not octets or self.next is None:
            return
        self.origins.append(Origin(frame, len(self.ready), len(octets), offset))
        self.ready += octets
        self.next = (self.next + len(octets)) & 0xFFFFFFFF

    def _take_held(self) -> None:
        while self.held and self.next is not None:
            start = min(self.held, key=lambda s: _distance(self.next or 0, s))
            ahead = _distance(self.next, start)
            if ahead > 0:
                return
            octets, frame, offset = self.held.pop(start)
            self.held_octets -= len(octets)
            self._append(octets[-ahead:] if -ahead < len(octets) else b"", frame, offset - ahead)

    def _skip(self) -> None:
        """Give up the octets that never came, so that those after them can be read."""
        start = min(self.held, key=lambda s: _distance(self.next or 0, s))
        self.lost += _distance(self.next or 0, start)
        self.next = start
        self._take_held()

    def flush(self) -> None:
        """At the end of a capture: what is held behind a gap is read all the same."""
        while self.held:
            self._skip()

    def take(self, count: int) -> tuple[bytes, list[Origin]]:
        """The first `count` octets that are ready, and which frames brought them."""
        octets, size = bytes(self.ready[:count]), len(self.ready)
        del self.ready[:count]
        taken = origins_within(self.origins, 0, count)
        self.origins = origins_within(self.origins, count, size)
        return octets, taken


def _distance(origin: int, sequence: int) -> int:
    """How far `sequence` lies after `origin`, modulo 2**32; negative when before."""
    return (sequence - origin + 0x80000000 & 0xFFFFFFFF) - 0x80000000

"""What frames carry of GBCS and DLMS messages: cells of their rows that are known only when a message is complete.

Strategy: a frame that carries a piece is read long before the message that it belongs to. So what its row says of the
message waits here, by the frame's number, until the row leaves (`analysis.pipeline.holding`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from analysis.pipeline.message_text import Line, Parties, head_line, message_line
from dissectors import Keyring, Message
from dissectors.model import Piece

__all__ = ["REACH", "CarriedMessages", "Cells"]

REACH = 32_768
"""Frames after a piece within which its message is complete, or the piece is not told which message it is of."""
REPEATED = 4096
"""Frames whose message is remembered, for frames that repeat them."""
PROTOCOLS = {"gbcs": "GBCS", "dlms": "DLMS"}


class Cells(NamedTuple):
    """What the row of a frame says of the message that it carries; None leaves what is there."""

    message: int | None = None
    protocol: str | None = None
    summary: str | None = None


@dataclass(slots=True, eq=False, repr=False)
class CarriedMessages:
    """Cells that wait for the rows of their frames to leave (kept in the context).

    Attributes:
        cells: by frame.
        pieces: of messages that are not complete, by frame.
        repeated: what the last frames carried: number of the message, its protocol, its line.
        left: the last frame whose row has left.
        missed: the first frame whose row had left when it was known what it carries; None while there is none.
    """

    cells: dict[int, Cells] = field(default_factory=dict)
    pieces: dict[int, Piece] = field(default_factory=dict)
    repeated: OrderedDict[int, tuple[int, str | None, Line | None]] = field(default_factory=OrderedDict)
    left: int = 0
    missed: int | None = None
    _parties: Parties | None = None

    def note_piece(self, piece: Piece, frame: int) -> None:
        """A frame carried a piece and completed nothing."""
        if piece.repeats is None:
            self.pieces[frame] = piece
            return
        known = self.repeated.get(piece.repeats)
        if known is not None:
            number, protocol, line = known
            text = f"{line.piece(piece.place, piece.total)}, again" if line else None
            self.cells[frame] = Cells(number, protocol, text)

    def note_message(
        self,
        message: Message,
        number: int,
        carriers: tuple[Sequence[int], Sequence[int]],
        now: int,
        keyring: Keyring,
        word: str = "fragment",
    ) -> None:
        """A message was read.

        Args:
            message: it, and its number in the `messages` table.
            carriers: the frames that carried it, and which piece each of them.
            now: the frame that completed it.
            keyring: what people call its parties.
            word: what a piece is called.
        """
        frames, places = carriers
        protocol, line = PROTOCOLS.get(message.kind), message_line(message, self._names(keyring))
        total = max(places, default=1)
        for frame, place in zip(frames, places, strict=True):
            if now - frame <= REACH:
                text = line.piece(place, total, word) if line else None
                self._put(frame, Cells(number, protocol, text))
                self.pieces.pop(frame, None)
            self._remember(frame, (number, protocol, line))

    def note_rest(self, number: int, frames: Sequence[int], now: int) -> None:
        """What there was of a message that will not be complete became a row of its own."""
        for frame in frames:
            if now - frame <= REACH:
                self._put(frame, Cells(number))

    def taken(self, first: int, last: int, keyring: Keyring) -> dict[int, Cells]:
        """The cells of the frames from `first` to `last`, which then wait no more."""
        self.left = last
        found = {frame: self.cells.pop(frame) for frame in _within(self.cells, first, last)}
        for frame in _within(self.pieces, first, last):
            piece, known = self.pieces.pop(frame), found.get(frame, Cells())
            line = head_line(piece.head, self._names(keyring)) if piece.kind == "gbcs" else None
            if line is not None:
                text = f"{line.piece(piece.place, piece.total)}: piece of an incomplete message"
                found[frame] = Cells(known.message, PROTOCOLS[piece.kind], text)
        return found

    def _put(self, frame: int, cells: Cells) -> None:
        if frame > self.left:
            self.cells[frame] = cells
        elif self.missed is None or frame < self.missed:
            self.missed = frame

    def _remember(self, frame: int, whole: tuple[int, str | None, Line | None]) -> None:
        self.repeated[frame] = whole
        while len(self.repeated) > REPEATED:
            self.repeated.popitem(last=False)

    def _names(self, keyring: Keyring) -> Parties:
        if self._parties is None:
            self._parties = Parties.of(keyring)
        return self._parties


def _within(held: dict[int, Any], first: int, last: int) -> Iterator[int]:
    return iter([frame for frame in held if first <= frame <= last])

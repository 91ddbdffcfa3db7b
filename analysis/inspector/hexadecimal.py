"""Octets in lines of 16 with their characters; a span of them lit, secrets as stars."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widgets import Static

__all__ = ["HexPane", "hex_text", "offset_at"]

LIT = "bold black on yellow"
ROW = 16
FIRST, HALF, CHARACTERS = 6, 25, 56
"""Columns: of the first octet, of the ninth behind it, of the first character."""


def hex_text(octets: bytes, lit: tuple[int, int], hidden: Iterable[tuple[int, int]] = ()) -> Text:
    """The octets as rich text, those from ``lit[0]`` up to ``lit[1]`` highlighted."""
    covered = {at for begin, end in hidden for at in range(begin, end)}
    out = Text(no_wrap=True)
    for start in range(0, len(octets), ROW):
        row = range(start, start + ROW)
        out.append(f"{start:04x}  ", "dim")
        for at in row:
            pair = "  " if at >= len(octets) else "**" if at in covered else f"{octets[at]:02x}"
            inside = lit[0] <= at < min(lit[1], len(octets))
            joined = inside and at + 1 < lit[1] and at + 1 < len(octets) and at + 1 < start + ROW
            gap = "  " if at == start + 7 else " "
            out.append(pair, LIT if inside else "")
            out.append(gap, LIT if joined else "")
        out.append(" ")
        for at in row:
            if at < len(octets):
                shown = "*" if at in covered else chr(octets[at]) if 0x20 <= octets[at] < 0x7F else "."
                out.append(shown, LIT if lit[0] <= at < lit[1] else "")
        out.append("\n")
    return out


def offset_at(column: int, row: int) -> int | None:
    """The octet that stands at a place of `hex_text`, as hex or as character; None beside them.

    >>> offset_at(6, 0), offset_at(31, 1), offset_at(56, 0), offset_at(2, 0)
    (0, 24, 0, None)
    """
    if CHARACTERS <= column < CHARACTERS + ROW:
        return row * ROW + column - CHARACTERS
    behind = column - FIRST
    if not 0 <= behind < CHARACTERS - FIRST - 1:
        return None
    return row * ROW + (min(behind // 3, 7) if behind < HALF else 8 + (behind - HALF) // 3)


class HexPane(Static):
    """The octets of a buffer; a click chooses one."""

    class Chosen(Message):
        """An octet was chosen."""

        def __init__(self, offset: int) -> None:
            super().__init__()
            self.offset = offset

    def on_click(self, event: events.Click) -> None:
        place = event.get_content_offset(self)
        offset = None if place is None else offset_at(place.x, place.y)
        if offset is not None:
            self.post_message(self.Chosen(offset))

"""Octets in lines of 16 with their characters; a span of them lit, secrets as stars."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

__all__ = ["hex_text"]

LIT = "bold black on yellow"
ROW = 16


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

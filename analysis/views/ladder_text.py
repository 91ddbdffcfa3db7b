"""A ladder in a fixed-width font: for terminals, and in plain ASCII for an email."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from analysis.views.ladder import Ladder, Line, Step
from dissectors.text import printable

__all__ = ["ASCII", "LINES", "Marks", "lines_of_entries", "text_lines"]


class Marks(NamedTuple):
    """The characters that a ladder is drawn with."""

    life: str
    shaft: str
    right: str
    left: str
    every: str
    silence: str
    acknowledged: str


LINES = Marks("│", "─", "▶", "◀", "●", "┆", "✓")
ASCII = Marks("|", "-", ">", "<", "*", ":", "ok")
MARGIN, NARROW, WIDE = 9, 12, 26
"""`MARGIN` is that of the frame numbers beside the times."""
COLOURS = {
    "ok": "32",
    "refused": "31",
    "failed": "31",
    "unanswered": "33",
    "incomplete": "33",
    "running": "36",
}


def text_lines(
    ladder: Ladder, width: int = 100, marks: Marks = LINES, *, colour: bool = False
) -> Iterator[tuple[str, str]]:
    """Lines, each with what is put before it raw (colour).

    Args:
        width: columns that there are; a ladder of many parties is wider.
    """
    for _, lead, line in lines_of_entries(ladder, width, marks, colour=colour):
        yield lead, line


def lines_of_entries(
    ladder: Ladder, width: int = 100, marks: Marks = LINES, *, colour: bool = False
) -> Iterator[tuple[Step | Line | None, str, str]]:
    """Lines as `text_lines` gives them, each with the entry that it draws; None for those of the ladder itself."""
    count = max(len(ladder.parties), 1)
    times = max(9, *(len(one.when) for one in ladder.steps)) if ladder.steps else 9
    margin = times + MARGIN
    column = max(NARROW, min(WIDE, (width - margin - 40) // count))
    yield None, "", printable(ladder.title)
    yield None, "", ""
    for words in _heads(ladder, column):
        yield None, "", " " * margin + words
    for one in ladder.entries:
        yield one, *_entry(one, count, column, margin, marks, colour)
    if ladder.left_out:
        yield None, "", f"... and {ladder.left_out:,} more frames"


def _heads(ladder: Ladder, column: int) -> Iterator[str]:
    rows = [[_cut(one.name, column - 1) for one in ladder.parties]]
    rows.append([one.role or one.address for one in ladder.parties])
    for row in rows:
        yield "".join(word[: column - 1].ljust(column) for word in row).rstrip()


def _entry(
    one: Step | Line, count: int, column: int, margin: int, marks: Marks, colour: bool
) -> tuple[str, str]:
    if isinstance(one, Line):
        if one.kind == "silence":
            lives = "".join(marks.silence.ljust(column) for _ in range(count))
            return "", " " * margin + lives + one.text
        lead = f"\x1b[{COLOURS.get(one.outcome, '0')}m" if colour else ""
        tail = "\x1b[0m" if colour else ""
        sign = "==" if one.kind == "exchange" else "!!"
        return lead, printable(f"{sign} #{one.exchange} {one.text}") + tail
    frames = f"{one.frames[0]}" if len(one.frames) == 1 else f"{one.frames[0]}..{one.frames[-1]}"
    head = f"{one.when:>{margin - MARGIN}} {_cut(frames, 8):<8}"
    return "", f"{head}{_arrow(one, count, column, marks)}{printable(_said(one, marks))}".rstrip()


def _arrow(one: Step, count: int, column: int, marks: Marks) -> str:
    cells = list("".join(marks.life.ljust(column) for _ in range(count)))
    start = one.source * column
    if one.target is None:
        cells[start] = marks.every
        for place in range(start + 1, min(start + 5, len(cells))):
            cells[place] = marks.shaft
    elif one.target == one.source:
        cells[start] = marks.every
    else:
        end = one.target * column
        low, high = min(start, end), max(start, end)
        for place in range(low + 1, high):
            cells[place] = marks.shaft
        cells[high - 1 if end > start else low + 1] = marks.right if end > start else marks.left
    return "".join(cells)


def _said(one: Step, marks: Marks) -> str:
    out = one.said
    if one.target is None:
        out += " (to all)"
    if one.answer is not None:
        out += f" [after {one.answer * 1000:,.0f} ms]"
    if one.retries:
        out += f" [sent again {one.retries} x]"
    return f"{out} {marks.acknowledged}" if one.acknowledged else out


def _cut(text: str, size: int) -> str:
    text = printable(text)
    return text if len(text) <= size else text[: size - 1] + "~"

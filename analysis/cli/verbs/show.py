"""`hanscope show`: frames of a capture as trees with their octets."""

from __future__ import annotations

from analysis.cli import console
from analysis.cli.command_line.frame_numbers import frame_ranges
from analysis.views.frame import Shown, shown_frames, shown_row, text_lines, to_json
from dissectors import Keyring

__all__ = ["Shown", "numbers_of", "run", "shown_frames", "shown_row", "text_lines", "to_json"]

MOST = 1000
"""Frames that one command shows at most."""


def numbers_of(text: str) -> list[int]:
    """Frame numbers from ``12``, ``12-15`` or ``12,20-22``, in rising order.

    Raises:
        UsageError: the text is none of these, or names too many.
    """
    numbers: set[int] = set()
    for low, high in frame_ranges(text):
        if high - low >= MOST or len(numbers) > MOST:
            raise console.UsageError(f"{low}-{high}: {MOST} frames at a time, at most")
        numbers.update(range(low, high + 1))
    return sorted(numbers)


def run(source: str, frame: str, keyring: Keyring, *, as_json: bool, reveal: bool) -> int:
    """Show frames; see `hanscope show --help`."""
    numbers = numbers_of(frame)
    found, facts = shown_frames(source, keyring, numbers)
    console.tell_losses(facts)
    missing = sorted(set(numbers) - {int(one.columns["frame"]) for one in found})
    if as_json:
        documents = [to_json(one, reveal=reveal) for one in found]
        if documents:
            console.put_json(documents[0] if len(numbers) == 1 else documents)
    else:
        for index, one in enumerate(found):
            if index:
                console.put()
            for line in text_lines(one, reveal):
                console.put(line)
    if missing:
        console.error_line(
            f"{facts.name}: no frame {missing[0]} in this capture", "hanscope stats counts them"
        )
        return console.USAGE
    return console.OK

"""Frame numbers as people write them: ``151``, ``151-153``, ``7,151``, and ``900-`` where there may be an open end."""

from __future__ import annotations

import re
import sys

from analysis.cli.console import UsageError

__all__ = ["LAST", "frame_ranges"]

LAST = sys.maxsize
"""The end of an open range: greater than every frame number."""
NUMBER = re.compile(
    r"[0-9]{1,18}"
)  # a capture of 10**18 frames does not exist, and Python refuses 5,000 digits


def frame_ranges(text: str, *, open_end: bool = False, what: str = "frame") -> list[tuple[int, int]]:
    """First and last frame of each part of `text`; both are meant.

    Args:
        open_end: ``900-`` means all from 900 on.
        what: what the numbers are of, for complaints.

    Raises:
        UsageError: a part is none of these forms, counts backwards, or names no frame that can be.
    """
    example = "1-100,250,900-" if open_end else "151, or 151-153, or 7,151"
    found = []
    for part in text.split(","):
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        endless = open_end and dash and not last
        if not all(NUMBER.fullmatch(one) for one in ([first] if endless or not dash else [first, last])):
            wrong = f"names no {what}s" if open_end else f"is no {what} number"
            raise UsageError(f"{_short(text)} {wrong}", f"write {example}")
        low = int(first)
        high = LAST if endless else int(last) if dash else low
        if low < 1:
            raise UsageError(f"{_short(part)} names no {what}s: they count from 1", f"write {example}")
        if high < low:
            raise UsageError(f"{_short(part)} counts backwards", f"write {high}-{low}")
        found.append((low, high))
    return found


def _short(text: str) -> str:
    text = text.strip()
    return repr(text if len(text) <= 40 else text[:37] + "...")

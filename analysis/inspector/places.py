"""Where a person wants to go in a capture, as they write it: a frame, a message, an exchange, a time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from analysis.tables.times import Moment

if TYPE_CHECKING:
    from analysis.inspector.model import Inspected

__all__ = ["FORMS", "frame_at"]

FORMS = "1380, message 13, exchange 7, 12:30, 90s, 5m"
NAMED = re.compile(r"(frame|f|message|m|exchange|x|e)\s*#?\s*(\d{1,18})", re.IGNORECASE)


def frame_at(model: Inspected, text: str) -> int:
    """The frame that is meant: itself, the first of a message or exchange, or the first at or after a time.

    Raises:
        ValueError: there is none, or `text` is none of these; in a sentence.

    A number alone is a frame; a time after the first frame has its unit (``90s``).
    """
    text = text.strip()
    frames = model.packets["frame"].to_numpy(dtype=np.int64)
    if text.isdecimal() and len(text) <= 18:
        return _frame(frames, int(text))
    named = NAMED.fullmatch(text)
    if named is None:
        return _at_time(model, frames, text)
    what, number = named[1][0].lower(), int(named[2])
    if what == "f":
        return _frame(frames, number)
    column = "message" if what == "m" else "exchange"
    if column == "message" and (kept := model.messages.message(number)) is not None and kept.frames:
        return min(kept.frames)
    found = np.flatnonzero((model.packets[column] == number).fillna(False).to_numpy(dtype=bool))
    if not len(found):
        raise ValueError(f"no {column} {number} in this capture")
    return int(frames[found[0]])


def _frame(frames: np.ndarray[tuple[int], np.dtype[np.int64]], number: int) -> int:
    if number not in frames:
        raise ValueError(f"no frame {number} in this capture")
    return number


def _at_time(model: Inspected, frames: np.ndarray[tuple[int], np.dtype[np.int64]], text: str) -> int:
    times = model.times
    there = np.flatnonzero(times >= 0)
    try:
        moment = Moment(text)
    except ValueError:
        raise ValueError(f"where is {text!r}? written {FORMS}") from None
    if not len(there):
        raise ValueError("the frames of this capture have no times")
    after = there[times[there] >= moment.at(int(times[there[0]]))]
    if not len(after):
        raise ValueError(f"the capture ends before {text}")
    return int(frames[after[0]])

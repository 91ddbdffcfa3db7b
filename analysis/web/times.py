"""What happened when: how many frames in each span of a capture, and who spoke to whom until a moment."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from analysis.tables.python_values import iso_time
from analysis.web.answers import chosen_places
from analysis.web.captures_held import CapturesHeld
from analysis.web.store import Content, Places

__all__ = ["Clock", "clock_of", "timeline"]

Given = dict[str, Any]
Times = npt.NDArray[np.int64]
NONE = np.iinfo(np.int64).min
TROUBLED = (
    "mac_security in (bad_mic, replay) or nwk_security in (bad_mic, replay) or aps_security in (bad_mic, replay) "
    "or issue"
)
"""Frames that a timeline marks."""


class Clock(NamedTuple):
    """When the frames of a table were: nanoseconds since 1970, `NONE` where it is not known.

    Attributes:
        start, end: of the first and the last; both 0 where nothing is known.
    """

    times: Times
    start: int
    end: int

    def between(self, begin_ms: int, end_ms: int) -> Places:
        """Places of the frames between two moments, in milliseconds after the first, the second one left out."""
        low, high = self.start + begin_ms * 1_000_000, self.start + end_ms * 1_000_000
        return np.flatnonzero((self.times >= low) & (self.times < high) & (self.times != NONE))


def clock_of(content: Content) -> Clock:
    """The times of the table of packets."""
    parts = [one.column("time").cast("int64").fill_null(int(NONE)).to_numpy() for one in content.batches]
    times: Times = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    known = times[times != NONE]
    return Clock(times, int(known.min()), int(known.max())) if len(known) else Clock(times, 0, 0)


def timeline(held: CapturesHeld, given: Given) -> dict[str, Any]:
    """Frames in each span of the capture: all, those that a filter chooses, and those with trouble."""
    content, places = chosen_places(held, given, "packets")
    clock = clock_of(content)
    begin = min(given["begin"], (clock.end - clock.start) // 1_000_000)
    end = (clock.end - clock.start) // 1_000_000 + 1 if given["end"] is None else max(given["end"], begin + 1)
    step = max((end - begin) / given["bins"], 1e-6)

    def counts(chosen: Any) -> list[int]:
        inside = clock.times if chosen is None else clock.times[chosen[chosen < len(clock.times)]]
        inside = inside[inside != NONE]
        bins = np.floor(((inside - clock.start) / 1e6 - begin) / step).astype(np.int64)
        bins = bins[(bins >= 0) & (bins < given["bins"])]
        return [int(one) for one in np.bincount(bins, minlength=given["bins"])]

    opened = held.opened(given["capture"])
    return {
        "schema": 1, "start": iso_time(clock.start), "end": iso_time(clock.end), "start_ns": clock.start,
        "milliseconds": (clock.end - clock.start) // 1_000_000 + 1, "begin": begin, "step": step,
        "all": counts(None), "chosen": counts(places) if given["where"].strip() else None,
        "trouble": counts(opened.places("packets", TROUBLED)), "complete": content.complete,
        "generation": content.generation,
    }  # fmt: skip

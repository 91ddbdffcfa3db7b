"""Frames that a station sent and the sniffer did not hear: its NWK frame counter went on by more than one.

Strategy: every secured frame of a station has the next counter (05-3474 4.3.1.1), so what lies between two counters that
were heard was sent, and not heard. A request whose answer may be among such frames was not proved to be unanswered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.exchanges.frame_arrays import FrameArrays
from analysis.exchanges.kinds import KINDS, SECOND, kind_number
from analysis.exchanges.recent import mixed
from dissectors.vectors import distinct, stable_order

__all__ = ["Gaps"]

Times = npt.NDArray[np.int64]
GAP = np.dtype([("sender", "u8"), ("before", "i8"), ("after", "i8"), ("frames", "i8")])
LIMIT = int(KINDS[kind_number("zcl")].limit * SECOND)
REMEMBERED = 4 * LIMIT
MOST, SENDERS = 1000, 4096
"""Counters that are further apart are another life of the device; senders and gaps that are remembered."""


@dataclass(slots=True)
class Gaps:
    """The last counter of each sender and network key, and the gaps of the last minutes."""

    last: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    gaps: npt.NDArray[Any] = field(default_factory=lambda: np.zeros(0, GAP))

    def take(self, frames: FrameArrays) -> None:
        """Look at the counters of a block."""
        counter, key = frames.numbers("nwk_counter"), frames.numbers("nwk_key_seq")
        rows = np.flatnonzero((counter >= 0) & frames.words("nwk_security", "ok"))
        if not len(rows):
            return
        sender = frames.numbers("nwk_sender", 0).view(np.uint64)
        _, which = distinct(mixed(sender[rows], key[rows]))
        order = rows[stable_order(which)]
        by = sender[order]
        begins = np.ones(len(order), np.bool_)
        begins[1:] = (by[1:] != by[:-1]) | (key[order[1:]] != key[order[:-1]])
        ends = np.r_[begins[1:], True]
        count, time = counter[order], frames.time[order]
        before, earlier = np.r_[0, count[:-1]], np.r_[0, time[:-1]]
        for place in np.flatnonzero(begins).tolist():
            known = self.last.get((int(by[place]), int(key[order[place]])))
            before[place], earlier[place] = known if known is not None else (count[place], time[place])
        for place in np.flatnonzero(ends).tolist():
            self.last[int(by[place]), int(key[order[place]])] = int(count[place]), int(time[place])
        while len(self.last) > SENDERS:
            del self.last[next(iter(self.last))]
        step = count - before
        hit = np.flatnonzero((step > 1) & (step <= MOST))
        new = np.zeros(len(hit), GAP)
        new["sender"], new["before"], new["after"] = by[hit], earlier[hit], time[hit]
        new["frames"] = step[hit] - 1
        # Those of the whole block stay: exchanges that end in it are closed behind it.
        late = self.gaps[self.gaps["after"] >= int(frames.time[0]) - REMEMBERED][-SENDERS:]
        self.gaps = np.concatenate([late, new])

    def unheard(self, senders: npt.NDArray[Any], start: Times, end: Times) -> npt.NDArray[np.bool_]:
        """Of which stations frames were not heard from a time on, as was known at another."""
        order = np.lexsort((self.gaps["after"], self.gaps["sender"]))
        sender, after = self.gaps["sender"][order], self.gaps["after"][order]
        asked, which = np.unique(senders.astype(np.uint64), return_inverse=True)
        lows, highs = np.searchsorted(sender, asked), np.searchsorted(sender, asked, side="right")
        questions = np.split(np.argsort(which, kind="stable"), np.cumsum(np.bincount(which))[:-1])
        out = np.zeros(len(senders), np.bool_)
        for n in np.flatnonzero(lows < highs).tolist():
            own, times = questions[n], after[lows[n] : highs[n]]
            out[own] = np.searchsorted(times, start[own]) < np.searchsorted(times, end[own], side="right")
        return out

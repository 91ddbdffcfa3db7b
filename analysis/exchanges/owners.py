"""Whose a short address was: what frames themselves said of it, and when.

Strategy: an exchange names its parties when it is closed, by what was known then; so a first request from a device that
has not said yet who it is names it all the same, and the borders of blocks change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.exchanges.frame_arrays import FrameArrays
from analysis.exchanges.recent import mixed
from dissectors.vectors import distinct, first_places, stable_order

__all__ = ["SHORT", "Owners"]

SHORT = 1 << 16
MOST = 65_536
"""Addresses that are remembered, at most; the oldest are forgotten first."""


@dataclass(slots=True)
class Owners:
    """EUI-64s by ``pan << 16 | short address``, each with the time from which it was known."""

    known: dict[int, list[tuple[int, int]]] = field(default_factory=dict)

    def take(self, frames: FrameArrays) -> None:
        """Learn from the NWK headers of a block."""
        eui64 = frames.numbers("nwk_src_eui64", 0)
        rows = np.flatnonzero(eui64 != 0)
        pairs, which = distinct(mixed(frames.sent_by[rows], eui64[rows]))
        for row in np.sort(rows[first_places(which, len(pairs))]).tolist():
            pair, owner, time = (
                int(frames.sent_by[row]),
                int(eui64[row].view(np.uint64)),
                int(frames.time[row]),
            )
            told = self.known.setdefault(pair, [])
            if not told or told[-1][1] != owner:
                told.append((time, owner))
        while len(self.known) > MOST:
            del self.known[next(iter(self.known))]

    def at(self, pairs: npt.NDArray[np.int64], times: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
        """The owner of each address at its time; 0 where it was not known."""
        out = np.zeros(len(pairs), np.uint64)
        addresses, which = distinct(pairs)
        order, ends = stable_order(which), np.cumsum(np.bincount(which, minlength=len(addresses)))
        for number, told in enumerate(self.known.get(pair) for pair in addresses.tolist()):
            if told is None:
                continue
            own = order[ends[number - 1] if number else 0 : ends[number]]
            # A clock that was set back: what was said first counts until the time at which it was said.
            since = np.maximum.accumulate(np.array([time for time, _ in told], np.int64))
            owners = np.array([0, *(owner for _, owner in told)], np.uint64)
            out[own] = owners[np.searchsorted(since, times[own], side="right")]
        return out

    def name(self, rows: npt.NDArray[Any]) -> None:
        """Put owners in the place of short addresses of closed exchanges."""
        for column in ("initiator", "responder"):
            short = np.flatnonzero(rows[column] < SHORT)
            pairs = rows["pan"][short].astype(np.int64) << 16 | rows[column][short].astype(np.int64)
            owner = self.at(pairs, rows["closes"][short])
            rows[column][short[owner > 0]] = owner[owner > 0]

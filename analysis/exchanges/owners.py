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
from dissectors.vectors import distinct, first_places

__all__ = ["Owners"]

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

    def at(self, pair: int, time: int) -> int:
        """The owner of an address at a time; 0 where it was not known."""
        owner = 0
        for when, one in self.known.get(pair, ()):
            if when > time:
                break
            owner = one
        return owner

    def name(self, rows: npt.NDArray[Any]) -> None:
        """Put owners in the place of short addresses of closed exchanges."""
        for column in ("initiator", "responder"):
            short = np.flatnonzero(rows[column] < SHORT)
            pairs = rows["pan"][short].astype(np.int64) << 16 | rows[column][short].astype(np.int64)
            for place, pair, time in zip(
                short.tolist(), pairs.tolist(), rows["closes"][short].tolist(), strict=True
            ):
                owner = self.at(pair, time)
                if owner:
                    rows[column][place] = owner

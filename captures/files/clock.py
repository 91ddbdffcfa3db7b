"""pcapng time stamps: ticks of an interface's resolution to nanoseconds since 1970."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from captures.block import NO_TIME

__all__ = ["Clock", "nanoseconds"]

SECOND = 1_000_000_000
LAST = 2**63 - 1
FARTHEST = LAST // 2 // SECOND


class Clock(NamedTuple):
    """``if_tsresol`` (bit 7: power of two, else of ten; bits 0-6 the exponent) and ``if_tsoffset``."""

    resolution: int = 6
    offset: int = 0  # seconds

    @property
    def ticks(self) -> int:
        """Ticks in a second."""
        exponent = self.resolution & 0x7F
        return int(2**exponent if self.resolution & 0x80 else 10**exponent)

    def time_ns(self, tick: int) -> int:
        """Time of one tick in nanoseconds since 1970; NO_TIME where 64 bits cannot hold it."""
        time = tick * SECOND // self.ticks + self.offset * SECOND
        return time if -LAST <= time <= LAST else NO_TIME


def nanoseconds(
    ticks: npt.NDArray[np.uint64], resolution: int, offset: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Time of each of `ticks`, with its own offset in seconds; NO_TIME where 64 bits cannot hold it.

    >>> nanoseconds(np.array([1_500_000], np.uint64), 6, np.array([1])).tolist()
    [2500000000]
    """
    if not len(ticks):
        return np.zeros(0, np.int64)
    each, rest = divmod(SECOND, Clock(resolution).ticks)
    near = int(offset.min()) > -FARTHEST and int(offset.max()) < FARTHEST
    if not rest and near and int(ticks.max()) < (LAST // 2) // max(each, 1):
        return (ticks * np.uint64(each)).astype(np.int64) + offset * SECOND
    pairs = zip(ticks.tolist(), offset.tolist(), strict=True)
    return np.array([Clock(resolution, seconds).time_ns(tick) for tick, seconds in pairs], np.int64)

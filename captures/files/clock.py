"""pcapng time stamps: ticks of an interface's resolution to nanoseconds since 1970."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from captures.block import NO_TIME

__all__ = ["Clock", "nanoseconds"]

SECOND = 1_000_000_000
LAST = 2**63 - 1


class Clock(NamedTuple):
    """``if_tsresol`` (bit 7: power of two, else of ten; bits 0-6 the exponent) and ``if_tsoffset``."""

    resolution: int = 6
    offset: int = 0  # seconds

    @property
    def ticks(self) -> int:
        """Ticks in a second."""
        exponent = self.resolution & 0x7F
        return int(2**exponent if self.resolution & 0x80 else 10**exponent)


def nanoseconds(ticks: npt.NDArray[np.uint64], clock: Clock) -> npt.NDArray[np.int64]:
    """Time of each of `ticks`; NO_TIME where it lies outside what 64 bits of nanoseconds can hold.

    >>> nanoseconds(np.array([1_500_000], np.uint64), Clock(6, 1)).tolist()
    [2500000000]
    """
    if not len(ticks):
        return np.zeros(0, np.int64)
    each, rest = divmod(SECOND, clock.ticks)
    offset = clock.offset * SECOND
    largest = int(ticks.max())
    if not rest and abs(offset) < LAST // 2 and largest < (LAST // 2) // max(each, 1):
        return (ticks * np.uint64(each)).astype(np.int64) + offset
    exact = [int(tick) * SECOND // clock.ticks + offset for tick in ticks.tolist()]
    return np.array([time if -LAST <= time <= LAST else NO_TIME for time in exact], np.int64)

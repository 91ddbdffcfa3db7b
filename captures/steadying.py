"""Time stamps that step: wraps of a counter, clocks that were set, stamps that are missing or damaged.

Strategy: a clock goes forward, from frame to frame of one interface. Where it goes back by more than records are
late, or forward by more than a year, it was set: what comes behind continues from the frame before, by the gap that
is left when the step is the wrap of a known counter, else at the same moment. A few records that stand out of an
otherwise steady clock have no time, nor have zeros among real times. So what is judged by time is judged on both
sides of a step, not across it; a warning tells the frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from captures.block import NO_TIME, FrameBlock
from dissectors.vectors import unique_values

__all__ = ["Steady", "wrap"]

SECOND = 1_000_000_000
BACK = SECOND
"""Nanoseconds by which records of one interface may come late."""
FORWARD = 366 * 86_400 * SECOND
"""Nanoseconds that no recording was silent for."""
DAY = 86_400 * SECOND
OUTLIERS = 3
"""Records in a row that are taken to be damaged rather than the clock to be set."""
NEAR = 3_600 * SECOND
COUNTERS = {
    "2^32 microseconds": 2**32 * 1_000,
    "2^32 ticks of 1/32 microsecond": 2**32 * 1_000 // 32,
    "2^32 milliseconds": 2**32 * 1_000_000,
}
WHOLE = 2**32 * SECOND
"""The seconds of a pcap record, which wrap too: a negative time stands in them as one in 2106."""
LONGEST_GAP = 60 * SECOND
TOLD = 5
"""Steps that the warning names."""
Times = npt.NDArray[np.int64]


def wrap(step: int) -> tuple[int, str] | None:
    """The gap that is left, and the counter, when a step in nanoseconds is the wrap of one; else None.

    >>> wrap(-2**32 * 1000 + 500)
    (500, '2^32 microseconds')
    """
    for name, period in COUNTERS.items():
        for whole in (0, WHOLE, -WHOLE):
            gap = step + period + whole
            if 0 <= gap <= min(LONGEST_GAP, period // 10):
                return gap, name
    gap = step + WHOLE
    return (gap, "2^32 seconds") if 0 <= gap <= LONGEST_GAP else None


@dataclass(slots=True)
class _Clock:
    """One interface: its last time as recorded, and what is added to its times."""

    last: int | None = None
    added: int = 0


@dataclass(slots=True, eq=False, repr=False)
class Steady:
    """Blocks with steady times. `warnings` gets one entry, which grows.

    Attributes:
        steps: frame and size in nanoseconds of each step, and the counter that wrapped, where it was one.
        timeless: frames whose time was taken away.
    """

    warnings: list[str]
    clocks: dict[int, _Clock] = field(default_factory=dict)
    steps: list[tuple[int, int, str]] = field(default_factory=list)
    timeless: list[int] = field(default_factory=list)
    counted: list[int] = field(default_factory=lambda: [0, 0])  # steps, frames without a time
    place: int | None = None

    def __call__(self, blocks: Iterable[FrameBlock]) -> Iterator[FrameBlock]:
        for block in blocks:
            yield self._steadied(block)

    def _steadied(self, block: FrameBlock) -> FrameBlock:
        out: Times | None = None
        before = list(self.counted)
        for interface in unique_values(block.interface):
            rows = np.flatnonzero((block.interface == interface) & (block.time_ns != NO_TIME))
            clock = self.clocks.setdefault(interface, _Clock())
            times = self._times(block.time_ns[rows], block.number[rows], clock)
            if times is not None:
                out = block.time_ns.copy() if out is None else out
                out[rows] = times
        if self.counted != before:
            self._tell()
        return block if out is None else replace(block, time_ns=out)

    def _times(self, raw: Times, number: Times, clock: _Clock) -> Times | None:
        """The times of one interface; None when they stay as they are."""
        kept = np.flatnonzero(~self._unset(raw, clock))
        out = raw.copy()
        if len(kept) < len(raw):
            out[:] = NO_TIME
            self._without(number[np.setdiff1d(np.arange(len(raw)), kept)])
        if not len(kept):
            return out if len(raw) else None
        real = raw[kept]
        start = int(real[0]) if clock.last is None else clock.last
        change = np.diff(real, prepend=start)
        suspects = np.flatnonzero((change < -BACK) | (change > FORWARD)).tolist()
        clock.last = int(real[-1])
        if not suspects and not clock.added:
            out[kept] = real
            return out if len(kept) < len(raw) else None
        out[kept] = self._continued(real, number[kept], start, suspects, clock)
        return out

    def _unset(self, raw: Times, clock: _Clock) -> npt.NDArray[np.bool_]:
        """Zeros where time stamps are missing: among times that are far from 1970, or all there are."""
        zero: npt.NDArray[np.bool_] = raw == 0
        if not zero.any():
            return zero
        others = raw[~zero]
        near = int(others.min()) if len(others) else clock.last
        missing = near > DAY if near is not None else len(raw) > 1
        return zero if missing else np.zeros(len(raw), np.bool_)

    def _continued(self, real: Times, number: Times, start: int, suspects: list[int], clock: _Clock) -> Times:
        added = np.zeros(len(real), np.int64)
        added[:] = clock.added
        lost = np.zeros(len(real), np.bool_)
        passed = -1
        for at in suspects:
            if at <= passed:
                continue
            before = int(real[at - 1]) if at else start
            back = self._back(real, before, at)
            if back is not None:
                lost[at:back] = True
                passed = back
                continue
            step = int(real[at]) - before
            gap, counter = wrap(step) or (0, "")
            clock.added += gap - step
            added[at:] = clock.added
            self.counted[0] += 1
            if len(self.steps) < TOLD:
                self.steps.append((int(number[at]), step, counter))
        if lost.any():
            self._without(number[lost])
            if lost[-1]:
                clock.last = int(real[~lost][-1]) if not lost.all() else start
        return np.where(lost, NO_TIME, real + added)

    def _back(self, real: Times, before: int, at: int) -> int | None:
        """Where the clock is again what it was `before` the record `at`, if soon."""
        for place in range(at + 1, min(at + 1 + OUTLIERS, len(real))):
            if -BACK <= int(real[place]) - before <= NEAR:
                return place
        return None

    def _without(self, numbers: Times) -> None:
        self.counted[1] += len(numbers)
        self.timeless += numbers[: TOLD - len(self.timeless)].tolist()

    def _tell(self) -> None:
        said = []
        if self.counted[0]:
            those = [_step(*step) for step in self.steps]
            more = self.counted[0] - len(those)
            those += [f"and {more:,} more"] if more else []
            said.append(
                f"the time stamps step at {'; '.join(those)}: what comes behind is timed on from the frame before, "
                "and nothing is judged by the time across"
            )
        if self.counted[1]:
            those = [f"frame {number}" for number in self.timeless]
            more = self.counted[1] - len(those)
            those += [f"{more:,} more"] if more else []
            said.append(f"no usable time stamp in {', '.join(those)}")
        text = "; ".join(said)
        if self.place is None:
            self.place = len(self.warnings)
            self.warnings.append(text)
        else:
            self.warnings[self.place] = text


def _step(number: int, step: int, counter: str) -> str:
    why = f", a counter of {counter} wraps" if counter else ""
    return f"frame {number} ({'back' if step < 0 else 'forward'} by {abs(step) / SECOND:,.3f} s{why})"

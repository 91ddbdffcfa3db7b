"""What was seen lately, by its key: the one memory that matching needs from block to block.

Strategy: keys are 64-bit mixes of columns; what is carried over is put before the rows of a block, and all of them are
sorted by key at once. So a block of frames costs a few sorts, whatever it holds, and its borders change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dissectors.vectors import distinct, stable_order

__all__ = ["Keys", "Numbers", "Recent", "Runs", "mixed"]

Keys = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
SHIFT = np.uint64(29)
MOST = 65_536
"""Keys that are remembered, at most; the oldest are forgotten first."""


def mixed(*columns: Any) -> Keys:
    """One number for each row of columns of whole numbers, equal for equal rows."""
    out: Any = np.uint64(0)
    with np.errstate(over="ignore"):
        for column in columns:
            value = np.asarray(column)
            value = value if value.dtype == np.uint64 else value.astype(np.int64).view(np.uint64)
            out = (out ^ value) * MULTIPLIER
            out = out ^ (out >> SHIFT)
    keys: Keys = out
    return keys


class Runs(NamedTuple):
    """Rows of equal keys that follow each other closely enough.

    Attributes:
        which: the run of each row.
        first: the place of each run's first row.
        carried: the value of the run that it goes on with from before the block; 0 where it begins.
    """

    which: Numbers
    first: Numbers
    carried: Numbers


@dataclass(slots=True)
class Recent:
    """Values by key, with the time of each; what is older than `reach` nanoseconds is forgotten."""

    reach: int
    keys: Keys = field(default_factory=lambda: np.zeros(0, np.uint64))
    values: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))
    times: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))

    def runs(self, keys: Keys, times: Numbers) -> Runs:
        """The runs of rows whose key is the same, and whose time is within reach of the one before."""
        held = len(self.keys)
        every, when = np.concatenate([self.keys, keys]), np.concatenate([self.times, times])
        order = stable_order(distinct(every)[1])
        key, at = every[order], when[order]
        begins = np.ones(len(order), np.bool_)
        begins[1:] = (key[1:] != key[:-1]) | (at[1:] - at[:-1] > self.reach)
        run = np.empty(len(order), np.int64)
        run[order] = np.cumsum(begins) - 1
        count = int(begins.sum())
        carried = np.zeros(count, np.int64)
        carried[run[:held]] = self.values
        mine = run[held:]
        present = np.zeros(count, np.bool_)
        present[mine] = True
        first = np.zeros(count, np.int64)
        first[mine[::-1]] = np.arange(len(mine) - 1, -1, -1)
        # Runs are numbered in the order of their first rows, so that a block's border changes no number.
        kept = np.flatnonzero(present)
        kept = kept[np.argsort(first[kept], kind="stable")]
        place = np.zeros(count, np.int64)
        place[kept] = np.arange(len(kept))
        return Runs(place[mine], first[kept], carried[kept])

    def latest(
        self, opened: tuple[Keys, Numbers, Numbers, Numbers], asked: tuple[Keys, Numbers, Numbers]
    ) -> Numbers:
        """For each that asks the value of the last one of its key before it, within reach; 0 where there is none.

        Args:
            opened: keys, rows, values and times of those of this block.
            asked: keys, rows and times.
        """
        if not len(asked[0]):
            return np.zeros(0, np.int64)
        held, asking = len(self.keys), len(asked[0])
        keys = np.concatenate([self.keys, asked[0], opened[0]])
        # What asks at a row comes before what is opened at it.
        rows = np.concatenate([np.zeros(held, np.int64), asked[1] + 1, opened[1] + 1])
        order = stable_order(rows)
        order = order[stable_order(distinct(keys)[1][order])]
        values = np.concatenate([self.values, np.zeros(asking, np.int64), opened[2]])
        times = np.concatenate([self.times, asked[2], opened[3]])
        is_open = (order < held) | (order >= held + asking)
        last = np.maximum.accumulate(np.where(is_open, np.arange(len(order)), -1))
        found = np.zeros(len(keys), np.int64)
        ask = np.flatnonzero(~is_open & (last >= 0))
        source, target = order[last[ask]], order[ask]
        fits = (keys[source] == keys[target]) & (times[target] - times[source] <= self.reach)
        found[target[fits]] = values[source[fits]]
        return found[held : held + asking]

    def remember(self, keys: Keys, values: Numbers, times: Numbers, now: int) -> None:
        """Keep the last value of each key for the next block."""
        every = np.concatenate([self.keys, keys])
        values, times = np.concatenate([self.values, values]), np.concatenate([self.times, times])
        young = np.flatnonzero(times >= now - self.reach)
        _, last = np.unique(every[young][::-1], return_index=True)
        kept = young[len(young) - 1 - last]
        if len(kept) > MOST:
            kept = np.sort(kept)[-MOST:]
        self.keys, self.values, self.times = every[kept], values[kept], times[kept]

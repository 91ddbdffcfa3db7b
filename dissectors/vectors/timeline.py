"""What the rows of a block set, by key, as it stood when each row passed."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dissectors.vectors.grouping import stable_order
from dissectors.vectors.octets import Index, Mask

__all__ = ["Timeline"]


class Timeline:
    """Values that rows of a block set, by key: the last one before a row, and those that were not published yet.

    Keys are below 2**32, rows below 2**31 and never falling; one row may set several values.

    Attributes:
        key, row, value: one entry a value that was set.
    """

    __slots__ = ("_key", "_next", "_next_row", "_order", "_stamp", "key", "row", "value")

    def __init__(self, key: npt.NDArray[Any], row: Index, value: npt.NDArray[Any]) -> None:
        self.key, self.row, self.value = key, row, value
        self._next, self._next_row = 0, int(row[0]) if len(row) else NEVER
        self._order: Index | None = None

    @classmethod
    def empty(cls) -> Timeline:
        """Of rows that set nothing."""
        nothing = np.zeros(0, np.int64)
        return cls(nothing, nothing, nothing)

    def last_before(self, key: npt.NDArray[Any], row: Index) -> Index:
        """For each question (key, row): the place of the last value of that key that a row before it set, or -1."""
        if len(self.key) == 0:
            return np.full(len(key), -1, np.int64)
        if self._order is None:
            self._order = stable_order(self.key)
            self._key = self.key[self._order].astype(np.int64)
            self._stamp = (self._key << 31) | self.row[self._order]
        wanted = key.astype(np.int64)
        found = np.searchsorted(self._stamp, (wanted << 31) | row, side="left") - 1
        hit = (found >= 0) & (self._key[found] == wanted)
        return np.where(hit, self._order[found], -1)

    def put_before(self, key: npt.NDArray[Any], row: Index, value: npt.NDArray[Any], known: Mask) -> None:
        """Put what each key was before its row over `value`, which it was before the block, where `known`."""
        last = self.last_before(key, row)
        found = np.flatnonzero(last >= 0)
        value[found] = self.value[last[found]]
        known[found] = True

    def advance(self, row: int) -> range:
        """The places of what rows before `row` set, but for those that were given before."""
        if row <= self._next_row:
            return range(0)
        begin, self._next = self._next, int(np.searchsorted(self.row, row, side="left"))
        self._next_row = int(self.row[self._next]) if self._next < len(self.row) else NEVER
        return range(begin, self._next)

    def of_row(self, row: int) -> range:
        """The places of what `row` set."""
        begin, end = np.searchsorted(self.row, (row, row + 1), side="left")
        return range(int(begin), int(end))


NEVER = 1 << 62
"""Later than any row."""

"""Objects that go from a process to its copy, or back: arrays in memory that both see, the rest through a pipe."""

from __future__ import annotations

import mmap
import pickle
import weakref
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from dissectors.vectors import aligned

__all__ = ["SLOTS", "SharedSlots"]

SLOTS = 4
"""Objects that are under way between the processes: one is worked at, one was just left, two are ahead."""
SLOT = 24 * 1024 * 1024
"""Octets of a slot, twice what a block of short frames takes; memory that is not written costs nothing. What does
not fit goes through the pipe."""


class SharedSlots:
    """Memory for the arrays of some objects, made before the process is copied."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, SLOTS * SLOT)
        self._held = 0
        self._left: list[int] = []

    def dumps(self, free: list[int], what: object) -> tuple[int | None, list[int], bytes]:
        """An object in octets, its arrays in one of the slots that are `free`, or None of them if they do not fit:
        the slot, the size of each array, and the rest."""
        buffers: list[Any] = []
        octets = pickle.dumps(what, 5, buffer_callback=buffers.append)
        arrays = [np.frombuffer(buffer, np.uint8) for buffer in buffers]
        sizes = [len(array) for array in arrays]
        if sum(map(aligned, sizes)) > SLOT:
            return None, [], pickle.dumps(what, 5)
        slot = free.pop()
        for array, place in zip(arrays, _places(self._array(slot), sizes), strict=True):
            place[:] = array
        return slot, sizes, octets

    def loads(self, slot: int | None, sizes: list[int], octets: bytes) -> Any:
        """The object again; its arrays lie in the slot, unless too few slots would be left."""
        if slot is None:
            return pickle.loads(octets)
        array = self._array(slot)
        weakref.finalize(array, self._left.append, slot).atexit = False
        self._held += 1
        places: Iterable[npt.NDArray[np.uint8]] = _places(array, sizes)
        if self._held >= SLOTS - 1:
            places = [place.copy() for place in places]
        return pickle.loads(octets, buffers=places)

    def left(self) -> list[int]:
        """The slots into which nothing looks any more."""
        found = self._left.copy()
        del self._left[: len(found)]
        self._held -= len(found)
        return found

    def _array(self, slot: int) -> npt.NDArray[np.uint8]:
        return np.frombuffer(self._memory, np.uint8, SLOT, slot * SLOT)


def _places(slot: npt.NDArray[np.uint8], sizes: list[int]) -> Iterator[npt.NDArray[np.uint8]]:
    at = 0
    for size in sizes:
        yield slot[at : at + size]
        at += aligned(size)

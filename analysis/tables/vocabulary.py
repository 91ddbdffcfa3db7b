"""The words of text columns, and memory for columns, that a decode keeps from block to block.

Strategy: words are only ever appended, so that no text is looked at twice, and the dictionaries of batches share one
memory. Behind a block, a column that holds more words than it may begins anew: a code means the same in the batches
of one block, and mostly in those of all.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.tables.arrow import sound_text
from dissectors.vectors import WordList, aligned, distinct

__all__ = ["MOST_OCTETS", "MOST_WORDS", "ColumnArena", "DictionaryBuilder", "Vocabulary"]

Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int32]
PIECE = 8 * 1024 * 1024
"""Octets of a piece of memory for columns: two blocks or so."""
MOST_WORDS, MOST_OCTETS = 65_536, 4 * 1024 * 1024
"""Words of a column, and octets of them, beyond which it begins anew behind a block."""
LARGE = 32 * 1024 * 1024 - 65_536
"""Octets of the largest piece that the C library may keep for itself."""


class Texts:
    """Texts that only grow, as Arrow arrays that share one memory: what was given out before stays as it is."""

    def __init__(self) -> None:
        self._data = np.empty(1 << 10, np.uint8)
        self._ends = np.zeros(1 << 6, np.int32)
        self.count = 0

    @property
    def octets(self) -> int:
        """Octets of all texts."""
        return int(self._ends[self.count])

    def extend(self, texts: Sequence[str]) -> None:
        """Append texts."""
        encoded = [text.encode("utf-8", "backslashreplace") for text in texts]
        data, count = np.frombuffer(b"".join(encoded), np.uint8), self.count + len(encoded)
        used = self.octets
        self._data = _roomier(self._data, used + len(data))
        self._ends = _roomier(self._ends, count + 1)
        self._data[used : used + len(data)] = data
        self._ends[self.count + 1 : count + 1] = used + np.cumsum([len(one) for one in encoded])
        self.count = count

    def array(self) -> Any:
        """All texts, without `pyarrow.array` (which imports pandas)."""
        ends, data = self._ends[: self.count + 1], self._data[: self.octets]
        return pa.Array.from_buffers(pa.string(), self.count, [None, pa.py_buffer(ends), pa.py_buffer(data)])


def _roomier(values: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """`values` itself where it has so much room; else a copy in twice the room."""
    if size <= len(values):
        return values
    out = np.empty(max(2 * len(values), size), values.dtype)
    out[: len(values)] = values
    return out


class DictionaryBuilder:
    """The distinct texts of one column that rows hold, in the order in which they were met."""

    __slots__ = ("_codes", "_frozen", "_places", "_shared", "texts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._codes: dict[str, int] = {}
        self._shared = Texts()
        self._frozen = self._shared.array()
        self._places: dict[int | tuple[str, ...], tuple[Sequence[str], Codes]] = {}

    @property
    def full(self) -> bool:
        """There are more than a column keeps from block to block."""
        return len(self.texts) > MOST_WORDS or self._shared.octets > MOST_OCTETS

    def code(self, text: str) -> int:
        """The code of `text`, a new one when it was not met before."""
        code = self._codes.get(text)
        if code is None:
            sound = sound_text(text)
            if sound != text:
                code = self._codes[text] = self.code(sound)
                return code
            code = self._codes[text] = len(self.texts)
            self.texts.append(text)
        return code

    def recoded(self, texts: Sequence[str], codes: npt.NDArray[Any], mask: Mask) -> npt.NDArray[Any]:
        """Codes that point into `texts` as codes of this column; those outside `mask` may be anything.

        Only texts that are pointed at get a code, so that no word stands in the table without a row.
        """
        own = self._own(texts)
        plain = _plain(own)
        if plain == len(own) or (len(codes) and codes.min() >= 0 and codes.max() < plain):
            return codes
        found = own.take(codes, mode="clip")
        if len(found) and found.min() < 0:
            new = (found < 0) & mask
            if new.any():
                places = distinct(codes[new])[0].tolist()
                own[places] = [self.code(texts[place]) for place in places]
                found = own.take(codes, mode="clip")
            np.maximum(found, 0, out=found)
        return found

    def _own(self, texts: Sequence[str]) -> Codes:
        """The code of each of `texts`, -1 where it has none yet; kept for tuples, and for lists that only grow."""
        key = texts if isinstance(texts, tuple) else id(texts) if isinstance(texts, WordList) else None
        known = None if key is None else self._places.get(key)
        own = known[1] if known else np.zeros(0, np.int32)
        if len(own) < max(len(texts), 1):
            fresh = [self._codes.get(text, -1) for text in texts[len(own) :]] or [-1]
            own = np.concatenate([own, np.array(fresh, np.int32)])
            if key is not None:
                if known is None and isinstance(texts, WordList):  # it takes the place of one that was full
                    self._places = {k: v for k, v in self._places.items() if not isinstance(v[0], WordList)}
                self._places[key] = texts, own
        return own

    def dictionary(self) -> Any:
        """All texts as an Arrow array."""
        known = self._shared.count
        if known != len(self.texts):
            self._shared.extend(self.texts[known:])
            self._frozen = self._shared.array()
        return self._frozen


def _plain(own: Codes) -> int:
    """How many codes from 0 on are their own."""
    same = own == np.arange(len(own))
    return len(own) if same.all() else int(same.argmin())


class ColumnArena:
    """Memory for the columns that stay, in large pieces of few pages.

    What is made only on the way to a column is not mixed with them, so in the next block it finds its old place,
    still in the CPU's cache. A piece is given back when the last column in it is.
    """

    def __init__(self) -> None:
        self._piece = np.empty(0, np.uint8)
        self._used = 0
        # The C library gives what is freed back to the system, page by page, unless larger pieces were freed before.
        np.empty(LARGE, np.uint8)

    def put(self, values: npt.NDArray[Any], width: Any) -> Any:
        """A copy of the values as an Arrow buffer of numbers of that type."""
        size = len(values) * np.dtype(width).itemsize
        if self._used + size > len(self._piece):
            self._piece, self._used = _piece(max(PIECE, size)), 0
        place = self._piece[self._used : self._used + size]
        self._used += aligned(size)
        place.view(width)[:] = values
        return pa.py_buffer(place)


def _piece(size: int) -> npt.NDArray[np.uint8]:
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return np.empty(size, np.uint8)
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(OSError):  # a system without them
        memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, np.uint8)


class Vocabulary:
    """The words of every text column of every table of one decode, and the memory for all columns."""

    def __init__(self) -> None:
        self._words: dict[tuple[str, str], DictionaryBuilder] = {}
        self.arena = ColumnArena()

    def words(self, table: str, column: str) -> DictionaryBuilder:
        """The words of one column."""
        found = self._words.get((table, column))
        if found is None:
            found = self._words[table, column] = DictionaryBuilder()
        return found

    def keep_within(self) -> None:
        """Columns that have more words than they keep begin anew: codes of later batches mean other words."""
        for key in [key for key, words in self._words.items() if words.full]:
            del self._words[key]

"""Columns of a block, and rows that were dissected one by one, to one Arrow batch a table.

Strategy: a text column's words are kept for a whole decode (`Vocabulary`, append-only), so that a code means
the same in every batch and no text is looked at twice. Rows from the one-frame path come as an Arrow batch
already; their values are set into the columns at their rows.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.tables.arrow import arrow_schema, numpy_of, sound_text, truths_of
from dissectors.kernels import take
from dissectors.vectors import Columns, Index, WordList, aligned, distinct

__all__ = ["Vocabulary", "Words", "batch_with", "joined"]

Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int32]
PIECE = 8 * 1024 * 1024
"""Octets of a piece of memory for columns: two blocks or so."""
LARGE = 32 * 1024 * 1024 - 65_536
"""Octets of the largest piece that the C library may keep for itself."""


class Words:
    """The distinct texts of one column that rows hold, in the order in which they were met."""

    __slots__ = ("_codes", "_frozen", "_places", "texts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._codes: dict[str, int] = {}
        self._frozen: Any = None
        self._places: dict[int | tuple[str, ...], tuple[Sequence[str], Codes]] = {}

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
                self._places[key] = texts, own
        return own

    def dictionary(self) -> Any:
        """All texts as an Arrow array."""
        if self._frozen is None or len(self._frozen) != len(self.texts):
            self._frozen = text_array(self.texts)
        return self._frozen


def _plain(own: Codes) -> int:
    """How many codes from 0 on are their own."""
    same = own == np.arange(len(own))
    return len(own) if same.all() else int(same.argmin())


class Room:
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
    """The words of every text column of every table of one decode, and the room for all columns."""

    def __init__(self) -> None:
        self._words: dict[tuple[str, str], Words] = {}
        self.room = Room()

    def words(self, table: str, column: str) -> Words:
        """The words of one column."""
        return self._words.setdefault((table, column), Words())


def text_array(texts: Sequence[str]) -> Any:
    """Texts as an Arrow array, without `pyarrow.array` (which imports pandas)."""
    encoded = [text.encode("utf-8", "backslashreplace") for text in texts]
    offsets = np.zeros(len(encoded) + 1, np.int32)
    np.cumsum([len(e) for e in encoded], out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(encoded), buffers)


def _bitmap(mask: Mask, room: Room) -> Any:
    return None if mask.all() else room.put(np.packbits(mask, bitorder="little"), np.uint8)


def _array(type_: Any, values: npt.NDArray[Any], bitmap: Any, words: Words | None, room: Room) -> Any:
    """One Arrow array of a column's values; `words` where they are codes of text."""
    buffers = [bitmap, None]
    if words is not None:
        code = type_.index_type
        buffers[1] = room.put(values, code.to_pandas_dtype())
        indices = pa.Array.from_buffers(code, len(values), buffers)
        return pa.DictionaryArray.from_arrays(indices, words.dictionary(), safe=False)
    if pa.types.is_boolean(type_):
        buffers[1] = room.put(np.packbits(values.astype(np.bool_), bitorder="little"), np.uint8)
    else:
        width = np.int64 if pa.types.is_timestamp(type_) else type_.to_pandas_dtype()
        buffers[1] = room.put(values, width)
    return pa.Array.from_buffers(type_, len(values), buffers)


@lru_cache(maxsize=64)
def _null(type_: Any, count: int) -> Any:
    return pa.nulls(count, type_)


def batch_with(
    table: str, columns: Columns, vocabulary: Vocabulary, singles: Any = None, rows: Index | None = None
) -> Any:
    """A batch of `columns`, with the rows of the batch `singles` set at `rows`."""
    arrays, room = [], vocabulary.room
    bitmaps: dict[int, Any] = {}  # masks are shared by the columns of a layer
    for field in arrow_schema(table):
        values, mask = columns.values.get(field.name), columns.valid.get(field.name)
        words = vocabulary.words(table, field.name) if pa.types.is_dictionary(field.type) else None
        if isinstance(values, pa.Array):
            arrays.append(values)
            continue
        if values is not None and mask is not None and words is not None and field.name in columns.words:
            values = words.recoded(columns.words[field.name], values, mask)
        if singles is not None and rows is not None:
            values, mask = _set(field, values, mask, singles.column(field.name), rows, columns.count, words)
        if values is None or mask is None or not mask.any():
            arrays.append(
                _null(field.type, columns.count)
                if words is None
                else _no_words(field.type, words, columns.count)
            )
            continue
        if id(mask) not in bitmaps:
            bitmaps[id(mask)] = mask, _bitmap(mask, room)  # the mask is kept, so that its id stays its own
        arrays.append(_array(field.type, values, bitmaps[id(mask)][1], words, room))
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(table))


def _no_words(type_: Any, words: Words, count: int) -> Any:
    indices = _null(type_.index_type, count)
    return pa.DictionaryArray.from_arrays(indices, words.dictionary(), safe=False)


def _set(
    field: Any,
    values: npt.NDArray[Any] | None,
    mask: Mask | None,
    single: Any,
    rows: Index,
    count: int,
    words: Words | None,
) -> tuple[npt.NDArray[Any] | None, Mask | None]:
    """The column with the values of `single` at `rows`."""
    if single.null_count == len(single):
        if mask is not None and mask[rows].any():
            mask = mask.copy()
            mask[rows] = False
        return values, mask
    found, valid = truths_of(single) if pa.types.is_boolean(field.type) else numpy_of(single)
    if words is not None:
        found = words.recoded(single.dictionary.to_pylist(), found, valid)
    if values is None or mask is None:
        values, mask = np.zeros(count, found.dtype), np.zeros(count, np.bool_)
    values = values.astype(found.dtype)  # a copy, too
    mask = mask.copy()
    values[rows] = found
    mask[rows] = valid
    return values, mask


def joined(
    table: str,
    batch: Any,
    rows: Index,
    singles: Any,
    single_rows: Index,
    vocabulary: Vocabulary,
) -> Any:
    """Two batches as one, in the order of the block's rows that their own rows belong to."""
    if singles is None or not len(singles):
        return batch
    order = np.argsort(np.concatenate([rows, single_rows]), kind="stable")
    index = pa.Array.from_buffers(pa.int64(), len(order), [None, pa.py_buffer(order)])
    arrays, room = [], vocabulary.room
    for field in arrow_schema(table):
        one, other = batch.column(field.name), singles.column(field.name)
        if not pa.types.is_dictionary(field.type):
            arrays.append(take(pa.concat_arrays([one, other]), index))
            continue
        words = vocabulary.words(table, field.name)
        found, valid = numpy_of(other)
        if valid.any():
            found = words.recoded(other.dictionary.to_pylist(), found, valid)
        other = _array(field.type.index_type, found, _bitmap(valid, room), None, room)
        codes = take(pa.concat_arrays([one.indices, other]), index)
        arrays.append(pa.DictionaryArray.from_arrays(codes, words.dictionary(), safe=False))
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(table))

"""Columns of a block, and rows that were dissected one by one, to one Arrow batch a table.

Strategy: texts are codes of the words of their column (`analysis.tables.vocabulary`). Rows from the one-frame path
come as an Arrow batch already; their values are set into the columns at their rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.tables.arrow import arrow_schema, numpy_of, truths_of
from analysis.tables.vocabulary import ColumnArena, DictionaryBuilder, Vocabulary
from dissectors.vectors import Columns, Index, take

__all__ = [
    "appended",
    "batch_with",
    "batch_with_cells",
    "in_one_code",
    "in_words",
    "joined",
    "one_batch",
    "rows_where",
    "with_numbers_in",
]

Mask = npt.NDArray[np.bool_]


def _bitmap(mask: Mask, arena: ColumnArena) -> Any:
    return None if mask.all() else arena.put(np.packbits(mask, bitorder="little"), np.uint8)


def _array(
    type_: Any, values: npt.NDArray[Any], bitmap: Any, words: DictionaryBuilder | None, arena: ColumnArena
) -> Any:
    """One Arrow array of a column's values; `words` where they are codes of text."""
    buffers = [bitmap, None]
    if words is not None:
        code = type_.index_type
        buffers[1] = arena.put(values, code.to_pandas_dtype())
        indices = pa.Array.from_buffers(code, len(values), buffers)
        return pa.DictionaryArray.from_arrays(indices, words.dictionary(), safe=False)
    if pa.types.is_boolean(type_):
        buffers[1] = arena.put(np.packbits(values.astype(np.bool_), bitorder="little"), np.uint8)
    else:
        width = np.int64 if pa.types.is_timestamp(type_) else type_.to_pandas_dtype()
        buffers[1] = arena.put(values, width)
    return pa.Array.from_buffers(type_, len(values), buffers)


@lru_cache(maxsize=64)
def _null(type_: Any, count: int) -> Any:
    return pa.nulls(count, type_)


def batch_with(
    table: str, columns: Columns, vocabulary: Vocabulary, singles: Any = None, rows: Index | None = None
) -> Any:
    """A batch of `columns`, with the rows of the batch `singles` set at `rows`."""
    arrays, arena = [], vocabulary.arena
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
            bitmaps[id(mask)] = mask, _bitmap(mask, arena)  # the mask is kept, so that its id stays its own
        arrays.append(_array(field.type, values, bitmaps[id(mask)][1], words, arena))
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(table))


def _no_words(type_: Any, words: DictionaryBuilder, count: int) -> Any:
    indices = _null(type_.index_type, count)
    return pa.DictionaryArray.from_arrays(indices, words.dictionary(), safe=False)


def _set(
    field: Any,
    values: npt.NDArray[Any] | None,
    mask: Mask | None,
    single: Any,
    rows: Index,
    count: int,
    words: DictionaryBuilder | None,
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


def in_words(table: str, batch: Any, vocabulary: Vocabulary) -> Any:
    """The same rows, with their texts in the words of the vocabulary."""
    arrays = []
    for field in arrow_schema(table):
        array = batch.column(field.name)
        if pa.types.is_dictionary(field.type):
            array = _in_words(field.type, array, vocabulary.words(table, field.name), vocabulary.arena)
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(table))


def _in_words(type_: Any, array: Any, words: DictionaryBuilder, arena: ColumnArena) -> Any:
    codes, valid = numpy_of(array)
    if not valid.any():
        return _no_words(type_, words, len(array))
    return _array(
        type_, words.recoded(array.dictionary.to_pylist(), codes, valid), _bitmap(valid, arena), words, arena
    )


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
    arrays, arena = [], vocabulary.arena
    for field in arrow_schema(table):
        one, other = batch.column(field.name), singles.column(field.name)
        if not pa.types.is_dictionary(field.type):
            arrays.append(take(pa.concat_arrays([one, other]), index))
            continue
        words = vocabulary.words(table, field.name)
        other = _in_words(field.type, other, words, arena)
        codes = take(pa.concat_arrays([one.indices, other.indices]), index)
        arrays.append(pa.DictionaryArray.from_arrays(codes, words.dictionary(), safe=False))
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(table))


def batch_with_cells(
    table: str, batch: Any, cells: Mapping[str, tuple[Index, Sequence[Any]]], vocabulary: Vocabulary
) -> Any:
    """The batch with other cells in some rows: rows and values, by column. Columns without any stay as they are."""
    arrays, arena = [], vocabulary.arena
    for field in arrow_schema(table):
        column = batch.column(field.name)
        rows, found = cells.get(field.name, ((), ()))
        if not len(found):
            arrays.append(column)
            continue
        values, valid, words = *numpy_of(column), None
        if pa.types.is_dictionary(field.type):
            words, values = _words_behind(column, vocabulary.words(table, field.name), values, valid)
            found = [words.code(text) for text in found]
        values, valid = values.copy(), valid.copy()
        values[rows], valid[rows] = found, True
        arrays.append(_array(field.type, values, _bitmap(valid, arena), words, arena))
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(table))


def _words_behind(
    column: Any, words: DictionaryBuilder, codes: npt.NDArray[Any], valid: Mask
) -> tuple[DictionaryBuilder, npt.NDArray[Any]]:
    """Words that begin with those of a column, and its codes among them; the words of the vocabulary, unless that has
    begun anew since."""
    known, held = words.dictionary(), column.dictionary
    if len(held) <= len(known) and known.slice(0, len(held)).equals(held):
        return words, codes
    words = DictionaryBuilder()
    return words, words.recoded(held.to_pylist(), codes, valid)


def appended(table: str, batches: Sequence[Any]) -> Any:
    """Batches of one block as one, each behind the one before: the words of the last are those of all."""
    arrays = []
    for field in arrow_schema(table):
        parts = [batch.column(field.name) for batch in batches]
        if pa.types.is_dictionary(field.type):
            arrays.append(_appended(parts))
        else:
            arrays.append(pa.concat_arrays(parts))
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(table))


def one_batch(table: Any) -> Any:
    """A `pyarrow.Table` that has rows as one batch."""
    return table.unify_dictionaries().combine_chunks().to_batches()[0]


def with_numbers_in(table: str, batch: Any, name: str, values: npt.NDArray[Any]) -> Any:
    """The same rows with other values in a column of whole numbers; 0 is null."""
    valid = values > 0
    bitmap = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    type_ = arrow_schema(table).field(name).type
    data = np.ascontiguousarray(values.astype(type_.to_pandas_dtype(), copy=False))
    array = pa.Array.from_buffers(type_, len(values), [bitmap, pa.py_buffer(data)])
    arrays = [array if field.name == name else batch.column(field.name) for field in arrow_schema(table)]
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(table))


def _appended(parts: list[Any]) -> Any:
    chunks = in_one_code(parts)
    codes = pa.concat_arrays([chunk.indices for chunk in chunks])
    return pa.DictionaryArray.from_arrays(codes, chunks[-1].dictionary, safe=False)


def in_one_code(parts: list[Any]) -> list[Any]:
    """Arrays of one type, so that a code of text means the same in all of them: what the last one's dictionary says."""
    if not pa.types.is_dictionary(parts[-1].type):
        return parts
    words = parts[-1].dictionary
    if all(part.dictionary.equals(words.slice(0, len(part.dictionary))) for part in parts):
        return parts
    found: list[Any] = pa.chunked_array(parts).unify_dictionaries().chunks
    return found


def rows_where(batch: Any, mask: Mask) -> Any:
    """The rows of a record batch where a mask is true; texts keep the words that all batches share."""
    if mask.all():
        return batch
    places = np.flatnonzero(mask)
    index = pa.Array.from_buffers(pa.int64(), len(places), [None, pa.py_buffer(places)])
    arrays = [_rows_of(column, index) for column in batch.columns]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def _rows_of(column: Any, index: Any) -> Any:
    if pa.types.is_dictionary(column.type):
        return pa.DictionaryArray.from_arrays(take(column.indices, index), column.dictionary, safe=False)
    return take(column, index)

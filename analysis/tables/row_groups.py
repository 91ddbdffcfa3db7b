"""Columns beside each other whose values repeat together, so that what is made of a row is made once for all like it.

Of the seventy columns of `packets` most follow from a few others: kinds, flags, addresses, the keys and their verdicts.
A run of columns ends where its rows would no longer be few; a column of counters or times is a run of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.tables.arrow import numpy_of, truths_of
from dissectors.vectors import distinct, kernels

__all__ = ["RowGroup", "few_coded", "row_groups"]

FEW = 8
"""Values are few when there are so many times more rows."""
SAMPLE = 256
"""Rows that are looked at first: a column most of whose values differ here is not counted out."""
Codes = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class RowGroup:
    """A run of columns, from `start` to before `end`.

    Attributes:
        rows: a row of each kind that there is; None where the column is to be taken as it is.
        codes: for each row of which kind it is.
    """

    start: int
    end: int
    rows: Any = None
    codes: Any = None


def row_groups(columns: Sequence[Any]) -> Iterator[RowGroup]:
    """The runs of some Arrow arrays of equal length, all of them in order."""
    start, held = 0, None
    for place, column in enumerate(columns):
        own = _kinds(column)
        both = _together(held, own) if held is not None and own is not None else None
        if both is None and place > start:
            yield _group(start, place, held)
            start = place
        held = both or own
    if columns:
        yield _group(start, len(columns), held)


Kinds = tuple[Codes, int]
"""For each row of which kind it is, and a number that all kinds are less than: the square of it goes into 32 bits."""


def _group(start: int, end: int, kinds: Kinds | None) -> RowGroup:
    if kinds is None:
        return RowGroup(start, end)
    unique, codes = distinct(kinds[0])
    rows = np.empty(len(unique), np.int64)
    rows[codes] = np.arange(len(codes))
    return RowGroup(start, end, _array(rows), _array(codes))


def _array(values: Codes) -> Any:
    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(values)])


def _together(one: Kinds, two: Kinds) -> Kinds | None:
    """The kinds of rows by two columns (or runs) together; None where they are not few."""
    if one[1] == 1 or two[1] == 1:
        return one if two[1] == 1 else two
    keys, most = one[0] * two[1] + two[0], one[1] * two[1]
    return (keys, most) if most * FEW <= len(keys) else _few(keys)


def _few(keys: Codes) -> Kinds | None:
    unique, codes = distinct(keys)
    return (codes.astype(np.int32), len(unique)) if len(unique) * FEW <= len(keys) else None


def _kinds(column: Any) -> Kinds | None:
    """The kinds of rows by one column; None where they are not few, or are not to be told by whole numbers."""
    kind, count = column.type, len(column)
    if column.null_count == count:
        return np.zeros(count, np.int32), 1
    if pa.types.is_boolean(kind):
        (values, valid), most = truths_of(column), 2
    elif pa.types.is_integer(kind) and kind.bit_width == 8:
        values, valid = numpy_of(column)
        values, most = values.view(np.uint8), 256
    elif pa.types.is_dictionary(kind) or pa.types.is_integer(kind):
        coded = column if pa.types.is_dictionary(kind) else few_coded(column)
        if coded is None:
            return None
        (values, valid), most = numpy_of(coded), len(coded.dictionary)
    else:
        return None
    keys = values.astype(np.int32)
    if column.null_count:
        keys = np.where(valid, keys, np.int32(most))
        most += 1
    return (keys, most) if most * FEW <= count else _few(keys)


def few_coded(column: Any) -> Any:
    """A column by its distinct values; None where they are not few, which some rows tell before all are looked at."""
    sample = column.slice(len(column) // 2, SAMPLE)
    if 2 * len(kernels.coded(sample).dictionary) > len(sample) - sample.null_count:
        return None
    coded = kernels.coded(column)
    return coded if len(coded.dictionary) * FEW <= len(column) else None

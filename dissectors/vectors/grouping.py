"""Rows by their keys: which are distinct, which come first, which value was the highest before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dissectors.vectors.octets import Index

__all__ = [
    "distinct",
    "distinct_rows",
    "first_places",
    "highest_before",
    "sorted_distinct",
    "stable_order",
    "unique_values",
]


def distinct(keys: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], Index]:
    """The distinct keys, and for each element which of them it is: near numbers ascending, others in the
    order in which they are met."""
    if len(keys) == 0 or (keys[0] == keys[-1] and (keys == keys[0]).all()):  # often there is only one
        return keys[:1], np.zeros(len(keys), np.int64)
    least = keys.min()
    span = int(keys.max()) - int(least) + 1
    if span <= NEAR:
        return _distinct_near(keys, least, span)
    import pyarrow as pa  # its hash table is seven times faster here than numpy's sorting

    from dissectors.vectors.kernels import coded

    data = np.ascontiguousarray(keys)
    plain = pa.Array.from_buffers(pa.from_numpy_dtype(data.dtype), len(data), [None, pa.py_buffer(data)])
    found = coded(plain)
    unique = np.frombuffer(found.dictionary.buffers()[1], data.dtype, len(found.dictionary))
    return unique, np.frombuffer(found.indices.buffers()[1], np.int32, len(data)).astype(np.int64)


def unique_values(values: npt.NDArray[Any]) -> list[Any]:
    """The distinct values as Python numbers, the least first (`numpy.unique` imports `numpy.ma`: 10 ms)."""
    return sorted(distinct(values)[0].tolist())


def sorted_distinct(keys: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], Index]:
    """The distinct keys, the least first, and for each element which of them it is."""
    unique, which = distinct(keys)
    order = np.argsort(unique)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return unique[order], place[which]


def distinct_rows(columns: Sequence[npt.NDArray[Any]]) -> tuple[list[npt.NDArray[Any]], Index]:
    """The distinct rows of several columns, in the order of the first column, then the second, and so on (one array for
    each column); and for each row which of them it is."""
    first, which = sorted_distinct(columns[0])
    keys = [first]
    for column in columns[1:]:
        values, own = sorted_distinct(column)
        joint, which = sorted_distinct(which * len(values) + own)
        keys = [*(key[joint // max(len(values), 1)] for key in keys), values[joint % max(len(values), 1)]]
    return keys, which


def first_places(which: Index, count: int) -> Index:
    """For each of `count` numbers the place of its first element in `which`; 0 where there is none."""
    first = np.zeros(count, np.int64)
    first[which[::-1]] = np.arange(len(which) - 1, -1, -1)
    return first


NEAR = 1 << 16
"""Keys that are no further from each other are told apart by a table."""


def _distinct_near(keys: npt.NDArray[Any], least: Any, span: int) -> tuple[npt.NDArray[Any], Index]:
    # Unsigned keys may be too large for a signed number, and signed ones wrap when the least is taken from them.
    places = (keys - least).astype(np.int64, copy=False) if least > 0 else keys.astype(np.int64) - int(least)
    seen = np.zeros(span, np.bool_)
    seen[places] = True
    unique = np.flatnonzero(seen)
    place = np.empty(span, np.int64)
    place[unique] = np.arange(len(unique))
    return unique.astype(keys.dtype) + least, place.take(places)


def stable_order(keys: npt.NDArray[Any]) -> Index:
    """The order that sorts `keys`, equal ones as they come; of small numbers by their digits (six times faster)."""
    if len(keys) and int(keys.min()) >= 0 and int(keys.max()) < 1 << 16:
        keys = keys.astype(np.uint16)
    return np.argsort(keys, kind="stable")


def highest_before(
    group: Index, value: npt.NDArray[np.uint32], base: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """For each element the highest value of the same group before it, `base[group]` included.

    `base` has one entry a group, -1 where there was none; groups are below 2**30.
    """
    order = stable_order(group)
    group_of = group[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = group_of[1:] != group_of[:-1]
    start = np.flatnonzero(first)
    # One running maximum serves all groups: a later group's values lie above every earlier group's.
    lift = group_of << 33
    level = value[order].astype(np.int64) + 1
    shifted = np.empty_like(level)
    shifted[1:] = level[:-1]
    shifted[start] = base[group_of[start]] + 1
    found = np.maximum.accumulate(lift + shifted) - lift - 1
    out: npt.NDArray[np.int64] = np.empty_like(found)
    out[order] = found
    return out

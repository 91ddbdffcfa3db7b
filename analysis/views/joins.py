"""How rows of different tables belong together: by the message, the exchange or the frame that both name, or by a device.

Strategy: a row has keys of some kinds, which its columns say (all whole numbers, an EUI-64 too). Rows of two tables
belong together when they share a key of a kind that both tables have; where they have none in common, a third table
that has both stands between.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.tables.addresses import address_number
from analysis.tables.arrow import numpy_of
from analysis.tables.masks import items_of, valid_of
from analysis.tables.schema import TABLES
from dissectors.vectors import kernels

__all__ = ["STATION", "Keys", "Path", "key_columns", "keys_of", "paths_between"]

STATION = "station"
KINDS = ("message", "exchange", "frame")
"""From the narrowest to the widest: a frame may carry pieces of several messages."""
BETWEEN = ("messages", "packets", "exchanges")
NO_ENDS = ("beacon_epid", "nwk_sender", "aps_sender")
"""Addresses of a frame that are neither its sender's nor its receiver's."""
Numbers = npt.NDArray[np.uint64]


class Keys(NamedTuple):
    """The keys of some rows: which row, and its key; a row may have several."""

    rows: npt.NDArray[np.intp]
    values: Numbers


class Path(NamedTuple):
    """How one table leads to another.

    Attributes:
        kind: of the keys that lead away from the first table.
        between: the table that stands between; empty where none has to.
        far_kind: of the keys that lead from there to the other table.
    """

    kind: str
    between: str = ""
    far_kind: str = ""


@cache
def key_columns(table: str, kind: str) -> tuple[str, ...]:
    """The columns that hold a table's keys of a kind."""
    columns = TABLES.get(table, ())
    if kind == STATION:
        return tuple(c.name for c in columns if c.address not in ("", "short") and c.name not in NO_ENDS)
    if kind == "frame":
        first = "first_frame" if table == "keys" else "frame"
        return tuple(c.name for c in columns if c.name == first or c.type == "frames")[:1]
    if (table, kind) == ("exchanges", "message"):  # the first of several: the frames of all of them tell
        return ()
    return (kind,) if any(c.name == kind for c in columns) else ()


@cache
def paths_between(table: str, other: str) -> tuple[Path, ...]:
    """The ways on which rows of `table` find those of `other` that belong to them; none where there is none."""
    kinds = (STATION,) if "devices" in (table, other) else KINDS
    direct = [kind for kind in kinds if _share(table, other, kind)]
    if "findings" in (table, other):  # about a message, or shown by frames
        return tuple(map(Path, direct)) or _long_way(table, other, kinds)
    return (Path(direct[0]),) if direct else _long_way(table, other, kinds)


def _long_way(table: str, other: str, kinds: tuple[str, ...]) -> tuple[Path, ...]:
    for between in BETWEEN:
        if between in (table, other):
            continue
        near = [kind for kind in (*KINDS, *kinds) if _share(table, between, kind)]
        far = [kind for kind in kinds if _share(other, between, kind)]
        if near and far:
            return tuple(Path(kind, between, far[0]) for kind in (near if table == "findings" else near[:1]))
    return ()


def _share(table: str, other: str, kind: str) -> bool:
    return bool(key_columns(table, kind) and key_columns(other, kind))


def keys_of(table: str, kind: str, batch: Any) -> Keys:
    """The keys of each row of a record batch."""
    found = [_column_keys(batch.column(name)) for name in key_columns(table, kind)]
    if not found:
        return Keys(np.zeros(0, np.intp), np.zeros(0, np.uint64))
    return Keys(np.concatenate([one.rows for one in found]), np.concatenate([one.values for one in found]))


def _column_keys(array: Any) -> Keys:
    kind = array.type
    if pa.types.is_list(kind):
        rows, items = items_of(array)
        return Keys(rows, numpy_of(items)[0].astype(np.uint64))
    if pa.types.is_integer(kind):
        values, valid = numpy_of(array)
        return Keys(np.flatnonzero(valid), values[valid].astype(np.uint64))
    if pa.types.is_null(kind):
        return Keys(np.zeros(0, np.intp), np.zeros(0, np.uint64))
    coded = array if pa.types.is_dictionary(kind) else kernels.coded(array)
    numbers = [address_number(str(word)) for word in coded.dictionary.to_pylist()]
    known = np.array([number is not None for number in numbers] or [False])
    values = np.array([number or 0 for number in numbers] or [0], np.uint64)
    codes = np.where(valid_of(coded), numpy_of(coded)[0], 0)
    there = valid_of(coded) & known[codes]
    return Keys(np.flatnonzero(there), values[codes[there]])

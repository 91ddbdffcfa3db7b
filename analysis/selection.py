"""Some rows of a wide table, its columns made and cut only when they are asked for.

Strategy: a rule looks at three or four of seventy columns, and most rules at a few rows among a million. A
`Table` makes a column when it is first read and keeps what many rules ask of it: where it holds a value
(`places`), and its values as small numbers for grouping (`codes`). A `Selection` keeps the places of its
rows and reads like a DataFrame; what it does not know itself it hands to the DataFrame of those rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["Column", "Groups", "Row", "Selection", "Table", "mask", "numbers_of"]

Places = npt.NDArray[np.intp]
Known = npt.NDArray[np.bool_]
FEW = 8  # so many times fewer rows than the table are cut from a column before it is made
SMALL = (np.uint8, np.uint16)


def numbers_of(column: Any) -> tuple[Any, Known]:
    """The values of a masked column where they are, without a copy, and which of them are known.

    pandas' own ways to the same take a copy, or one object for each value."""
    array: Any = column.array
    return array._data, ~array._mask


def mask(values: Any) -> Known:
    """A condition as a plain array; null counts as False."""
    if isinstance(values, pd.Series):
        array = values.array
        if isinstance(array, pd.arrays.BooleanArray):
            truths, known = numbers_of(values)
            return np.asarray(truths & known)
        if values.dtype == bool:
            return values.to_numpy()
        return values.fillna(False).to_numpy(dtype=bool)
    return np.asarray(values, dtype=bool)


class Column(pd.Series):
    """A column of a table. It is a pandas column, but for `isin`, which looks values up where it can."""

    @property
    def _constructor(self) -> Any:
        return Column

    def isin(self, values: Any) -> Any:
        found = _among(self, list(values))
        return super().isin(values) if found is None else pd.Series(found, index=self.index)


def _among(column: Any, values: list[Any]) -> Known | None:
    """Where a categorical or whole-number column holds one of `values`; None where pandas must say."""
    array = column.array
    if isinstance(array, pd.Categorical):
        table = np.append(np.isin(array.categories.to_numpy(dtype=object), values), False)
        return np.asarray(table[array.codes])
    if not isinstance(array, pd.arrays.IntegerArray) or not all(_whole(v) for v in values):
        return None
    numbers, known = numbers_of(column)
    bounds = np.iinfo(numbers.dtype)
    wanted = np.array([int(v) for v in values if bounds.min <= v <= bounds.max], numbers.dtype)
    if len(wanted) <= 4:
        out = np.zeros(len(numbers), dtype=bool)
        for value in wanted:
            out |= numbers == value
    elif numbers.dtype in SMALL:
        table = np.zeros(int(bounds.max) + 1, dtype=bool)
        table[wanted] = True
        out = table[numbers]
    else:
        return None
    return np.asarray(out & known)


def _whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


class Table:
    """Columns by name, each made when it is first read.

    Args:
        length: rows.
        makers: for each column, a function that makes it of the rows at some places (all when None).
    """

    def __init__(self, length: int, makers: dict[str, Callable[[Places | None], Any]]) -> None:
        self.length = length
        self.makers = makers
        self.index = pd.RangeIndex(length)
        self._made: dict[str, Column] = {}
        self._places: dict[tuple[str, Any], Places] = {}
        self._codes: dict[str, tuple[npt.NDArray[Any], list[Any]]] = {}

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, name: str) -> Column:
        if name not in self._made:
            self._made[name] = Column(self.makers[name](None), index=self.index)
        return self._made[name]

    def cut(self, name: str, places: Places) -> Column:
        """The column at `places`; a column that nobody has read yet is not made for a few rows of it."""
        if name in self._made or len(places) * FEW > self.length:
            return Column(self[name].iloc[places])
        return Column(self.makers[name](places)).set_axis(self.index[places])

    def places(self, name: str, value: Any) -> Places:
        """The rows, in order, where a column holds `value` (or one of several), found once."""
        key = (name, frozenset(value) if isinstance(value, list | set | range) else value)
        if key not in self._places:
            self._places[key] = np.flatnonzero(_holds(self[name], value))
        return self._places[key]

    def codes(self, name: str) -> tuple[npt.NDArray[Any], list[Any]]:
        """A column as numbers that stand for its values (-1: null), and the values; found once."""
        if name not in self._codes:
            self._codes[name] = _codes(self[name])
        return self._codes[name]

    def frame(self, places: Places | None) -> pd.DataFrame:
        """Rows as a DataFrame of all columns."""
        if places is None:
            return pd.DataFrame({name: pd.Series(self[name]) for name in self.makers}, index=self.index)
        columns = {name: pd.Series(self.cut(name, places)) for name in self.makers}
        return pd.DataFrame(columns, index=self.index[places])


def _holds(column: Column, value: Any) -> Known:
    several = isinstance(value, list | tuple | set | frozenset | range)
    return mask(column.isin(list(value)) if several else column == value)


def _codes(column: Column) -> tuple[npt.NDArray[Any], list[Any]]:
    array = column.array
    if isinstance(array, pd.Categorical):
        return array.codes, array.categories.tolist()
    known = ~mask(column.isna())
    values = numbers_of(column)[0] if isinstance(array, pd.arrays.IntegerArray) else column.to_numpy()
    if values.dtype in SMALL:
        seen = np.bincount(values[known], minlength=1)
        keys = np.flatnonzero(seen)
        place = np.zeros(np.iinfo(values.dtype).max + 1, np.int32)
        place[keys] = np.arange(len(keys))
        found = place[values]
    else:
        found, keys = pd.factorize(values)
    width = np.int16 if len(keys) < 1 << 15 else np.int32
    return np.where(known, found, -1).astype(width), list(keys.tolist())


class Selection:
    """Rows of `base` at `places` (all rows when None); reads like a DataFrame."""

    __slots__ = ("_frame", "_inside", "base", "places")

    def __init__(self, base: Table, places: Places | None = None) -> None:
        self.base = base
        self.places = places
        self._frame: pd.DataFrame | None = None
        self._inside: Known | None = None

    @property
    def frame(self) -> pd.DataFrame:
        """The rows as a DataFrame of all columns."""
        if self._frame is None:
            self._frame = self.base.frame(self.places)
        return self._frame

    @property
    def index(self) -> pd.Index[Any]:
        return self.base.index if self.places is None else self.base.index[self.places]

    @property
    def columns(self) -> pd.Index[Any]:
        return pd.Index(list(self.base.makers))

    @property
    def empty(self) -> bool:
        return len(self) == 0

    @property
    def iloc(self) -> Rows:
        return Rows(self)

    def __len__(self) -> int:
        return len(self.base) if self.places is None else len(self.places)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return self.base[key] if self.places is None else self.base.cut(key, self.places)
        if isinstance(key, slice):
            return self._at(key)
        if isinstance(key, list) and key and isinstance(key[0], str):
            return pd.DataFrame({name: pd.Series(self[name]) for name in key})
        return self._at(np.flatnonzero(mask(key)))

    def _at(self, chosen: Any) -> Selection:
        if self.places is not None:
            return Selection(self.base, self.places[chosen])
        if isinstance(chosen, slice):
            chosen = np.arange(*chosen.indices(len(self.base)))
        return Selection(self.base, chosen)

    def only(self, **values: Any) -> Selection:
        """Rows whose columns hold these values (a list or tuple: any of them); found without a look at
        each row."""
        rows = self
        for name, value in values.items():
            rows = rows._where(name, value)
        return rows

    def _where(self, name: str, value: Any) -> Selection:
        if len(self) * FEW < len(self.base):
            return self._at(np.flatnonzero(_holds(self[name], value)))
        places = self.base.places(name, value)
        if self.places is None:
            return Selection(self.base, places)
        if self._inside is None:
            self._inside = np.zeros(len(self.base), dtype=bool)
            self._inside[self.places] = True
        return Selection(self.base, places[self._inside[places]])

    def codes(self, name: str) -> tuple[npt.NDArray[Any], list[Any]]:
        """A column as numbers that stand for its values (-1: null), and the values that they stand for."""
        codes, keys = self.base.codes(name)
        return (codes if self.places is None else codes[self.places]), keys

    def groupby(self, by: Any, **options: Any) -> Groups:
        """Groups in the manner of pandas; each is a `Selection`."""
        return Groups(self, by, options)

    def sort_values(self, by: Any, **options: Any) -> Any:
        """The rows in order of a column, equal ones as they were."""
        if options or not isinstance(by, str):
            return self.frame.sort_values(by, **options)
        column = self[by]
        return self if column.is_monotonic_increasing else self._at(column.argsort(kind="stable").to_numpy())

    def drop_duplicates(self, columns: Any, keep: str = "first") -> Selection:
        """The first (or last) row of each value of `columns`."""
        names = [columns] if isinstance(columns, str) else list(columns)
        return self._at(np.flatnonzero(~self[names].duplicated(keep=keep).to_numpy()))

    def head(self, count: int) -> Any:
        return self[:count].frame

    def itertuples(self) -> Iterator[Row]:
        """The rows one by one; a column is cut when a row is asked for it."""
        cut: dict[str, list[Any]] = {}
        return (Row(self, cut, number) for number in range(len(self)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.frame, name)


class Row:
    """One row of a selection; its columns are attributes."""

    __slots__ = ("_cut", "_number", "_rows")

    def __init__(self, rows: Selection, cut: dict[str, list[Any]], number: int) -> None:
        self._rows, self._cut, self._number = rows, cut, number

    def __getattr__(self, name: str) -> Any:
        if name not in self._cut:
            if name != "Index" and name not in self._rows.base.makers:
                raise AttributeError(name)
            self._cut[name] = list(self._rows.index if name == "Index" else self._rows[name])
        return self._cut[name][self._number]

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)


class Rows:
    """The rows of a selection by number, as pandas' ``iloc``: a number gives a `Row`."""

    def __init__(self, rows: Selection) -> None:
        self.rows = rows

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, int | np.integer):
            number = int(key) if key >= 0 else len(self.rows) + int(key)
            return Row(self.rows._at(slice(number, number + 1)), {}, 0)
        if isinstance(key, tuple):
            return self.rows.frame.iloc[key]
        return self.rows._at(key)


class Groups:
    """The groups of a selection, cut when they are reached."""

    def __init__(self, rows: Selection, by: Any, options: dict[str, Any]) -> None:
        self.rows, self.by, self.options = rows, by, {"observed": True, **options}

    @property
    def keys(self) -> Any:
        if isinstance(self.by, list):
            return [self.rows[key] if isinstance(key, str) else key for key in self.by]
        return self.rows[self.by] if isinstance(self.by, str) else self.by

    def __iter__(self) -> Iterator[tuple[Any, Selection]]:
        if isinstance(self.by, str) and self.options.get("dropna", True):
            yield from self._coded(self.by)
            return
        numbers = pd.Series(np.arange(len(self.rows)), index=self.rows.index)
        for key, part in numbers.groupby(self.keys, **self.options):
            yield key, self.rows._at(part.to_numpy())

    def _coded(self, name: str) -> Iterator[tuple[Any, Selection]]:
        codes, keys = self.rows.codes(name)
        order = np.argsort(codes, kind="stable")
        bounds = np.flatnonzero(np.diff(codes[order], prepend=-2, append=-2))
        groups = [order[a:b] for a, b in pairwise(bounds.tolist())]
        groups = [group for group in groups if codes[group[0]] >= 0]
        if self.options.get("sort", True):
            groups.sort(key=lambda group: keys[codes[group[0]]])
        else:
            groups.sort(key=lambda group: int(group[0]))
        for group in groups:
            yield keys[codes[group[0]]], self.rows._at(group)

    def __getitem__(self, column: Any) -> Any:
        return self.rows[column].groupby(self.keys, **self.options)

    def size(self) -> Any:
        return self["frame"].size()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rows.frame.groupby(self.keys, **self.options), name)

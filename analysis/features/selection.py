"""Some rows of a wide table, its columns cut only when they are asked for.

Strategy: a boolean mask on a DataFrame copies all of its columns; a `Selection` keeps the places of its rows
and cuts a column when a rule reads it. It reads like a DataFrame; what it does not know itself is asked of the
columns that it is about: ``rows[["frame", "sender"]].merge(...)``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from analysis.tables.lazy import FEW, Known, Places, Table, holds, joint_codes, mask, numbers_of

__all__ = ["Groups", "Row", "Selection"]


class Selection:
    """Rows of `base` at `places` (all rows when None); reads like a DataFrame."""

    __slots__ = ("_frame", "_index", "_inside", "base", "places")

    def __init__(self, base: Table, places: Places | None = None) -> None:
        self.base = base
        self.places = places
        self._frame: pd.DataFrame | None = None
        self._inside: Any = None
        self._index: Any = None

    @property
    def frame(self) -> pd.DataFrame:
        """The rows as a DataFrame of all columns."""
        if self._frame is None:
            self._frame = self.base.frame(self.places)
        return self._frame

    @property
    def index(self) -> Any:
        if self._index is None:
            whole = self.places is None
            self._index = self.base.index if whole else pd.Index(np.asarray(self.places), copy=False)
        return self._index

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
            return self.base[key] if self.places is None else self.base.cut(key, self.places, self.index)
        if isinstance(key, slice):
            return self._at(key)
        if isinstance(key, list) and key and isinstance(key[0], str):
            return pd.DataFrame({name: pd.Series(self[name]) for name in key})
        chosen = mask(key)
        return self if chosen.all() else self._at(np.flatnonzero(chosen))

    def _at(self, chosen: Any) -> Selection:
        if isinstance(chosen, slice):
            if self.places is not None:
                return Selection(self.base, self.places[chosen])
            chosen = np.arange(*chosen.indices(len(self)))
        else:
            chosen = np.asarray(chosen, None if len(chosen) else np.intp)
            chosen = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        return Selection(self.base, chosen if self.places is None else self.places.take(chosen))

    def only(self, **values: Any) -> Selection:
        """Rows whose columns hold these values (a list or tuple: any of them); found without a look at
        each row."""
        rows = self
        for name, value in values.items():
            if rows.empty:
                break
            rows = rows._where(name, value)
        return rows

    def _where(self, name: str, value: Any) -> Selection:
        if len(self) * FEW < len(self.base):
            return self._at(np.flatnonzero(holds(self[name], value)))
        if self.places is None:
            return Selection(self.base, self.base.places(name, value))
        if not self._in_order():
            return self._at(np.flatnonzero(holds(self[name], value)))
        places = self.base.places(name, value)
        return Selection(self.base, places[self._inside[places]])

    def _in_order(self) -> bool:
        """Whether the rows are in the order of the table; notes which rows of the table they are."""
        if self._inside is None:
            self._inside = np.zeros(len(self.base), dtype=bool)
            places = self.places
            if places is None or bool((places[1:] > places[:-1]).all()):
                self._inside[slice(None) if places is None else places] = True
        return bool(self._inside.any())

    def codes(self, name: str) -> tuple[Any, list[Any]]:
        """A column as numbers that stand for its values (-1: null), and the values that they stand for."""
        codes, keys = self.base.codes(name)
        return (codes if self.places is None else codes.take(self.places)), keys

    def known(self, *names: str) -> Known:
        """Which rows have a value in all these columns; stations are not made for it."""
        found = self.base.known(names[0], self.places)
        for name in names[1:]:
            found = found & self.base.known(name, self.places)
        return found

    def values(self, name: str) -> list[Any]:
        """The values of a column, each once."""
        codes, keys = self.codes(name)
        used = np.zeros(len(keys) + 1, dtype=bool)
        used[codes] = True
        return [key for key, there in zip(keys, used.tolist(), strict=False) if there]

    def among(self, name: str, values: Iterable[Any]) -> Known:
        """Which rows have one of `values` in a column of stations; it is not made for it."""
        return self.base.among(name, values, self.places)

    def of_frames(self, frames: Any) -> Selection:
        """The rows that belong to one of these frames."""
        numbers = numbers_of(self["frame"])[0]
        wanted = np.unique(np.asarray(frames, dtype=np.uint64))
        if not self.base.ordered("frame"):
            return self._at(np.flatnonzero(np.isin(numbers, wanted)))
        low, high = np.searchsorted(numbers, wanted), np.searchsorted(numbers, wanted, side="right")
        sizes = high - low
        start = np.repeat(low - np.r_[0, np.cumsum(sizes)[:-1]], sizes) if len(sizes) else low
        return self._at(start + np.arange(int(sizes.sum())))

    def extended(self, names: dict[str, str] | None = None, **columns: Any) -> Selection:
        """These rows as a table of their own, with further columns, and further `names` for old ones."""

        def cut(name: str, places: Places | None) -> Any:
            return (self[name] if places is None else self._at(places)[name]).array

        def added(values: Any, places: Places | None) -> Any:
            return values if places is None else values[places]

        makers: dict[str, Callable[[Places | None], Any]]
        old = {name: name for name in self.base.makers} | (names or {})
        makers = {new: partial(cut, name) for new, name in old.items()}
        makers |= {name: partial(added, values) for name, values in columns.items()}
        return Selection(
            Table(len(self), makers, {new: partial(self.codes, name) for new, name in old.items()})
        )

    def sizes(self, name: str) -> Any:
        """For each row, how many rows have its value in a column."""
        codes, keys = self.codes(name)
        return np.bincount(codes[codes >= 0], minlength=len(keys) + 1)[codes]

    def groupby(self, by: Any, **options: Any) -> Groups:
        """Groups in the manner of pandas; each is a `Selection`."""
        return Groups(self, by, {"observed": True, **options})

    def sort_values(self, by: Any, **options: Any) -> Any:
        """The rows in order of a column, equal ones as they were."""
        if options or not isinstance(by, str):
            return self.frame.sort_values(by, **options)
        column = self[by]
        return self if column.is_monotonic_increasing else self._at(column.argsort(kind="stable").to_numpy())

    def drop_duplicates(self, columns: Any, keep: str = "first") -> Selection:
        """The first (or last) row of each value of `columns`."""
        names = [columns] if isinstance(columns, str) else list(columns)
        if keep == "first" and names == ["frame"] and self.base.ordered("frame"):
            numbers = numbers_of(self["frame"])[0]
            rising = numbers[1:] > numbers[:-1]
            if (rising | (numbers[1:] == numbers[:-1])).all():
                return self._at(np.flatnonzero(np.r_[True, rising][: len(numbers)]))
        return self._at(np.flatnonzero(~self[names].duplicated(keep=keep).to_numpy()))

    def head(self, count: int) -> Any:
        return self[:count].frame

    def itertuples(self) -> Iterator[Row]:
        """The rows one by one; a column is cut when a row is asked for it."""
        cut: dict[str, list[Any]] = {}
        return (Row(self, cut, number) for number in range(len(self)))


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
        names = [self.by] if isinstance(self.by, str) else self.by
        named = isinstance(names, list) and all(isinstance(n, str) for n in names)
        if named and self.options.get("dropna", True):
            yield from ((key, self.rows._at(places)) for key, places in self._coded(names))
            return
        numbers = pd.Series(np.arange(len(self.rows)), index=self.rows.index)
        for key, part in numbers.groupby(self.keys, **self.options):
            yield key, self.rows._at(part.to_numpy())

    def places(self) -> Iterator[tuple[Any, Places]]:
        """Of groups by columns: each key, and which rows of the selection are its own."""
        yield from self._coded([self.by] if isinstance(self.by, str) else self.by)

    def _coded(self, names: list[str]) -> Iterator[tuple[Any, Places]]:
        parts = [self.rows.codes(name) for name in names]
        codes = joint_codes([found for found, _ in parts], [len(keys) for _, keys in parts])
        order = np.argsort(codes, kind="stable")
        bounds = np.flatnonzero(np.diff(codes[order].astype(np.int64), prepend=-2, append=-2))
        groups = [(order[a:b], order[a]) for a, b in pairwise(bounds.tolist())]
        keyed = []
        for group, first in groups:
            places = [found[first] for found, _ in parts]
            if min(places) >= 0:
                keyed.append((tuple(keys[p] for p, (_, keys) in zip(places, parts, strict=True)), group))
        sort = self.options.get("sort", True)
        keyed.sort(key=(lambda pair: pair[0]) if sort else (lambda pair: pair[1][0]))
        for key, group in keyed:
            yield key[0] if isinstance(self.by, str) else key, group

    def __getitem__(self, column: Any) -> Any:
        return self.rows[column].groupby(self.keys, **self.options)

    def size(self) -> Any:
        """Rows of each group, by key."""
        if not isinstance(self.by, str):
            return self["frame"].size()
        found = [(key, len(part)) for key, part in self.places()]
        return pd.Series([n for _, n in found], index=[key for key, _ in found], dtype="int64")

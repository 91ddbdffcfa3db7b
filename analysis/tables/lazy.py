"""A wide table whose columns are made when they are first read, and what many rules ask of them.

Strategy: a rule looks at three or four of seventy columns, and most rules at a few rows among a million. A
`Table` makes a column when it is first read, and keeps where it holds a value (`places`) and its values as
small numbers for grouping (`codes`)."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.tables.pandas_columns import no_code_where_null

__all__ = ["Column", "Known", "Places", "Recent", "Table", "joint_codes", "mask", "matching", "numbers_of"]

Places = npt.NDArray[np.intp]
Known = npt.NDArray[np.bool_]
Key = TypeVar("Key")
Value = TypeVar("Value")
FEW = 8  # so many times fewer rows than the table are cut from a column before it is made
SMALL = (np.uint8, np.uint16)
SOME = 4  # so many numbers are looked for one by one in less time than by a table
MADE = 16 * 1024 * 1024
"""Octets of columns that a table keeps made, or all large ones of a view together; of more, those that were read last. To
make one again takes a few milliseconds of a million rows."""
FOUND, CODED = 8 * 1024 * 1024, 12 * 1024 * 1024
"""The same of places, and of codes."""


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
        return super().isin(values) if found is None else pd.Series(found, index=self.index, copy=False)


def _among(column: Any, values: list[Any]) -> Known | None:
    """Where a categorical or whole-number column holds one of `values`; None where pandas must say."""
    array = column.array
    if isinstance(array, pd.Categorical):
        table = np.append(np.isin(array.categories.to_numpy(dtype=object), values), False)
        codes = np.flatnonzero(table)
        return _any_of(array.codes, codes) if len(codes) <= SOME else np.asarray(table[array.codes])
    if not isinstance(array, pd.arrays.IntegerArray) or not all(_whole(v) for v in values):
        return None
    numbers, known = numbers_of(column)
    bounds = np.iinfo(numbers.dtype)
    wanted = np.array([int(v) for v in values if bounds.min <= v <= bounds.max], numbers.dtype)
    if len(wanted) <= SOME:
        out = _any_of(numbers, wanted)
    elif numbers.dtype in SMALL:
        table = np.zeros(int(bounds.max) + 1, dtype=bool)
        table[wanted] = True
        out = table[numbers]
    else:
        return None
    return np.asarray(out & known)


def _any_of(numbers: Any, wanted: Any) -> Known:
    out = np.zeros(len(numbers), dtype=bool)
    for value in wanted:
        out |= numbers == value
    return out


def matching(column: Any, pattern: str, how: str = "fullmatch", without: str = "") -> Known:
    """Where the words of a categorical column match a regular expression (``fullmatch``, ``match`` or
    ``contains``), as they are or with nothing in place of what matches `without`; each word is looked at once."""
    words = column.array
    if not isinstance(words, pd.Categorical):
        words = pd.Categorical(column)
    fits = getattr(re.compile(pattern), "search" if how == "contains" else how)
    texts = [str(word) for word in words.categories]
    found = [bool(fits(text) or (without and fits(re.sub(without, "", text)))) for text in texts]
    return np.asarray(np.array([*found, False])[words.codes])


def joint_codes(parts: Sequence[Any], sizes: Sequence[int]) -> Any:
    """One small number for each combination of codes (see `Table.codes`; null is a value here)."""
    out = np.zeros(len(parts[0]), np.int64)
    total = 1
    for codes, size in zip(parts, sizes, strict=True):
        total *= size + 1
        out = out * (size + 1) + codes + 1
        if total >= 1 << 15:
            out, keys = pd.factorize(out)
            total = max(len(keys), 1)
    return out.astype(np.int16 if total < 1 << 15 else np.int64)


def _whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


class Recent(Generic[Key, Value]):
    """What was asked for last, of a bounded size: it is made again when it is asked for after it was let go."""

    def __init__(self, octets: int) -> None:
        self._room = octets
        self._held: OrderedDict[Key, tuple[Value, int]] = OrderedDict()

    def __contains__(self, key: Key) -> bool:
        return key in self._held

    def get(self, key: Key) -> Value | None:
        """What is held under `key`."""
        held = self._held.get(key)
        if held is None:
            return None
        self._held.move_to_end(key)
        return held[0]

    def put(self, key: Key, value: Value, octets: int) -> None:
        """Hold it, and let go of what was not asked for the longest where there is not room for all."""
        self._held[key] = value, octets
        self._room -= octets
        while self._room < 0 and len(self._held) > 1:
            _, (_, freed) = self._held.popitem(last=False)
            self._room += freed


class Table:
    """Columns by name, each made when it is first read.

    Args:
        length: rows.
        makers: for each column, a function that makes it of the rows at some places (all when None).
        coders: for columns whose `codes` somebody knows already, a function that gives them.
        content: the table behind it (of Arrow, or a DataFrame), of which `makers` may give other columns than it holds.
    """

    def __init__(
        self,
        length: int,
        makers: dict[str, Callable[[Places | None], Any]],
        coders: dict[str, Callable[[], tuple[Any, list[Any]]]] | None = None,
        content: Any = None,
    ) -> None:
        self.content = content
        self.own = dict(makers)
        self.length = length
        self.coders = coders or {}
        self.makers = makers
        self.index = pd.RangeIndex(length)
        self._made: Recent[tuple[int, str], Column] = Recent(MADE)
        self._kept: dict[str, Column] = {}
        self._kept_codes: dict[str, tuple[npt.NDArray[Any], list[Any]]] = {}
        self._places: Recent[tuple[str, Any], Places] = Recent(FOUND)
        self._ordered: dict[str, bool] = {}
        self._codes: Recent[str, tuple[npt.NDArray[Any], list[Any]]] = Recent(CODED)

    def __len__(self) -> int:
        return self.length

    def share_room(self, room: Recent[tuple[int, str], Column]) -> None:
        """Hold the columns that are made in one room with those of other tables."""
        self._made = room

    def keep(self, name: str) -> None:
        """Make a column that nearly every rule reads, and hold it as long as the table."""
        self._kept[name] = self[name]

    def keep_codes(self, name: str) -> None:
        """The same of the numbers that stand for a column's values."""
        self._kept_codes[name] = self.codes(name)

    def __getitem__(self, name: str) -> Column:
        column = self._kept.get(name)
        if column is None:
            column = self._made.get((id(self), name))
        if column is None:
            column = Column(_array(self.makers[name](None)), index=self.index, copy=False)
            self._made.put((id(self), name), column, column.array.nbytes)
        return column

    def cut(self, name: str, places: Places, index: Any = None) -> Column:
        """The column at `places`; one that nobody has read yet is not made for a few rows of it, and one that is made
        of codes for no part of it."""
        index = pd.Index(places, copy=False) if index is None else index
        many = len(places) * FEW > self.length and name not in self.coders
        if name in self._kept or (id(self), name) in self._made or many:
            return Column(_at(self[name].array, places), index=index, copy=False)
        return Column(_array(self.makers[name](places)), index=index, copy=False)

    def places(self, name: str, value: Any) -> Places:
        """The rows, in order, where a column holds `value` (or one of several); found once, but for long
        numbers such as addresses, each of which is asked for once."""
        if name in self._kept_codes:
            return np.flatnonzero(self.among(name, [value] if isinstance(value, int) else value))
        if _long(self[name]):
            coded = self._codes.get(name)
            if coded is not None and value in coded[1]:
                return np.flatnonzero(coded[0] == coded[1].index(value))
            return np.flatnonzero(holds(self[name], value))
        key = (name, frozenset(value) if isinstance(value, list | set | range) else value)
        places = self._places.get(key)
        if places is None:
            places = np.flatnonzero(holds(self[name], value))
            self._places.put(key, places, places.nbytes)
        return places

    def among(self, name: str, values: Iterable[Any], places: Places | None = None) -> Known:
        """Where a column holds one of `values`, at some places (all when None): found by its codes, so that it need not
        be made."""
        codes, keys = self.codes(name)
        wanted = set(values)
        places_of = [place for place, key in enumerate(keys) if key in wanted]
        codes = codes if places is None else codes.take(places)
        if len(places_of) <= SOME:
            return _any_of(codes, places_of)
        table = np.zeros(len(keys) + 1, dtype=bool)
        table[places_of] = True
        return np.asarray(table.take(codes))

    def known(self, name: str, places: Places | None = None) -> Known:
        """Where a column has a value, at some places (all when None); one whose codes are known is not made for it."""
        if name in self._kept_codes or name in self.coders:
            codes = self.codes(name)[0]
            return np.asarray((codes if places is None else codes.take(places)) >= 0)
        return ~mask((self[name] if places is None else self.cut(name, places)).isna())

    def ordered(self, name: str) -> bool:
        """Whether a column of whole numbers never falls; found once."""
        if name not in self._ordered:
            numbers = numbers_of(self[name])[0]
            self._ordered[name] = bool((numbers[1:] >= numbers[:-1]).all())
        return self._ordered[name]

    def codes(self, name: str) -> tuple[npt.NDArray[Any], list[Any]]:
        """A column as numbers that stand for its values (-1: null), and the values; found once."""
        found = self._kept_codes.get(name) or self._codes.get(name)
        if found is None:
            found = self.coders[name]() if name in self.coders else _codes(self[name])
            self._codes.put(name, found, found[0].nbytes)
        return found

    def frame(self, places: Places | None) -> pd.DataFrame:
        """Rows as a DataFrame of all columns."""
        if places is None:
            return pd.DataFrame({name: pd.Series(self[name]) for name in self.makers}, index=self.index)
        columns = {name: pd.Series(self.cut(name, places)) for name in self.makers}
        return pd.DataFrame(columns, index=self.index[places])


def _array(made: Any) -> Any:
    return made.array if isinstance(made, pd.Series) else made


def _at(array: Any, places: Places) -> Any:
    """The values at some places, without the checks that pandas makes of each place."""
    if isinstance(array, pd.arrays.IntegerArray | pd.arrays.BooleanArray):
        values, known = array._data, array._mask  # type: ignore[union-attr]
        return type(array)(values.take(places), known.take(places))
    if isinstance(array, pd.Categorical):
        return pd.Categorical.from_codes(array.codes.take(places), dtype=array.dtype, validate=False)
    return array.take(places)


def _long(column: Column) -> bool:
    array = column.array
    return isinstance(array, pd.arrays.IntegerArray) and numbers_of(column)[0].dtype.itemsize > 2


def holds(column: Column, value: Any) -> Known:
    several = isinstance(value, list | tuple | set | frozenset | range)
    return mask(column.isin(list(value)) if several else column == value)


def _codes(column: Column) -> tuple[npt.NDArray[Any], list[Any]]:
    array = column.array
    if isinstance(array, pd.Categorical):
        return array.codes, array.categories.tolist()
    if isinstance(array, pd.arrays.IntegerArray):
        values, known = numbers_of(column)
    else:
        values, known = column.to_numpy(), ~mask(column.isna())
    if values.dtype in SMALL:
        null = int(np.iinfo(values.dtype).max) + 1
        index = values.astype(np.intp) if known.all() else np.where(known, values, np.intp(null))
        seen = np.zeros(null + 1, dtype=bool)
        seen[index] = True
        keys = np.flatnonzero(seen[:null])
        place = np.full(null + 1, -1, _width(keys))
        place[keys] = np.arange(len(keys))
        return place[index], list(keys.tolist())
    found, keys = pd.factorize(values)
    found = found.astype(_width(keys))
    no_code_where_null(found, known)
    return found, list(keys.tolist())


def _width(keys: Any) -> Any:
    return np.int16 if len(keys) < 1 << 15 else np.int32

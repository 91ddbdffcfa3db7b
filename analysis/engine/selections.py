"""The rows that rules declare (`analysis.rules.rows`), found with Arrow: each distinct selection once for all rules.

Strategy: a condition is looked at leaf by leaf; a leaf is one call of Arrow over one column, and of a column of words
each word is looked at once. What came of a leaf is kept as bits, so the rules that ask for the same rows share them. Of
few rows what breaks a rule is looked for among these rows alone. Rules with code get plain pandas frames of the columns
that they name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from analysis.engine.conditions import Words, evaluated, holds, part_of, truths
from analysis.features.messages import roles_of
from analysis.features.view import View
from analysis.rules.expression import Condition, Holds, OneOf
from analysis.rules.rows import OF_COMMAND, OF_MESSAGE, Rows, kinds
from analysis.tables.lazy import FEW, Places, Recent, Table, matching, numbers_of
from analysis.tables.pandas_columns import arrow_of

__all__ = ["Selected", "Selections"]

Mask = npt.NDArray[np.bool_]
FRAMES = 8 * 1024 * 1024
"""Octets of frames that are kept for the next rule that asks for them."""
PLACES = 4 * 1024 * 1024
"""The same of places of rows; to find them again takes a millisecond of a million rows, as the conditions are kept."""
STATIONS = frozenset({"sender", "receiver", "origin", "target"})


class Source(Protocol):
    """Where columns come from."""

    def __len__(self) -> int: ...

    def column(self, name: str) -> Any:
        """A column as Arrow has it, or as `Words`."""

    def pandas(self, name: str, places: Places | None) -> pd.Series[Any]:
        """A column at some places (all when None), as rules with code get it."""

    def codes(self, name: str) -> tuple[Any, list[Any]]:
        """A column as numbers that stand for its values (-1: null), and the values."""


class OfTable:
    """Columns of a table of the view."""

    def __init__(self, name: str, table: Table) -> None:
        self.name, self.table = name, table

    def __len__(self) -> int:
        return len(self.table)

    def column(self, name: str) -> Any:
        if name in STATIONS or kinds(self.name).get(name) == "category":
            return Words(*self.table.codes(name))
        content = self.table.content
        if (
            content is not None
            and self.table.makers[name] is self.table.own.get(name)
            and _has(content, name)
        ):
            found = arrow_of(content[name])
            if found is not None:
                return found
        return _of_pandas(self.table[name])

    def pandas(self, name: str, places: Places | None) -> pd.Series[Any]:
        column = self.table[name] if places is None else self.table.cut(name, places)
        return pd.Series(column.array, copy=False)

    def codes(self, name: str) -> tuple[Any, list[Any]]:
        return self.table.codes(name)


def _has(content: Any, name: str) -> bool:
    return name in (content.columns if isinstance(content, pd.DataFrame) else content.column_names)


class OfMessages(OfTable):
    """Columns of the messages, with the roles of both parties."""

    def __init__(self, view: View) -> None:
        super().__init__("messages", view.tables.lazy["messages"])
        self.view = view

    def column(self, name: str) -> Any:
        return _of_pandas(self.pandas(name, None)) if name.endswith("_role") else super().column(name)

    def pandas(self, name: str, places: Places | None) -> pd.Series[Any]:
        if not name.endswith("_role"):
            return super().pandas(name, places)
        found = roles_of(self.view, super().pandas(name.removesuffix("_role"), places))
        return pd.Series(pd.Categorical(found), copy=False)


class OfFrame:
    """Columns of a DataFrame that was made for some rows."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame

    def __len__(self) -> int:
        return len(self.frame)

    def column(self, name: str) -> Any:
        return _of_pandas(self.frame[name])

    def pandas(self, name: str, places: Places | None) -> pd.Series[Any]:
        column = self.frame[name]
        return column.reset_index(drop=True) if places is None else column.iloc[places].reset_index(drop=True)

    def codes(self, name: str) -> tuple[Any, list[Any]]:
        values, keys = pd.factorize(self.frame[name].astype("UInt64"))
        return values, [int(key) for key in keys]


class Selections:
    """The rows of a view, as rules declare them."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._sources: dict[Any, Source] = {}
        self._columns: dict[tuple[Any, str], Any] = {}
        self._masks: dict[tuple[Any, Condition], pa.BooleanArray] = {}
        self._selected: Recent[Rows, Selected] = Recent(PLACES)
        self._nothing: dict[tuple[Any, str], pd.Series[Any]] = {}
        self._frames: Recent[Rows, pd.DataFrame] = Recent(FRAMES)

    def selected(self, rows: Rows) -> Selected:
        """The rows, whose parameters must have values by now (`Rows.bound`)."""
        wanted = replace(rows, columns=())
        found = self._selected.get(wanted)
        if found is None:
            found = Selected(self, wanted)
            self._selected.put(wanted, found, found.places.nbytes)
        return found

    def frame(self, rows: Rows) -> pd.DataFrame:
        """The rows as a pandas frame of the columns that they name; rules that ask for the same share its columns, and
        what one of them changes is its own."""
        found = self._frames.get(rows)
        if found is None:
            found = self.selected(rows).frame(rows.columns)
            self._frames.put(rows, found, sum(found[name].array.nbytes for name in found))
        return found.copy(deep=False)

    def source(self, key: Any) -> Source:
        """The columns of a table, of items with their messages, or of commands (`Rows.of`) with their fields."""
        if key not in self._sources:
            if isinstance(key, tuple):
                self._sources[key] = OfFrame(self._commands(*key))
            elif key == "items":
                self._sources[key] = OfFrame(_items(self.view))
            elif key == "messages":
                self._sources[key] = OfMessages(self.view)
            else:
                self._sources[key] = OfTable(key, self.view.tables.lazy[key])
        return self._sources[key]

    def _commands(self, of: Condition, fields: tuple[str, ...]) -> pd.DataFrame:
        """One row for each command, with its fields as columns."""
        rows = Rows("commands", of)
        if not len(self.selected(rows)):  # most commands are in no capture
            none = self.selected(rows).frame(OF_COMMAND)
            return none.assign(**{one: np.zeros(0, "O" if one.endswith(":text") else "f8") for one in fields})
        columns = self.selected(rows).frame((*OF_COMMAND, "field", "number", "value"))
        lines = columns.drop_duplicates("frame")[list(OF_COMMAND)].sort_values(
            ["seconds", "frame"], kind="stable"
        )
        for field in fields:
            name, kind = field.removesuffix(":text"), "value" if field.endswith(":text") else "number"
            mine = columns[matching(columns["field"], name)].drop_duplicates("frame")
            lines[field] = lines["frame"].map(mine.set_index("frame")[kind])
        return lines.reset_index(drop=True)

    def column(self, key: Any, name: str) -> Any:
        """A column of a source; made once."""
        if (key, name) not in self._columns:
            self._columns[key, name] = self.source(key).column(name)
        return self._columns[key, name]

    def nothing(self, key: Any, name: str) -> pd.Series[Any]:
        """A column of a source, of no rows; made once."""
        if (key, name) not in self._nothing:
            self._nothing[key, name] = self.source(key).pandas(name, np.zeros(0, np.intp))
        return self._nothing[key, name]

    def mask(self, key: Any, condition: Condition) -> pa.BooleanArray:
        """Where a condition holds in a whole source; each leaf is looked at once."""
        return evaluated(condition, partial(self._leaf, key))

    def _leaf(self, key: Any, leaf: Any) -> pa.BooleanArray:
        if (key, leaf) not in self._masks:
            self._masks[key, leaf] = self.holds(leaf, partial(self.column, key))
        return self._masks[key, leaf]

    def holds(self, leaf: Any, column: Callable[[str], Any]) -> pa.BooleanArray:
        """Where one comparison holds in some columns; that a message has certain items is asked of its number."""
        if isinstance(leaf, Holds):
            items = self.selected(leaf.rows)
            numbers, _ = numbers_of(items.source.pandas("message", items.places))
            leaf = OneOf(leaf.column, tuple(np.unique(numbers).tolist()))
        return holds(leaf, column, self.view)


class Selected:
    """Some rows of a source.

    Attributes:
        places: where they are in it, in order.
    """

    def __init__(self, selections: Selections, rows: Rows) -> None:
        self.selections = selections
        self.key: Any = rows.table if rows.of is None else (rows.of, rows.fields)
        self.source, self.kinds = selections.source(self.key), rows.kinds
        if rows.condition is None or not len(self.source):
            self.places: Places = np.arange(len(self.source))
        else:
            self.places = np.flatnonzero(truths(selections.mask(self.key, rows.condition)))
        self._parts: dict[str, Any] = {}

    def __len__(self) -> int:
        return len(self.places)

    def mask(self, condition: Condition) -> Mask:
        """Which of the rows a condition holds of. Of few rows it is looked at for these alone."""
        if not len(self):
            return np.zeros(0, np.bool_)
        if len(self) * FEW > len(self.source):
            return truths(self.selections.mask(self.key, condition))[self.places]
        return truths(evaluated(condition, lambda leaf: self.selections.holds(leaf, self._part)))

    def _part(self, name: str) -> Any:
        if name not in self._parts:
            self._parts[name] = part_of(self.selections.column(self.key, name), self.places)
        return self._parts[name]

    def frame(self, columns: Iterable[str]) -> pd.DataFrame:
        """The rows as a pandas frame of these columns."""
        whole = len(self) == len(self.source)
        if not len(self):
            found = {name: self.selections.nothing(self.key, name) for name in columns}
        else:
            found = {name: self.source.pandas(name, None if whole else self.places) for name in columns}
        return pd.DataFrame(found, copy=False)

    def codes(self, name: str) -> tuple[Any, list[Any]]:
        """A column of devices as numbers that stand for them (-1: null), and these."""
        codes, keys = self.source.codes(name)
        return codes[self.places], keys

    @cached_property
    def frames(self) -> Any:
        """The frame numbers of the rows."""
        return numbers_of(self.source.pandas("frame", self.places))[0]


def _items(view: View) -> pd.DataFrame:
    """Items with their messages' columns."""
    items, messages = view.tables["items"], view.tables["messages"]
    return pd.DataFrame(items.merge(messages[["message", *OF_MESSAGE]], on="message"))


def _of_pandas(column: Any) -> Any:
    """A pandas column as Arrow has it, or as `Words`."""
    array = column.array
    if isinstance(array, pd.arrays.IntegerArray):
        values, known = numbers_of(column)
        buffers = [
            pa.py_buffer(np.packbits(known, bitorder="little")),
            pa.py_buffer(np.ascontiguousarray(values)),
        ]
        return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), buffers)
    if isinstance(array, pd.Categorical):
        return Words(array.codes, array.categories.tolist())
    return pa.array(column, from_pandas=True)

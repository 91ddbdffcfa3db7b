"""Filter expressions over the rows of a table; see `analysis.tables.filter_language` for the language. Where a column has
no value every comparison is false, ``!=`` too.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.tables.addresses import address_number
from analysis.tables.filter_language import FilterError, Parser
from analysis.tables.schema import ADDRESS_COLUMNS

__all__ = ["Filter", "FilterError", "parse_filter"]

Mask = npt.NDArray[np.bool_]
Test = Callable[[Any], Mask]
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Filter:
    """A parsed expression.

    Attributes:
        text: as it was written.
        columns: the columns that it asks for.
    """

    def __init__(self, text: str, test: Test, columns: frozenset[str]) -> None:
        self.text = text
        self.columns = columns
        self._test = test

    def mask(self, rows: Any) -> Mask:
        """Which rows of a DataFrame (or mapping of columns) fit."""
        return self._test(rows)


def parse_filter(text: str, columns: Iterable[str]) -> Filter:
    """Understand `text`, whose column names must be among `columns`.

    Raises:
        FilterError: it is no expression, or names a column that is not there.
    """
    parser = Parser(text, columns, Tests())
    return Filter(text, parser.parse(), frozenset(parser.asked))


class Tests:
    """Makes tests of rows."""

    addresses = ADDRESS_COLUMNS

    def compared(self, column: str, operator: str, value: Any) -> Test:
        compare = COMPARE[operator]
        return lambda rows: _compared(rows[column], compare, value, column)

    def contains(self, column: str, text: str) -> Test:
        part = text.casefold()
        return lambda rows: _contains(rows[column], part)

    def matches(self, column: str, pattern: str) -> Test:
        search = re.compile(pattern, re.IGNORECASE).search
        return lambda rows: _texts(rows[column], lambda text: bool(search(text)))

    def any_of(self, column: str, values: list[Any]) -> Test:
        equal = [self.compared(column, "==", value) for value in values]
        return self.either(equal)

    def present(self, column: str) -> Test:
        return lambda rows: _present(rows[column])

    def either(self, parts: list[Test]) -> Test:
        return lambda rows: np.logical_or.reduce([test(rows) for test in parts])

    def both(self, parts: list[Test]) -> Test:
        return lambda rows: np.logical_and.reduce([test(rows) for test in parts])

    def negated(self, part: Test) -> Test:
        return lambda rows: ~part(rows)


def _compared(column: Any, compare: Callable[[Any, Any], Any], value: Any, name: str) -> Mask:
    """The column against a value of its own kind; all false when the value cannot be of that kind."""
    kind = column.dtype.kind
    if name in ADDRESS_COLUMNS and kind in "OU":
        found = _address_compared(column, compare, value)
        if found is not None:
            return found
    if kind == "b":
        value = {"true": True, "1": True, "false": False, "0": False}.get(str(value).lower())
    elif kind in "iuf" and isinstance(value, str):
        value = address_number(value)
    elif kind == "O":
        column, value = column.astype("string"), str(value)
    elif kind == "U":
        value = str(value)
    elif kind == "M":
        value = _time(value)
    if value is None:
        return np.zeros(len(column), bool)
    if kind in "iuf" and isinstance(value, int | float):  # numpy compares 64-bit numbers of either sign
        there = np.asarray(column.notna().to_numpy(dtype=bool))
        numbers = column.fillna(0).to_numpy(dtype=column.dtype.numpy_dtype)
        return np.asarray(compare(numbers, value) & there, bool)
    return _booleans(compare(column, value))


def _address_compared(column: Any, compare: Callable[[Any, Any], Any], value: Any) -> Mask | None:
    """Addresses as numbers against one, each distinct one once; None when these are names and not addresses."""
    number = address_number(value) if isinstance(value, str) else value
    codes, words = column.factorize()
    numbers = [address_number(str(word)) for word in words]
    if number is None or None in numbers:
        return None
    return np.asarray(np.array([bool(compare(one, number)) for one in numbers] + [False], bool)[codes])


def _time(value: Any) -> Any:
    import pandas as pd

    if not isinstance(value, str):  # a number of what, since when?
        return None
    try:
        return pd.Timestamp(value) if "+" in value else pd.Timestamp(value, tz="UTC")
    except (ValueError, OverflowError):
        return None


def _booleans(found: Any) -> Mask:
    return np.asarray(found.fillna(False).to_numpy(dtype=bool))


def _contains(column: Any, part: str) -> Mask:
    """Which texts have `part` in them, and which lists have it as one of their items."""
    if _lists(column):
        return _texts(column, lambda text: part == text.casefold())
    return _texts(column, lambda text: part in text.casefold())


def _texts(column: Any, fits: Callable[[str], bool]) -> Mask:
    """Each distinct text is looked at once; a list fits when one of its items does."""
    if _lists(column):
        known = column.notna().to_numpy(dtype=bool)
        return np.array(
            [
                there and any(fits(str(item)) for item in items)
                for items, there in zip(column, known, strict=True)
            ],
            bool,
        )
    codes, words = column.factorize()
    verdicts = np.array([fits(str(word)) for word in words] + [False], bool)
    return np.asarray(verdicts[codes])


def _lists(column: Any) -> bool:
    return str(column.dtype).startswith("list")


def _present(column: Any) -> Mask:
    there = np.asarray(column.notna().to_numpy(dtype=bool))
    return _booleans(column) & there if column.dtype.kind == "b" else there

"""Filter expressions over the rows of a table: ``protocol == ZCL and nwk_src == 0x1234``.

Grammar, loosest first: ``or``, ``and``, ``not``, parentheses, then a comparison ``column operator value`` or a
column alone (it has a value, and is not false). Operators: ``== != < <= > >=``, ``contains`` (without regard to
case), ``matches`` (a regular expression), ``in (a, b)``. Values: numbers (0x...), "texts", words, EUI-64s with
colons. Where a column has no value every comparison is false, ``!=`` too. Addresses, which are hex digits, are compared
with any of these: ``nwk_src == 0x1a2b``, ``== 1a2b``, ``>= 0xfff8``; a number without 0x is decimal, unless it has an
address's 16 digits, or 4 the first of which is 0.
"""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from analysis.tables.schema import ADDRESS_COLUMNS

__all__ = ["Filter", "FilterError", "parse_filter"]

Mask = npt.NDArray[np.bool_]
Test = Callable[[Any], Mask]

TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<eui64>(?:[0-9a-fA-F]{2}:){7}[0-9a-fA-F]{2})"""
    r"""|(?P<number>-?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?)(?![\w.]))|(?P<sign>==|!=|<=|>=|<|>|\(|\)|,|=)"""
    r"""|(?P<word>[\w.\-]+))"""
)
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
WORDS = frozenset(["and", "or", "not", "in", "contains", "matches"])
DEEPEST = 50
ADDRESS = re.compile(r"0\d{3}|\d{16}")
"""Decimal digits that are the hex digits of an address, and no number."""
MOST_DIGITS = 40
"""Of a number: more than any column has room for, and few enough for each kind of arithmetic."""


class FilterError(ValueError):
    """The expression cannot be understood; `position` is where in the text."""

    def __init__(self, text: str, position: int) -> None:
        super().__init__(text)
        self.position = position


class Token(NamedTuple):
    kind: str
    text: str
    at: int


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
    return Parser(text, tuple(columns)).parse()


class Parser:
    """Recursive descent over the tokens."""

    def __init__(self, text: str, columns: tuple[str, ...]) -> None:
        self.text = text
        self.columns = columns
        self.asked: set[str] = set()
        self.tokens = _tokens(text)
        self.at = 0
        self.depth = 0

    def parse(self) -> Filter:
        test = self.either()
        if self.at < len(self.tokens):
            token = self.tokens[self.at]
            raise FilterError(f"{token.text!r} is not expected here: and, or?", token.at)
        return Filter(self.text, test, frozenset(self.asked))

    def peek(self) -> Token:
        if self.at < len(self.tokens):
            return self.tokens[self.at]
        return Token("end", "the end", len(self.text))

    def take(self, *texts: str) -> bool:
        """Whether the next token is one of `texts`; it is consumed then."""
        token = self.peek()
        found = token.kind in ("word", "sign") and token.text.lower() in texts
        self.at += found
        return found

    def either(self) -> Test:
        tests = [self.both()]
        while self.take("or"):
            tests.append(self.both())
        return tests[0] if len(tests) == 1 else lambda rows: np.logical_or.reduce([t(rows) for t in tests])

    def both(self) -> Test:
        tests = [self.one()]
        while self.take("and"):
            tests.append(self.one())
        return tests[0] if len(tests) == 1 else lambda rows: np.logical_and.reduce([t(rows) for t in tests])

    def one(self) -> Test:
        self.depth += 1
        if self.depth > DEEPEST:
            raise FilterError("nested too deeply", self.peek().at)
        try:
            if self.take("not"):
                inner = self.one()
                return lambda rows: ~inner(rows)
            if self.take("("):
                inner = self.either()
                self.expect(")")
                return inner
            return self.comparison()
        finally:
            self.depth -= 1

    def expect(self, text: str) -> None:
        if not self.take(text):
            raise FilterError(f"{text!r} is expected, not {self.peek().text!r}", self.peek().at)

    def comparison(self) -> Test:
        name = self.column()
        token = self.peek()
        if token.text in COMPARE and token.kind == "sign":
            self.at += 1
            value, compare = self.value(name), COMPARE[token.text]
            return lambda rows: _compared(rows[name], compare, value, name)
        if self.take("contains"):
            part = self.word().casefold()
            return lambda rows: _contains(rows[name], part)
        if self.take("matches"):
            pattern = self.pattern()
            return lambda rows: _texts(rows[name], lambda text: bool(pattern.search(text)))
        if self.take("in"):
            values = self.values(name)
            return lambda rows: np.logical_or.reduce(
                [_compared(rows[name], operator.eq, value, name) for value in values]
            )
        return lambda rows: _present(rows[name])

    def column(self) -> str:
        token = self.peek()
        if token.kind != "word" or token.text.lower() in WORDS:
            raise FilterError(f"a column is expected, not {token.text!r}", token.at)
        if token.text not in self.columns:
            close = difflib.get_close_matches(token.text, self.columns, 1)
            hint = f": {close[0]}?" if close else ""
            raise FilterError(f"no column {token.text!r}{hint}", token.at)
        self.at += 1
        self.asked.add(token.text)
        return token.text

    def word(self) -> str:
        """A value as it is written."""
        token = self.peek()
        value = self.value()
        return token.text if token.kind == "number" else str(value)

    def value(self, column: str = "") -> Any:
        """A value, to be compared with a column."""
        token = self.peek()
        if token.kind in ("end", "sign"):
            raise FilterError(f"a value is expected, not {token.text!r}", token.at)
        self.at += 1
        if token.kind == "number":
            if len(token.text) > MOST_DIGITS:
                raise FilterError(f"a number of {len(token.text)} digits", token.at)
            if column in ADDRESS_COLUMNS and ADDRESS.fullmatch(token.text):
                return token.text
            return (
                float(token.text)
                if "." in token.text
                else int(token.text, 0 if "x" in token.text.lower() else 10)
            )
        if token.kind == "eui64":
            return int(token.text.replace(":", ""), 16)
        return re.sub(r"\\(.)", r"\1", token.text[1:-1]) if token.kind == "text" else token.text

    def pattern(self) -> re.Pattern[str]:
        token = self.peek()
        try:
            # a regular expression keeps its backslashes
            self.value()
            return re.compile(token.text[1:-1] if token.kind == "text" else token.text, re.IGNORECASE)
        except re.error as error:
            raise FilterError(f"not a regular expression: {error.msg}", token.at) from None

    def values(self, column: str) -> list[Any]:
        self.expect("(")
        found = [self.value(column)]
        while self.take(","):
            found.append(self.value(column))
        self.expect(")")
        return found


def _tokens(text: str) -> list[Token]:
    found, at = [], 0
    end = len(text.rstrip())
    while at < end:
        match = TOKEN.match(text, at)
        if match is None:
            raise FilterError(f"{text[at:].strip()[:1]!r} is not understood", at)
        kind = str(match.lastgroup)
        found.append(Token(kind, match.group(kind), match.start(kind)))
        at = match.end()
    if not found:
        raise FilterError("empty", 0)
    return found


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
        value = _hexadecimal(value)
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
    number = _hexadecimal(value) if isinstance(value, str) else value
    codes, words = column.factorize()
    numbers = [_hexadecimal(str(word)) for word in words]
    if number is None or None in numbers:
        return None
    return np.asarray(np.array([bool(compare(one, number)) for one in numbers] + [False], bool)[codes])


def _hexadecimal(text: str) -> int | None:
    """Addresses are often written without 0x."""
    digits = re.sub(r"[:\-\s]|^0[xX]", "", text)
    return int(digits, 16) if re.fullmatch(r"[0-9a-fA-F]{1,16}", digits) else None


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

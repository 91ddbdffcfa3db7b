"""The language of filters: ``protocol == ZCL and nwk_src == 0x1234``.

Grammar, loosest first: ``or``, ``and``, ``not``, parentheses, then a comparison ``column operator value`` or a
column alone (it has a value, and is not false). Operators: ``== != < <= > >=``, ``contains`` (without regard to
case), ``matches`` (a regular expression, without regard to case), ``in (a, b)``. Values: numbers (0x...), "texts", words,
EUI-64s with colons. Addresses, which are hex digits, are compared with any of these: ``nwk_src == 0x1a2b``, ``== 1a2b``,
``>= 0xfff8``; a number without 0x is decimal, unless it has an address's 16 digits, or 4 the first of which is 0.

Strategy: the parser knows no tables. What is made of a comparison says its `Builder`: a test of rows
(`analysis.views.filters`), or a condition of a rule (`analysis.rules.declared_text`).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

__all__ = ["Builder", "FilterError", "Parser", "close_names"]

T = TypeVar("T")

TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<eui64>(?:[0-9a-fA-F]{2}:){7}[0-9a-fA-F]{2})"""
    r"""|(?P<number>-?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?)(?![\w.]))|(?P<sign>==|!=|<=|>=|<|>|\(|\)|,|=)"""
    r"""|(?P<word>[\w.\-]+))"""
)
COMPARE = frozenset(["==", "=", "!=", "<", "<=", ">", ">="])
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


class Builder(Protocol[T]):
    """Makes something of what the parser understands."""

    @property
    def addresses(self) -> Collection[str]:
        """Columns whose values are hex digits of addresses."""

    def compared(self, column: str, operator: str, value: Any) -> T:
        """``column operator value``. Raises ValueError: the column can hold no such value."""

    def contains(self, column: str, text: str) -> T:
        """The column has `text` in it."""

    def matches(self, column: str, pattern: str) -> T:
        """The column matches a regular expression."""

    def any_of(self, column: str, values: list[Any]) -> T:
        """The column holds one of `values`."""

    def present(self, column: str) -> T:
        """The column has a value, and is not false."""

    def either(self, parts: list[T]) -> T:
        """One of several, at least."""

    def both(self, parts: list[T]) -> T:
        """All of them."""

    def negated(self, part: T) -> T:
        """Not this."""


class Parser(Generic[T]):
    """Recursive descent over the tokens.

    Attributes:
        asked: the columns that the text asks for.
    """

    def __init__(self, text: str, columns: Iterable[str], builder: Builder[T]) -> None:
        self.text = text
        self.columns = tuple(columns)
        self.builder = builder
        self.asked: set[str] = set()
        self.tokens = _tokens(text)
        self.at = 0
        self.depth = 0

    def parse(self) -> T:
        """What the builder made of the text.

        Raises:
            FilterError: it is no expression, or names a column that is not there.
        """
        test = self.either()
        if self.at < len(self.tokens):
            token = self.tokens[self.at]
            raise FilterError(f"{token.text!r} is not expected here: and, or?", token.at)
        return test

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

    def either(self) -> T:
        tests = [self.both()]
        while self.take("or"):
            tests.append(self.both())
        return tests[0] if len(tests) == 1 else self.builder.either(tests)

    def both(self) -> T:
        tests = [self.one()]
        while self.take("and"):
            tests.append(self.one())
        return tests[0] if len(tests) == 1 else self.builder.both(tests)

    def one(self) -> T:
        self.depth += 1
        if self.depth > DEEPEST:
            raise FilterError("nested too deeply", self.peek().at)
        try:
            if self.take("not"):
                return self.builder.negated(self.one())
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

    def comparison(self) -> T:
        name = self.column()
        token = self.peek()
        if token.text in COMPARE and token.kind == "sign":
            self.at += 1
            operator, at = "==" if token.text == "=" else token.text, self.peek().at
            return self.held(lambda: self.builder.compared(name, operator, self.value(name)), at)
        if self.take("contains"):
            return self.builder.contains(name, self.word())
        if self.take("matches"):
            return self.builder.matches(name, self.pattern())
        if self.take("in"):
            at = self.peek().at
            return self.held(lambda: self.builder.any_of(name, self.values(name)), at)
        return self.builder.present(name)

    def held(self, made: Callable[[], T], at: int) -> T:
        """What `made` makes; a value that its column cannot hold is wrong at its place."""
        try:
            return made()
        except FilterError:
            raise
        except ValueError as error:
            raise FilterError(str(error), at) from None

    def column(self) -> str:
        token = self.peek()
        if token.kind != "word" or token.text.lower() in WORDS:
            raise FilterError(f"a column is expected, not {token.text!r}", token.at)
        if token.text not in self.columns:
            close = close_names(token.text, self.columns)
            hint = f": {' or '.join(close)}?" if close else ""
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
            if column in self.builder.addresses and ADDRESS.fullmatch(token.text):
                return token.text
            return (
                float(token.text)
                if "." in token.text
                else int(token.text, 0 if "x" in token.text.lower() else 10)
            )
        if token.kind == "eui64":
            return int(token.text.replace(":", ""), 16)
        return re.sub(r"\\(.)", r"\1", token.text[1:-1]) if token.kind == "text" else token.text

    def pattern(self) -> str:
        token = self.peek()
        try:
            # a regular expression keeps its backslashes
            self.value()
            return re.compile(token.text[1:-1] if token.kind == "text" else token.text).pattern
        except re.error as error:
            raise FilterError(f"not a regular expression: {error.msg}", token.at) from None

    def values(self, column: str) -> list[Any]:
        self.expect("(")
        found = [self.value(column)]
        while self.take(","):
            found.append(self.value(column))
        self.expect(")")
        return found


def close_names(name: str, known: Iterable[str], most: int = 1) -> list[str]:
    """The known names that somebody may have meant.

    >>> close_names("mesage.usecase", ["message.use_case", "protocol"])
    ['message.use_case']
    """
    folded = {one.casefold(): one for one in known}
    found = difflib.get_close_matches(name.casefold(), folded, most)
    return [folded[one] for one in found]


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

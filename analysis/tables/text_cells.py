"""Columns as texts: the cells of lines of CSV or JSON.

Strategy: every column becomes an Arrow array of texts. Words of a dictionary, values that repeat and texts that need
more than quotes are written once each by Python's own writers, so that the texts are theirs to the last character;
numbers and plain texts by Arrow. Columns whose values repeat together are written once for all rows that are alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.tables.arrow import column_array, numpy_of
from analysis.tables.row_groups import few_coded, row_groups
from dissectors.vectors import Index, distinct, kernels

__all__ = ["Cells", "Dialect", "between", "octet_table", "scalar"]

SECOND = 1_000_000_000
WHOLE, LEAST, MOST = 1e15, 1e-4, 1e9
"""Whole numbers are written as such below the first; others Arrow writes with Python's digits between the others."""
MOST_KNOWN, SHORT = 20_000, 200
"""Texts whose written form is remembered, at most, and their characters."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one format writes values.

    Attributes:
        value: any plain value as text.
        special: for each octet, whether a text that holds it needs `value`.
        leading: the same of a text that begins with it.
        quote: what stands around a text of ordinary characters.
        label: what stands in front of the values of the column of a name.
        separator: what stands between values.
        line: what stands at the beginning and at the end of a row.
        nulls: whether they are left out, or are empty.
    """

    value: Callable[[Any], str]
    special: npt.NDArray[np.bool_]
    leading: npt.NDArray[np.bool_]
    quote: str = ""
    label: Callable[[str], str] = lambda _: ""
    separator: str = ","
    line: tuple[str, str] = ("", "\r\n")
    nulls: Literal["skip", "replace"] = "replace"


def octet_table(some: bytes) -> npt.NDArray[np.bool_]:
    table = np.zeros(256, np.bool_)
    table[list(some)] = True
    return table


@cache
def scalar(text: str) -> Any:
    return _texts([text])[0]  # `pyarrow.scalar` would import pandas


def _texts(texts: Iterable[str | None]) -> Any:
    return column_array(list(texts), pa.string())


@dataclass(slots=True)
class Cells:
    """Columns to arrays of texts, each with `before` in front of it; null stays null."""

    dialect: Dialect
    _words: dict[tuple[str, str], tuple[Any, Any]] = field(default_factory=dict)
    _known: dict[str, str] = field(default_factory=dict)

    def lines(self, named: Sequence[tuple[str, Any]]) -> Iterator[memoryview | bytes]:
        """The octets of all rows of some columns, of which one has no nulls where nulls are left out."""
        begin, end = self.dialect.line
        if named[0][1].null_count:
            yield _octets(between(begin, self._rows(named, ""), end))
            return
        # What stands between two rows is part of the first cell: all lines are not copied once more.
        yield begin.encode()
        yield _octets(self._rows(named, end + begin))[len((end + begin).encode()) :]
        yield end.encode()

    def _rows(self, named: Sequence[tuple[str, Any]], before: str) -> Any:
        """All columns of each row as one text; `before` stands in front of it."""
        dialect = self.dialect
        separator, parts = scalar(dialect.separator), []
        labels = [dialect.label(name) for name, _ in named]
        labels[0] = before + labels[0]
        for group in row_groups([column for _, column in named]):
            part = list(zip(named, labels, strict=True))[group.start : group.end]
            if group.rows is None or len(part) == 1:
                parts += [self.of(name, column, label) for (name, column), label in part]
                continue
            cells = [self.of(name, kernels.take(column, group.rows), label) for (name, column), label in part]
            texts = kernels.joined(cells, separator, dialect.nulls)
            if dialect.nulls == "skip":
                texts = kernels.take(texts, _places(cells))
            parts.append(kernels.take(texts, group.codes))
        return kernels.joined(parts, separator, dialect.nulls)

    def of(self, name: str, column: Any, before: str = "") -> Any:
        """The texts of the column called `name`."""
        kind, quote = column.type, self.dialect.quote
        if pa.types.is_dictionary(kind):
            return kernels.take(self._dictionary(name, column.dictionary, before), column.indices)
        if pa.types.is_boolean(kind):
            yes, no = (scalar(before + self.dialect.value(truth)) for truth in (True, False))
            return kernels.chosen(column, yes, no)
        if pa.types.is_integer(kind):
            return self._integers(column, before)
        if pa.types.is_timestamp(kind):
            return _times(column, before + quote, quote)
        if pa.types.is_floating(kind):
            return self._floats(column, before)
        if not pa.types.is_string(kind):
            return self._written(column.to_pylist(), before)
        coded = few_coded(column)
        if coded is not None:
            return self._coded(coded, coded.dictionary.to_pylist(), before)
        return self._replaced(between(before + quote, column, quote), column, self._special(column), before)

    def _dictionary(self, name: str, words: Any, before: str) -> Any:
        """The words of a dictionary as texts; those that the last batch had are not written again."""
        known, texts = self._words.get((name, before), (words.slice(0, 0), _texts([])))
        if not known.equals(words.slice(0, len(known))):
            known, texts = words.slice(0, 0), _texts([])
        if len(known) < len(words):
            fresh = words.slice(len(known))
            texts = pa.concat_arrays([texts, self._written(fresh.to_pylist(), before)])
            known = pa.concat_arrays(
                [known, fresh]
            )  # a copy: those of a batch may lie in memory that others wait for
            self._words[name, before] = known, texts
        return texts

    def _integers(self, column: Any, before: str) -> Any:
        coded = few_coded(column) if before else None
        if coded is not None:  # cheaper to write once each than to put something before all
            return self._coded(coded, numpy_of(coded.dictionary)[0].tolist(), before)
        return between(before, kernels.as_text(column), "")

    def _floats(self, column: Any, before: str) -> Any:
        bits = pa.Array.from_buffers(pa.int64(), len(column), column.buffers(), offset=column.offset)
        coded = few_coded(bits)
        if coded is not None:
            return self._coded(coded, numpy_of(coded.dictionary)[0].view(np.float64).tolist(), before)
        numbers, valid = numpy_of(bits)
        values = np.where(valid, numbers.view(np.float64), 0.0)
        size = np.abs(values)
        whole = (size < WHOLE) & (np.trunc(values) == values) & ((size > 0) | ~np.signbit(values))
        plain = whole | (size >= LEAST) & (size < MOST)
        digits = kernels.as_text(_array(np.where(whole, values, 0).astype(np.int64)))
        texts = kernels.chosen(_truths(whole), between("", digits, ".0"), kernels.as_text(column))
        index = _array(np.arange(len(values)), valid)
        return self._replaced(
            between(before, kernels.take(texts, index), ""), column, np.flatnonzero(~plain), before
        )

    def _special(self, column: Any) -> Index:
        """The rows of a column of texts that only Python's own writer writes."""
        ends = np.frombuffer(column.buffers()[1], np.int32)[column.offset : column.offset + len(column) + 1]
        octets = np.frombuffer(column.buffers()[2] or b"", np.uint8)[: ends[-1]]
        special = np.zeros(len(column), np.bool_)
        hits = np.flatnonzero(self.dialect.special[octets[ends[0] :]]) + ends[0]
        special[np.searchsorted(ends, hits, side="right") - 1] = True
        some = np.flatnonzero(np.diff(ends))
        special[some] |= self.dialect.leading[octets[ends[some]]]
        return np.flatnonzero(special)

    def _replaced(self, texts: Any, column: Any, rows: Index, before: str) -> Any:
        """`texts` with those of some rows of `column` as Python writes them."""
        if not len(rows):
            return texts
        coded = kernels.coded(kernels.take(column, _array(rows)))
        written = self._coded(coded, coded.dictionary.to_pylist(), before)
        order = np.arange(len(texts))
        order[rows] = len(texts) + np.arange(len(rows))
        return kernels.take(pa.concat_arrays([texts, written]), _array(order))

    def _coded(self, coded: Any, values: list[Any], before: str) -> Any:
        return kernels.take(self._written(values, before), coded.indices)

    def _written(self, values: list[Any], before: str) -> Any:
        return _texts([None if value is None else before + self._text(value) for value in values])

    def _text(self, value: Any) -> str:
        """One value as text; that of a short text is remembered, since batches have much in common."""
        if type(value) is not str or len(value) > SHORT:
            return str(value) if type(value) is int else self.dialect.value(value)
        found = self._known.get(value)
        if found is None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            found = self._known[value] = self.dialect.value(value)
        return found


def _places(cells: Sequence[Any]) -> Any:
    """For each row its place among those of which some cell is not null; null for the others, which Arrow drops."""
    held = np.zeros(len(cells[0]), np.bool_)
    for cell in cells:
        bitmap, start = cell.buffers()[0], cell.offset
        bits = None if bitmap is None else np.unpackbits(np.frombuffer(bitmap, np.uint8), bitorder="little")
        held |= True if bits is None else bits[start : start + len(cell)].astype(np.bool_)
    return _array(np.cumsum(held) - 1, held)


def _array(values: Index, valid: npt.NDArray[np.bool_] | None = None) -> Any:
    buffers = [None if valid is None else _bits(valid), pa.py_buffer(values)]
    return pa.Array.from_buffers(pa.int64(), len(values), buffers)


def _truths(values: npt.NDArray[np.bool_]) -> Any:
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, _bits(values)])


def _bits(values: npt.NDArray[np.bool_]) -> Any:
    return pa.py_buffer(np.packbits(values, bitorder="little"))


def _octets(lines: Any) -> memoryview:
    """The texts of an Arrow array, one after the other."""
    return memoryview(lines.buffers()[2]) if len(lines) else memoryview(b"")


def between(before: str, column: Any, after: str) -> Any:
    if not before and not after:
        return column
    return kernels.joined([scalar(before), column, scalar(after)], scalar(""), "emit_null")


def _times(column: Any, before: str, after: str) -> Any:
    """Times as ISO 8601 in UTC with nanoseconds."""
    times, valid = numpy_of(column)
    seconds = times // SECOND
    unique, which = distinct(seconds)
    whole = [before + text for text in np.datetime_as_string(unique.view("M8[s]")).tolist()]
    begins = _texts(whole)
    stamps = _fractions((times - seconds * SECOND).astype(np.uint32), after)
    return kernels.joined([kernels.take(begins, _array(which, valid)), stamps], scalar(""), "emit_null")


THOUSANDS = np.frombuffer("".join(f"{number:03}" for number in range(1000)).encode(), "S3")
"""Three digits of each number below 1,000."""


def _fractions(nanoseconds: npt.NDArray[np.uint32], after: str) -> Any:
    """``.000056000Z`` for each number of nanoseconds, and something behind it."""
    form = [("point", "S1"), ("milli", "S3"), ("micro", "S3"), ("nano", "S3"), ("end", f"S{1 + len(after)}")]
    out = np.empty(len(nanoseconds), form)
    rest, nano = np.divmod(nanoseconds, np.uint32(1000))
    milli, micro = np.divmod(rest, np.uint32(1000))
    out["point"], out["end"] = b".", f"Z{after}".encode()
    out["milli"], out["micro"], out["nano"] = THOUSANDS[milli], THOUSANDS[micro], THOUSANDS[nano]
    offsets = np.arange(0, (len(out) + 1) * out.itemsize, out.itemsize, dtype=np.int32)
    return pa.Array.from_buffers(pa.string(), len(out), [None, pa.py_buffer(offsets), pa.py_buffer(out)])

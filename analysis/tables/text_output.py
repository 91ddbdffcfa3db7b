"""Record batches as lines of CSV or JSON, a column at a time.

Strategy: every column becomes an Arrow array of texts. Words of a dictionary and distinct numbers are written
once each by Python's own writers, so that the texts are theirs to the last character; whole numbers, and plain
texts that need nothing but quotes, by Arrow. Then Arrow joins the columns of all rows in one go.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.tables.arrow import column_array, numpy_of
from analysis.tables.python_values import rows_of
from analysis.tables.row_form import RowForm
from dissectors.text import csv_cell, json_text
from dissectors.vectors import distinct, kernels

__all__ = ["Csv", "JsonLines", "RawCsv"]

ROWS = 32_768
"""Rows that are written at a time: the texts of so many are held in memory."""
FEW = 8
"""Values are few when there are so many times more rows."""
SECOND = 1_000_000_000
STAMP = len(".000000000Z")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one format writes values.

    Attributes:
        value: any plain value as text.
        quote: what stands around a text of ordinary characters.
        special: for each octet, whether a text that holds it needs `value`.
        leading: the same of a text that begins with it.
    """

    value: Callable[[Any], str]
    quote: str
    special: npt.NDArray[np.bool_]
    leading: npt.NDArray[np.bool_]


def _octets(some: bytes) -> npt.NDArray[np.bool_]:
    table = np.zeros(256, np.bool_)
    table[list(some)] = True
    return table


def _raw_csv_value(value: Any) -> str:
    text = io.StringIO()
    csv.writer(text).writerow([" ".join(map(str, value)) if isinstance(value, list) else value, ""])
    return text.getvalue()[: -len(",\r\n")]


def _csv_value(value: Any) -> str:
    return _raw_csv_value(csv_cell(value) if isinstance(value, str) else value)


CONTROLS = bytes(range(32)) + bytes(range(0x7F, 0x100))
"""Octets of texts that are not plain ASCII: they are looked at one by one."""
CSV = Dialect(_csv_value, "", _octets(CONTROLS + b',"'), _octets(b" =+-@"))
RAW_CSV = Dialect(_raw_csv_value, "", _octets(b',"\r\n'), _octets(b""))
JSON = Dialect(json_text, '"', _octets(CONTROLS + b'"\\'), _octets(b""))


@cache
def _scalar(text: str) -> Any:
    return _texts([text])[0]  # `pyarrow.scalar` would import pandas


def _texts(texts: Iterable[str | None]) -> Any:
    return column_array(list(texts), pa.string())


@dataclass(slots=True)
class Cells:
    """Columns to arrays of texts, each with `before` in front of it; null stays null."""

    dialect: Dialect
    _words: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    def of(self, name: str, column: Any, before: str = "") -> Any:
        """The texts of the column called `name`."""
        kind, quote = column.type, self.dialect.quote
        if pa.types.is_dictionary(kind):
            return kernels.take(self._dictionary(name, column.dictionary, before), column.indices)
        if pa.types.is_boolean(kind):
            yes, no = (_scalar(before + self.dialect.value(truth)) for truth in (True, False))
            return kernels.chosen(column, yes, no)
        if pa.types.is_integer(kind):
            return self._integers(column, before)
        if pa.types.is_timestamp(kind):
            return _times(column, before + quote, quote)
        if pa.types.is_floating(kind):
            bits = pa.Array.from_buffers(pa.int64(), len(column), column.buffers(), offset=column.offset)
            coded = kernels.coded(bits)
            return self._coded(coded, numpy_of(coded.dictionary)[0].view(np.float64).tolist(), before)
        if not pa.types.is_string(kind):
            return self._written(column.to_pylist(), before)
        if not self._any_special(column):
            return _between(before + quote, column, quote)
        coded = kernels.coded(column)
        return self._coded(coded, coded.dictionary.to_pylist(), before)

    def _dictionary(self, name: str, words: Any, before: str) -> Any:
        """The words of a dictionary as texts; those that the last batch had are not written again."""
        known, texts = self._words.get(name, (words.slice(0, 0), _texts([])))
        if not known.equals(words.slice(0, len(known))):
            known, texts = words.slice(0, 0), _texts([])
        if len(known) < len(words):
            fresh = self._written(words.slice(len(known)).to_pylist(), before)
            texts = pa.concat_arrays([texts, fresh])
        self._words[name] = words, texts
        return texts

    def _integers(self, column: Any, before: str) -> Any:
        if before:  # few distinct ones: cheaper to write once each than to put something before all
            coded = kernels.coded(column)
            if len(coded.dictionary) * FEW < len(column):
                return self._coded(coded, numpy_of(coded.dictionary)[0].tolist(), before)
        return _between(before, kernels.as_text(column), "")

    def _any_special(self, column: Any) -> bool:
        data = column.buffers()[2]
        if data is None:
            return False
        octets = np.frombuffer(data, np.uint8)
        if self.dialect.special[octets].any():
            return True
        ends = np.frombuffer(column.buffers()[1], np.int32)[column.offset : column.offset + len(column) + 1]
        return bool(self.dialect.leading[octets[ends[:-1][np.diff(ends) > 0]]].any())

    def _coded(self, coded: Any, values: list[Any], before: str) -> Any:
        return kernels.take(self._written(values, before), coded.indices)

    def _written(self, values: list[Any], before: str) -> Any:
        return _texts(None if value is None else before + self.dialect.value(value) for value in values)


def _between(before: str, column: Any, after: str) -> Any:
    if not before and not after:
        return column
    return kernels.joined([_scalar(before), column, _scalar(after)], _scalar(""), "emit_null")


def _times(column: Any, before: str, after: str) -> Any:
    """Times as ISO 8601 in UTC with nanoseconds."""
    times, valid = numpy_of(column)
    seconds, fraction = np.divmod(times, SECOND)
    unique, which = distinct(seconds)
    whole = _texts(before + text for text in np.datetime_as_string(unique.view("M8[s]")).tolist())
    bitmap = pa.py_buffer(np.packbits(valid, bitorder="little"))
    index = pa.Array.from_buffers(pa.int64(), len(which), [bitmap, pa.py_buffer(which)])
    return kernels.joined(
        [kernels.take(whole, index), _fractions(fraction), _scalar(after)], _scalar(""), "emit_null"
    )


def _fractions(nanoseconds: npt.NDArray[np.int64]) -> Any:
    """``.000056000Z`` for each number of nanoseconds."""
    out = np.empty((len(nanoseconds), STAMP), np.uint8)
    out[:, 0], out[:, -1] = ord("."), ord("Z")
    rest = nanoseconds.astype(np.uint32)
    for place in range(STAMP - 2, 0, -1):
        rest, digit = np.divmod(rest, np.uint32(10))
        out[:, place] = digit + ord("0")
    offsets = np.arange(0, (len(out) + 1) * STAMP, STAMP, dtype=np.int32)
    return pa.Array.from_buffers(pa.string(), len(out), [None, pa.py_buffer(offsets), pa.py_buffer(out)])


def _parts(form: RowForm, table: str, batch: Any) -> Iterable[Any]:
    """Some rows at a time, as they are written."""
    batch = form.of(table, batch)
    for start in range(0, len(batch), ROWS):
        yield batch.slice(start, ROWS)


def _octets_of(lines: Any) -> memoryview:
    """The texts of an Arrow array, one after the other."""
    return memoryview(lines.buffers()[2]) if len(lines) else memoryview(b"")


class JsonLines:
    """One JSON object a row; nulls are left out."""

    def __init__(self, file: IO[bytes], table: str, form: RowForm | None = None) -> None:
        self._file = file
        self._table = table
        self._form = form or RowForm()
        self._cells = Cells(JSON)

    def write(self, batch: Any) -> None:
        for part in _parts(self._form, self._table, batch):
            self._file.write(self._lines(part))

    def _lines(self, batch: Any) -> memoryview | bytes:
        named = list(zip(batch.schema.names, batch.columns, strict=True))
        if not any(column.null_count == 0 for _, column in named):
            # Arrow loses rows all of whose parts are left out.
            return "".join(f"{json_text(row)}\n" for row in rows_of(batch)).encode()
        cells = [
            self._cells.of(name, column, f"{json_text(name)}: ")
            for name, column in named
            if column.null_count < len(column)
        ]
        return _octets_of(_between("{", kernels.joined(cells, _scalar(", "), "skip"), "}\n"))

    def close(self) -> None:
        self._file.flush()


class Csv:
    """Comma-separated values with a header line; null is empty, lists are separated by spaces.

    Texts are printable, and none is a formula to a spreadsheet (`dissectors.text.display.csv_cell`).
    """

    dialect = CSV

    def __init__(self, file: IO[bytes], table: str, form: RowForm | None = None) -> None:
        self._file = file
        self._table = table
        self._form = form or RowForm()
        self._cells = Cells(self.dialect)
        self._names = self._form.schema(table).names
        self._file.write((",".join(self._names) + "\r\n").encode())

    def write(self, batch: Any) -> None:
        for part in _parts(self._form, self._table, batch):
            cells = [
                self._cells.of(name, column) for name, column in zip(self._names, part.columns, strict=True)
            ]
            rows = kernels.joined(cells, _scalar(","), "replace")
            self._file.write(_octets_of(_between("", rows, "\r\n")))

    def close(self) -> None:
        self._file.flush()


class RawCsv(Csv):
    """As `Csv`, with every text as it is: for programs, not for spreadsheets and terminals."""

    dialect = RAW_CSV

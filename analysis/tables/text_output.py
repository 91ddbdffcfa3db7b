"""Record batches as lines of CSV or JSON: cells of all columns (`analysis.tables.text_cells`), joined by Arrow."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import IO, Any

import numpy as np
import pyarrow as pa

from analysis.tables.arrow import column_array, numpy_of
from analysis.tables.python_values import rows_of
from analysis.tables.row_form import RowForm
from analysis.tables.text_cells import Cells, Dialect, octet_table
from dissectors.text import csv_cell, json_text

__all__ = ["Csv", "JsonLines", "RawCsv"]

ROWS = 32_768
"""Rows that are written at a time: the texts of so many are held in memory."""


QUOTED = re.compile(r'[,"\r\n]')


def _raw_csv_value(value: Any) -> str:
    if isinstance(value, str) and not QUOTED.search(value):
        return value
    if isinstance(value, float):
        return repr(value)
    text = io.StringIO()
    csv.writer(text).writerow([" ".join(map(str, value)) if isinstance(value, list) else value, ""])
    return text.getvalue()[: -len(",\r\n")]


def _csv_value(value: Any) -> str:
    return _raw_csv_value(csv_cell(value) if isinstance(value, str) else value)


CONTROLS = bytes(range(32)) + bytes(range(0x7F, 0x100))
"""Octets of texts that are not plain ASCII: they are looked at one by one."""
RAW_CSV = Dialect(_raw_csv_value, octet_table(b',"\r\n'), octet_table(b""))
CSV = replace(RAW_CSV, value=_csv_value, special=octet_table(CONTROLS + b',"'), leading=octet_table(b" =+-@"))
JSON = Dialect(
    json_text,
    octet_table(CONTROLS + b'"\\'),
    octet_table(b""),
    quote='"',
    label=lambda name: f"{json_text(name)}: ",
    separator=", ",
    line=("{", "}\n"),
    nulls="skip",
)


def _parts(form: RowForm, table: str, batch: Any) -> Iterable[Any]:
    """Some rows at a time, as they are written."""
    batch = form.of(table, batch)
    for start in range(0, len(batch), ROWS):
        yield batch.slice(start, ROWS)


def _finite(batch: Any) -> Any:
    """The batch with nulls for infinities."""
    for place, column in enumerate(batch.columns):
        if pa.types.is_floating(column.type):
            numbers, valid = numpy_of(column)
            if not np.isfinite(numbers[valid]).all():
                kept = [one if one is not None and math.isfinite(one) else None for one in column.to_pylist()]
                batch = batch.set_column(place, batch.schema.field(place), column_array(kept, column.type))
    return batch


class JsonLines:
    """One JSON object a row; nulls are left out, and infinities, for which JSON has no number (RFC 8259, 6)."""

    def __init__(self, file: IO[bytes], table: str, form: RowForm | None = None) -> None:
        self._file = file
        self._table = table
        self._form = form or RowForm()
        self._cells = Cells(JSON)

    def write(self, batch: Any) -> None:
        for part in _parts(self._form, self._table, batch):
            for octets in self._lines(part):
                self._file.write(octets)

    def _lines(self, batch: Any) -> Iterable[memoryview | bytes]:
        batch = _finite(batch)
        named = list(zip(batch.schema.names, batch.columns, strict=True))
        if not any(column.null_count == 0 for _, column in named):
            # Arrow loses rows all of whose parts are left out.
            return [f"{json_text(row)}\n".encode() for row in rows_of(batch)]
        return self._cells.lines(
            [(name, column) for name, column in named if column.null_count < len(column)]
        )

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
            named = list(zip(self._names, part.columns, strict=True))
            for octets in self._cells.lines(named):
                self._file.write(octets)

    def close(self) -> None:
        self._file.flush()


class RawCsv(Csv):
    """As `Csv`, with every text as it is: for programs, not for spreadsheets and terminals."""

    dialect = RAW_CSV

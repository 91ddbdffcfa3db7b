"""Tables to files or stdout while a capture is being read: Parquet, Arrow IPC, CSV, JSON lines.

Strategy: a file is written under a temporary name beside its place and moved there when all of it is
written, so a killed run leaves no half table and a rerun completes. Each format is one small writer class.
"""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Protocol

import pyarrow as pa

from analysis.tables import arrow_schema

__all__ = ["FORMATS", "Folder", "TableWriter", "plain_columns", "rows_of"]


class TableWriter(Protocol):
    """Writes the batches of one table."""

    def write(self, batch: Any) -> None:
        """Append a record batch."""

    def close(self) -> None:
        """Finish the file's format; the file itself stays open."""


def plain_columns(batch: Any) -> Iterator[tuple[str, list[Any]]]:
    """Column names and plain Python values; times as ISO 8601 in UTC with nanoseconds."""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_timestamp(column.type):
            yield name, [None if v is None else iso_time(v) for v in column.cast(pa.int64()).to_pylist()]
        elif pa.types.is_dictionary(column.type):
            words = column.dictionary.to_pylist()
            yield name, [None if code is None else words[code] for code in column.indices.to_pylist()]
        else:
            yield name, column.to_pylist()


def iso_time(time_ns: int) -> str:
    """A time as text.

    >>> iso_time(1281120790000056000)
    '2010-08-06T18:53:10.000056000Z'
    """
    from datetime import UTC, datetime, timedelta

    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    try:
        whole = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except OverflowError:
        return f"{seconds}.{nanoseconds:09d}"
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


def rows_of(batch: Any) -> Iterator[dict[str, Any]]:
    """Each row as a dictionary of plain values, without the nulls."""
    columns = list(plain_columns(batch))
    names = [name for name, _ in columns]
    for values in zip(*(values for _, values in columns), strict=True):
        yield {name: value for name, value in zip(names, values, strict=True) if value is not None}


class JsonLines:
    """One JSON object a row; nulls are left out."""

    def __init__(self, file: IO[bytes], table: str) -> None:
        self._file = file

    def write(self, batch: Any) -> None:
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows_of(batch))
        self._file.write(text.encode("utf-8", "replace"))

    def close(self) -> None:
        self._file.flush()


class Csv:
    """Comma-separated values with a header line; null is empty, lists are separated by spaces."""

    def __init__(self, file: IO[bytes], table: str) -> None:
        self._file = file
        self._file.write((",".join(arrow_schema(table).names) + "\r\n").encode())

    def write(self, batch: Any) -> None:
        columns = []
        for _, values in plain_columns(batch):
            columns.append([" ".join(map(str, v)) if isinstance(v, list) else v for v in values])
        text = io.StringIO()
        csv.writer(text).writerows(zip(*columns, strict=True))
        self._file.write(text.getvalue().encode("utf-8", "replace"))

    def close(self) -> None:
        self._file.flush()


class Arrow:
    """Arrow IPC stream."""

    def __init__(self, file: IO[bytes], table: str) -> None:
        self._file = file
        self._writer = pa.ipc.new_stream(file, arrow_schema(table))

    def write(self, batch: Any) -> None:
        self._writer.write_batch(batch)

    def close(self) -> None:
        self._writer.close()
        self._file.flush()


class Parquet:
    """Apache Parquet, compressed with zstd."""

    def __init__(self, file: IO[bytes], table: str) -> None:
        from pyarrow import parquet

        self._schema = arrow_schema(table)
        self._writer = parquet.ParquetWriter(file, self._schema, compression="zstd")

    def write(self, batch: Any) -> None:
        self._writer.write_table(pa.Table.from_batches([batch], schema=self._schema))

    def close(self) -> None:
        self._writer.close()


FORMATS: dict[str, tuple[str, Callable[[IO[bytes], str], TableWriter]]] = {
    "parquet": (".parquet", Parquet),
    "csv": (".csv", Csv),
    "jsonl": (".jsonl", JsonLines),
    "arrow": (".arrows", Arrow),
}


class Folder:
    """Tables as files of one folder; nothing shows under its final name before `finish`.

    Args:
        path: the folder, made when absent.
        format_: a name in `FORMATS`.
        tables: which to write; each gets a file, with or without rows.

    Raises:
        OSError: the folder or a file cannot be made.
    """

    def __init__(self, path: Path, format_: str, tables: tuple[str, ...]) -> None:
        self.path = path
        self.suffix, self._make = FORMATS[format_]
        self.tables = tables
        self._files: dict[str, IO[bytes]] = {}
        self._writers: dict[str, TableWriter] = {}
        path.mkdir(parents=True, exist_ok=True)

    def begin(self) -> None:
        """Start (again): what was written before is dropped."""
        self.abandon()
        for table in self.tables:
            file = tempfile.NamedTemporaryFile(  # noqa: SIM115
                dir=self.path, prefix=f".{table}-", suffix=".part", delete=False
            )
            self._files[table] = file
            self._writers[table] = self._make(file, table)

    def write(self, table: str, batch: Any) -> None:
        """Append a batch to its table's file."""
        if table in self._writers:
            self._writers[table].write(batch)

    def finish(self) -> list[Path]:
        """Close all files and move them to their places, which are returned."""
        places = []
        for table, writer in self._writers.items():
            writer.close()
            file = self._files[table]
            file.flush()
            os.fsync(file.fileno())
            file.close()
            Path(file.name).chmod(0o666 & ~_umask())
        for table, file in self._files.items():
            place = self.path / (table + self.suffix)
            Path(file.name).replace(place)
            places.append(place)
        self._files, self._writers = {}, {}
        return places

    def abandon(self) -> None:
        """Remove what is not finished."""
        for writer in self._writers.values():
            with suppress(Exception):  # what it writes goes away anyhow
                writer.close()
        for file in self._files.values():
            file.close()
            Path(file.name).unlink(missing_ok=True)
        self._files, self._writers = {}, {}


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

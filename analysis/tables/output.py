"""Tables to files or stdout while a capture is being read: Parquet, Arrow IPC, CSV, JSON lines.

Strategy: a file is written under a temporary name beside its place and moved there when all of it is
written, so a killed run leaves no half table and a rerun completes. Each format is one small writer class.
They write beside decoding: in a thread (`analysis.tables.writer_thread`) unless told otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import IO, Any, Protocol

import pyarrow as pa

from analysis.tables.row_form import RowForm
from analysis.tables.text_output import Csv, JsonLines, RawCsv
from analysis.tables.writer_thread import Beside, WriterThread, Writing
from captures.whole_files import abandon_file, begin_file, complete_file, errors_about, move_file

__all__ = ["FORMATS", "TEXTS", "Folder", "Parquet", "TableWriter", "Writers"]


MANIFOLD = {
    *("frame", "time", "nwk_counter", "nwk_digest", "aps_frame_counter", "aps_digest"),
    *("value", "number", "scaled", "message", "item"),
}
"""Columns in which a value is rarely met twice: a dictionary makes Parquet slower and larger there."""
RISING = ("frame", "time", "message")
"""Columns that rise from row to row: differences are shorter, and each row group tells its first and last,
so that readers can skip row groups."""


class TableWriter(Protocol):
    """Writes the batches of one table; addresses leave it as text (`analysis.tables.addresses`)."""

    def write(self, batch: Any) -> None:
        """Append a record batch."""

    def close(self) -> None:
        """Finish the file's format; the file itself stays open."""


class Arrow:
    """Arrow IPC stream."""

    def __init__(self, file: IO[bytes], table: str, form: RowForm | None = None) -> None:
        self._file = file
        self._table = table
        self._form = form or RowForm()
        self._writer = pa.ipc.new_stream(file, self._form.schema(table))

    def write(self, batch: Any) -> None:
        self._writer.write_batch(self._form.of(self._table, batch))

    def close(self) -> None:
        self._writer.close()
        self._file.flush()


class Parquet:
    """Apache Parquet, compressed with zstd; each batch is a row group."""

    def __init__(self, file: IO[bytes], table: str, form: RowForm | None = None) -> None:
        try:  # without what `pyarrow.parquet` imports for file systems and data sets: 17 ms
            from pyarrow._parquet import ParquetWriter
        except ImportError:  # another layout of pyarrow: slower, the same
            from pyarrow.parquet import ParquetWriter

        self._form = form or RowForm()
        self._schema = self._form.schema(table)
        self._table = table
        rising = [name for name in RISING if name in self._schema.names]
        if self._form.times != "utc":
            rising = [name for name in rising if name != "time"]
        self._writer = ParquetWriter(
            file,
            self._schema,
            version="2.6",
            data_page_version="1.0",
            writer_engine_version="V2",
            use_compliant_nested_type=True,
            compression="zstd",
            use_dictionary=[name for name in self._schema.names if name not in MANIFOLD],
            column_encoding=dict.fromkeys(rising, "DELTA_BINARY_PACKED"),
            write_statistics=rising,
        )

    def write(self, batch: Any) -> None:
        batch = self._form.of(self._table, batch)
        self._writer.write_table(pa.Table.from_batches([batch], schema=self._schema))

    def close(self) -> None:
        self._writer.close()


FORMATS: dict[str, tuple[str, Callable[[IO[bytes], str, RowForm | None], TableWriter]]] = {
    "parquet": (".parquet", Parquet),
    "csv": (".csv", Csv),
    "raw-csv": (".csv", RawCsv),
    "jsonl": (".jsonl", JsonLines),
    "arrow": (".arrows", Arrow),
}


TEXTS = ("csv", "raw-csv", "jsonl")
"""Formats whose writers seldom let go of the interpreter's lock for long."""


class Writers:
    """The writers of some tables: `analysis.tables.writer_thread.Writing`.

    Args:
        format_: a name in `FORMATS`.
        files: by table; they stay open.
        form: which columns, and how times are written.
        places: where the files will be, for errors.
    """

    def __init__(
        self,
        format_: str,
        files: Mapping[str, IO[bytes]],
        form: RowForm | None = None,
        places: Mapping[str, Path] | None = None,
    ) -> None:
        self.form = form
        self._files, self._places = files, places or {}
        self._make = FORMATS[format_][1]
        self._writers: dict[str, TableWriter] = {}

    def _about(self, table: str) -> Any:
        return errors_about(self._places[table]) if table in self._places else nullcontext()

    def open(self) -> None:
        for table, file in self._files.items():
            with self._about(table):
                self._writers[table] = self._make(file, table, self.form)

    def send(self, beside: Beside, table: str, batch: Any) -> None:
        """Have a batch written in a while."""
        beside.do(table, batch, self.form and self.form.start_ns)

    def write(self, table: str, batch: Any, start_ns: int | None = None) -> None:
        """Append a batch of a capture whose first frame came at `start_ns`."""
        if self.form is not None:
            self.form.start_ns = start_ns
        with self._about(table):
            self._writers[table].write(batch)

    def close(self) -> None:
        for table, writer in self._writers.items():
            with self._about(table):
                writer.close()
                self._files[table].flush()

    def abandon(self) -> None:
        """Let go of what is not finished."""
        for writer in self._writers.values():
            with suppress(Exception):  # what it writes goes away anyhow
                writer.close()


class Folder:
    """Tables as files of one folder; nothing shows under its final name before `finish`.

    Args:
        path: the folder, made when absent.
        format_: a name in `FORMATS`.
        tables: which to write; each gets a file, with or without rows.
        form: which columns, and how times are written.

    Raises:
        OSError: the folder or a file cannot be made.
    """

    def __init__(
        self, path: Path, format_: str, tables: tuple[str, ...], form: RowForm | None = None
    ) -> None:
        self.path = path
        self.format = format_
        self.form = form
        self.tables = tables
        self._places = {table: path / (table + FORMATS[format_][0]) for table in tables}
        self._files: dict[str, IO[bytes]] = {}
        self._writers: Writers | None = None
        self._beside: Beside | None = None
        path.mkdir(parents=True, exist_ok=True)

    def begin(self, beside: Callable[[Writing], Beside] = WriterThread) -> None:
        """Start (again): what was written before is dropped.

        Args:
            beside: who writes beside decoding.
        """
        self.abandon()
        for table, place in self._places.items():
            self._files[table] = begin_file(place)
        self._writers = Writers(self.format, self._files, self.form, self._places)
        self._beside = beside(self._writers)

    def write(self, table: str, batch: Any) -> None:
        """Append a batch to its table's file, in a while. Raises what an earlier write raised."""
        if table in self._files and self._beside is not None and self._writers is not None:
            self._writers.send(self._beside, table, batch)

    def finish(self) -> list[Path]:
        """Close all files and move them to their places, which are returned. Raises what a write raised."""
        if self._beside is not None:
            self._beside.finish()
        for table, file in self._files.items():
            complete_file(file, self._places[table])
        for table, file in self._files.items():
            move_file(file, self._places[table])
        places = [self._places[table] for table in self._files]
        self._files, self._writers, self._beside = {}, None, None
        return places

    def abandon(self) -> None:
        """Remove what is not finished."""
        if self._beside is not None:
            self._beside.drop()
        if self._writers is not None:
            self._writers.abandon()
        for file in self._files.values():
            abandon_file(file)
        self._files, self._writers, self._beside = {}, None, None

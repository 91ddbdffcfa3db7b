"""The tables of a capture while it is decoded: they grow, and may be read by many threads meanwhile.

Strategy: record batches stay as decoding gives them; rows are looked up by their place and made plain values only when a
page shows them, so that a million of them cost nothing. When a pass is given up all begins anew: `generation` says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.pipeline.passes import DecodedBlock, DecodePass
from analysis.pipeline.sinks import Sink
from analysis.tables.addresses import with_addresses
from analysis.tables.arrow import arrow_schema, empty_table
from analysis.tables.batches import appended
from analysis.tables.pieces import join_last
from analysis.tables.python_values import iso_time
from dissectors.vectors import take

__all__ = ["CaptureStore", "Content", "Places"]

ONE_BATCH = 4096
"""Rows of a batch that is made of smaller ones, at most."""
Places = npt.NDArray[np.int64]


class Content(NamedTuple):
    """What there is of a table at one moment.

    Attributes:
        batches: record batches, in order.
        starts: the place of the first row of each, and behind them the number of rows.
        generation: the pass that they are of.
        complete: nothing more will come.
    """

    table: str
    batches: tuple[Any, ...]
    starts: Places
    generation: int
    complete: bool

    def __len__(self) -> int:
        return int(self.starts[-1])

    def arrow(self) -> Any:
        """It as a `pyarrow.Table`."""
        return pa.Table.from_batches(self.batches) if self.batches else None

    def taken(self, places: Sequence[int] | Places, columns: Sequence[str]) -> Any:
        """Some columns of the rows at some places, in rising order, as a `pyarrow.Table`."""
        wanted = np.asarray(places, np.int64)
        numbers = np.searchsorted(self.starts, wanted, side="right") - 1
        parts = []
        for number in dict.fromkeys(numbers.tolist()):
            batch, index = self.batches[number], _index(wanted[numbers == number] - self.starts[number])
            arrays = [_taken(batch.column(name), index) for name in columns]
            parts.append(pa.RecordBatch.from_arrays(arrays, list(columns)))
        return pa.Table.from_batches(parts) if parts else empty_table(self.table).select(list(columns))

    def rows(
        self, places: Sequence[int] | Places, columns: Iterable[str] | None = None
    ) -> list[dict[str, Any]]:
        """The rows at some places, in rising order, as plain values without the nulls; addresses and times as text."""
        names = arrow_schema(self.table).names
        if columns is not None:
            asked = {*columns} | {"mac_src_mode", "mac_dst_mode"}
            names = [name for name in names if name in asked]
        out: list[dict[str, Any]] = []
        for part in self.taken(places, names).to_batches():
            out += _plain_rows(with_addresses(self.table, part))
        return out

    def numbers(self, column: str) -> npt.NDArray[Any]:
        """A column of numbers without nulls."""
        parts = [one.column(column).to_numpy(zero_copy_only=False) for one in self.batches]
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _index(places: Places) -> Any:
    return pa.Array.from_buffers(
        pa.int64(), len(places), [None, pa.py_buffer(np.ascontiguousarray(places, np.int64))]
    )


def _taken(column: Any, index: Any) -> Any:
    if not pa.types.is_dictionary(column.type):
        return take(column, index)
    codes = take(column.indices, index)
    known = sorted(
        {code for code in codes.to_pylist() if code is not None}
    )  # a dictionary may hold 65,536 words
    words = take(column.dictionary, _index(np.array(known, np.int64))) if known else column.dictionary[:0]
    place = {code: at for at, code in enumerate(known)}
    own = [None if code is None else place[code] for code in codes.to_pylist()]
    return pa.DictionaryArray.from_arrays(pa.array(own, pa.int32()), words)


def _plain_rows(batch: Any) -> list[dict[str, Any]]:
    columns = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_timestamp(column.type):
            values = [None if one is None else iso_time(one) for one in column.cast(pa.int64()).to_pylist()]
        else:
            values = column.to_pylist()
        columns.append((name, values))
    return [
        {name: values[row] for name, values in columns if values[row] is not None}
        for row in range(batch.num_rows)
    ]


class CaptureStore(Sink):
    """Keeps the record batches of the pass that counts.

    Args:
        most: frames that are kept, at most; of a live source, which has no end.

    Attributes:
        generation: rises when what was there before does not count any more.
        frames: decoded so far.
        complete: the capture has been read to its end.
    """

    tables = None

    def __init__(self, most: int | None = None) -> None:
        self.most = most
        self.generation, self.frames, self.complete = 0, 0, False
        self._lock = Lock()
        self._batches: dict[str, list[tuple[int, Any]]] = {}
        self._dropped: dict[str, int] = {}

    def restart(self, decode_pass: DecodePass) -> None:
        with self._lock:
            self.generation += 1
            self.frames, self.complete = 0, False
            self._batches, self._dropped = {}, {}

    def take(self, block: DecodedBlock) -> None:
        with self._lock:
            for table, batch in block.batches.items():
                if batch.num_rows:
                    self._add(table, batch, block.frames)
            self.frames = block.frames
            self._drop()

    def put(self, table: str, batch: Any) -> None:
        """A table as it stands now, of which a live source gives the whole at its end only."""
        with self._lock:
            self._batches[table] = [(self.frames, batch)] if batch.num_rows else []

    def _add(self, table: str, batch: Any, frames: int) -> None:
        found = self._batches.setdefault(table, [])
        found.append((frames, batch))
        if self.most is not None:  # a quiet network gives a batch for every frame
            join_last(found, partial(_join, table), ONE_BATCH, lambda one: int(one[1].num_rows))

    def _drop(self) -> None:
        """Let go of what came longest ago, half of it at a time, where there is too much."""
        first = min((found[0][0] for found in self._batches.values() if found), default=self.frames)
        if self.most is None or self.frames - first < self.most:
            return
        for table, found in self._batches.items():
            gone = [batch for frames, batch in found if frames < self.frames - self.most // 2]
            del found[: len(gone)]
            self._dropped[table] = self._dropped.get(table, 0) + sum(batch.num_rows for batch in gone)
        self.generation += 1

    def end(self, decode_pass: DecodePass) -> None:
        with self._lock:
            self.complete = True

    def snapshot(self) -> Any:
        with self._lock:
            rows = {
                table: self._dropped.get(table, 0) + sum(batch.num_rows for _, batch in found)
                for table, found in self._batches.items()
            }
            return rows, self.frames

    def rewind(self, decode_pass: DecodePass, saved: Any) -> None:
        with self._lock:
            rows, self.frames = saved
            self.generation += 1
            for table, found in self._batches.items():
                self._batches[table] = _first_rows(found, rows.get(table, 0) - self._dropped.get(table, 0))

    def content(self, table: str) -> Content:
        """What there is of a table now."""
        with self._lock:
            batches = tuple(batch for _, batch in self._batches.get(table, ()))
            starts = np.cumsum([0, *(one.num_rows for one in batches)], dtype=np.int64)
            return Content(table, batches, starts, self.generation, self.complete)


def _join(table: str, before: tuple[int, Any], last: tuple[int, Any]) -> tuple[int, Any]:
    return last[0], appended(table, [before[1], last[1]])


def _first_rows(found: list[tuple[int, Any]], count: int) -> list[tuple[int, Any]]:
    """The batches with the first rows of them."""
    out = []
    for frames, batch in found:
        if count <= 0:
            break
        out.append((frames, batch if batch.num_rows <= count else batch.slice(0, count)))
        count -= batch.num_rows
    return out

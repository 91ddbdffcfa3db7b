"""Frames as a list of lines: the columns that somebody wants to see, `source` and `destination` by name among them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from analysis.pipeline.passes import DecodedBlock, DecodePass
from analysis.pipeline.sinks import Sink
from analysis.tables.arrow import numpy_of
from analysis.tables.batches import rows_where
from analysis.tables.python_values import plain_columns, rows_of
from analysis.tables.row_form import RowForm
from analysis.tables.schema import columns_of
from analysis.views.ends import ENDS, end_column, names_of_devices

__all__ = ["LISTED", "ListingSink", "aligned"]

LISTED = ("frame", "time", "source", "destination", "protocol", "summary")
"""What a list shows unless somebody wants something else."""
NEEDED = (
    "nwk_src_eui64",
    "nwk_dst_eui64",
    "nwk_src",
    "nwk_dst",
    "mac_src",
    "mac_dst",
    "mac_src_mode",
    "mac_dst_mode",
)
RIGHT = (int, float)


class ListingSink(Sink):
    """Keeps the columns of a list; its rows are ready at the end, when all names are known.

    Args:
        columns: of `packets`, `source` and `destination`.
        form: how times are shown; it is told when the capture begins.
        ranges: first and last of the frames that are wanted; None for all.
    """

    def __init__(
        self, columns: Sequence[str], form: RowForm, ranges: Sequence[tuple[int, int]] | None = None
    ) -> None:
        self.columns, self.form, self.ranges = tuple(columns), form, ranges
        self.tables: tuple[str, ...] = ("packets", "devices")
        if "exchange" in columns:
            self.tables = (*self.tables, "exchanges")
        own = [name for name in columns if name not in ENDS]
        needed = NEEDED if len(own) < len(columns) else ()
        self._kept = tuple(dict.fromkeys((*own, *needed, *_modes(own))))

    def restart(self, decode_pass: DecodePass) -> None:
        self._batches: list[Any] = []
        self._names: dict[str, str] = {}

    def take(self, block: DecodedBlock) -> None:
        packets = block.batches.get("packets")
        if packets is not None:
            if self.ranges is not None:
                numbers = numpy_of(packets.column("frame"))[0]
                within = [(numbers >= low) & (numbers <= high) for low, high in self.ranges]
                packets = rows_where(packets, np.logical_or.reduce(within))
            arrays = [packets.column(name) for name in self._kept]
            self._batches.append(pa.RecordBatch.from_arrays(arrays, list(self._kept)))
        if "devices" in block.batches:
            self._names = names_of_devices(rows_of(block.batches["devices"]))

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows as plain values, in the order of the columns; nothing for null."""
        own = [name for name in self.columns if name not in ENDS]
        form = RowForm(own, self.form.times, self.form.zone)
        form.start_ns = self.form.start_ns
        for batch in self._batches:
            values = dict(plain_columns(form.of("packets", batch))) if own else {}
            values |= {end: end_column(end, batch, self._names) for end in ENDS if end in self.columns}
            for row in zip(*(values[name] for name in self.columns), strict=True):
                yield {
                    name: value for name, value in zip(self.columns, row, strict=True) if value is not None
                }


def _modes(names: Iterable[str]) -> list[str]:
    """The columns that say how long the MAC addresses among `names` are."""
    return [f"{name}_mode" for name in names if f"{name}_mode" in columns_of("packets")]


def aligned(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Rows as lines below a heading, each column as wide as its widest value."""
    listed = [[_cell(row.get(name)) for name in columns] for row in rows]
    numbers = [
        all(isinstance(row[place], RIGHT) or row[place] == "" for row in listed)
        for place in range(len(columns))
    ]
    texts = [[_text(value) for value in row] for row in listed]
    widths = [max(len(name), *(len(row[place]) for row in texts), 0) for place, name in enumerate(columns)]
    for row in ([*columns], *texts):
        cells = [
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(row, widths, numbers, strict=True)
        ]
        yield "  ".join(cells).rstrip()


def _cell(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return "" if value is None else value


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6f}"
    return str(value).lower() if isinstance(value, bool) else str(value)

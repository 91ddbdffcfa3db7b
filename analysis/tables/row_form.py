"""The form in which rows leave the program: which columns, and how times are written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

import numpy as np
import pyarrow as pa

from analysis.tables.addresses import text_schema, with_addresses
from analysis.tables.arrow import column_array, numpy_of
from analysis.tables.python_values import iso_time

__all__ = ["TIME_FORMS", "RowForm", "time_text"]

TIME_FORMS = ("relative", "delta", "utc", "local")
"""Seconds after the first frame, seconds after the row before, UTC, or a zone's own time."""
SECOND = 1_000_000_000
SECONDS = pa.float64()


def time_text(time_ns: int, zone: tzinfo | None = UTC) -> str:
    """A time as ISO 8601 with nanoseconds, in a zone; None is the zone of this machine.

    >>> from zoneinfo import ZoneInfo
    >>> time_text(1783080000000000001, ZoneInfo("Europe/London")), time_text(0)
    ('2026-07-03T13:00:00.000000001+01:00', '1970-01-01T00:00:00.000000000Z')
    """
    if zone is UTC:
        return iso_time(time_ns)
    seconds, rest = divmod(time_ns, SECOND)
    try:
        found = datetime.fromtimestamp(seconds, UTC).astimezone(zone)
    except (OverflowError, ValueError, OSError):
        return iso_time(time_ns)
    return f"{found:%Y-%m-%dT%H:%M:%S}.{rest:09d}{found.isoformat()[19:]}"


class RowForm:
    """Which columns of the batches of a table are written, in which order, and how their times are.

    Args:
        columns: their names; all where there are none.
        times: one of `TIME_FORMS`.
        zone: of local times; None for that of this machine.

    Attributes:
        start_ns: time of the capture's first frame.
    """

    def __init__(self, columns: Sequence[str] = (), times: str = "utc", zone: tzinfo | None = UTC) -> None:
        self.columns, self.times, self.zone = tuple(columns), times, zone
        self.start_ns: int | None = None
        self._before: dict[str, int] = {}

    def restart(self) -> None:
        """Rows are given from the first one again."""
        self.start_ns, self._before = None, {}

    def see_start(self, packets: Any) -> None:
        """Frames of the capture; the first that has a time counts."""
        if self.start_ns is None and len(packets):
            times, valid = numpy_of(packets.column("time"))
            self.start_ns = int(times[valid.argmax()]) if valid.any() else None

    def time(self, time_ns: int) -> str:
        """One time as text; of `delta` the time since the one before that was asked for."""
        if self.times in ("utc", "local"):
            return time_text(time_ns, self.zone if self.times == "local" else UTC)
        return f"{self.seconds(time_ns):+.9f} s"

    def seconds(self, time_ns: int) -> float:
        """Seconds after the capture's first frame; of `delta` those after the time that was asked for before."""
        start = self.start_ns or 0
        start = start if self.times == "relative" else self._before.get("", start)
        self._before[""] = time_ns
        return (time_ns - start) / SECOND

    def schema(self, table: str) -> Any:
        """The `pyarrow.Schema` of what is written of a table."""
        schema = text_schema(table)
        fields = [schema.field(name) for name in self.columns or schema.names]
        return pa.schema([self._field(field) for field in fields])

    def _field(self, field: Any) -> Any:
        if not pa.types.is_timestamp(field.type) or self.times == "utc":
            return field
        return field.with_type(pa.string() if self.times == "local" else SECONDS)

    def of(self, table: str, batch: Any) -> Any:
        """A record batch of a table as it is written."""
        batch = with_addresses(table, batch)
        schema = self.schema(table)
        if not self.columns and self.times == "utc":
            return batch
        arrays = [self._array(name, batch.column(name)) for name in schema.names]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _array(self, name: str, array: Any) -> Any:
        if self.times == "utc" or not pa.types.is_timestamp(array.type):
            return array
        times, valid = numpy_of(array)
        if self.times == "local":
            texts = [time_text(one, self.zone) if known else None for one, known in _pairs(times, valid)]
            return column_array(texts, pa.string())
        if self.times == "relative":
            found = (times - (self.start_ns or 0)) / SECOND
        else:
            found = np.zeros(len(times))
            known = times[valid]
            if len(known):
                found[valid] = np.diff(known, prepend=self._before.get(name, known[0])) / SECOND
                self._before[name] = int(known[-1])
        return column_array([one if known else None for one, known in _pairs(found, valid)], SECONDS)


def _pairs(values: Any, valid: Any) -> Any:
    return zip(values.tolist(), valid.tolist(), strict=True)

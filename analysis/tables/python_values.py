"""Record batches as plain Python values: for few rows, and for what is looked at one row at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

__all__ = ["iso_time", "plain_columns", "rows_of"]


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

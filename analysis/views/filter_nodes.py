"""What filters are made of: nodes, each of which says where it holds among the rows of one table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from analysis.tables.addresses import with_addresses
from analysis.tables.arrow import numpy_of
from analysis.tables.fields import column_called
from analysis.tables.masks import Mask
from analysis.tables.times import Moment
from analysis.views.joins import Keys, keys_of

if TYPE_CHECKING:
    from analysis.views.joined import Joined

__all__ = ["Among", "Bounds", "Clock", "Node", "Rows", "Test", "Within", "table_rows", "with_keys"]

Test = Callable[[Any], Mask]
Bounds = tuple[Mask, Mask]
"""Which rows fit for sure, and which may; the same array where nothing is open."""


class Rows:
    """Rows of a table, as a record batch."""

    def __init__(self, table: str, batch: Any) -> None:
        self.table, self.batch = table, batch

    def __len__(self) -> int:
        return int(self.batch.num_rows)

    def column(self, name: str) -> Any:
        """A column as it is held."""
        return self.batch.column(name)

    def text(self, name: str) -> Any:
        """A column with addresses as hex digits."""
        known = column_called(self.table, name)
        if known is None or not known.address or not pa.types.is_integer(self.column(name).type):
            return self.column(name)
        names = [name, *({known.address} & set(self.batch.schema.names))]
        part = pa.RecordBatch.from_arrays([self.column(one) for one in names], names)
        return with_addresses(self.table, part).column(name)

    def keys(self, kind: str) -> Keys:
        """The keys of the rows, of a kind."""
        return keys_of(self.table, kind, self.batch)


def table_rows(rows: Any, columns: Iterable[str]) -> Iterator[Any]:
    """What holds rows (a DataFrame or mapping of columns, an Arrow table, a record batch) as record batches."""
    if isinstance(rows, pa.RecordBatch):
        yield rows
        return
    if not isinstance(rows, pa.Table):
        wanted = sorted({*columns} & {*rows.keys()})
        if isinstance(rows, Mapping):
            import pandas as pd

            rows = pd.DataFrame({name: rows[name] for name in wanted})
        rows = pa.Table.from_pandas(rows[wanted], preserve_index=False)
    yield from rows.to_batches()


class Node:
    """Says where it holds among the rows of the table `home`."""

    def __init__(self, home: str, test: Callable[[Rows], Mask]) -> None:
        self.home = home
        self._test = test

    def bounds(self, rows: Rows) -> Bounds:
        """Where it holds, and where it may."""
        found = self._test(rows)
        return found, found

    def joins(self) -> Iterator[Joined]:
        """What it asks of other tables."""
        return iter(())

    def kinds(self) -> set[str]:
        """The kinds of keys of its own rows that it needs."""
        return {one.path.kind for one in self.joins()}

    def negated(self) -> Node:
        """Where it does not hold."""
        return Negated(self)

    @staticmethod
    def of_parts(home: str, parts: Sequence[Node], every: bool) -> Node:
        """Where all, or any, of several nodes of a table hold."""
        return parts[0] if len(parts) == 1 else Several(home, parts, every)


class Several(Node):
    """All of several nodes, or any of them."""

    def __init__(self, home: str, parts: Sequence[Node], every: bool) -> None:
        self.home, self.parts = home, parts
        self._join = np.logical_and if every else np.logical_or

    def bounds(self, rows: Rows) -> Bounds:
        found = [part.bounds(rows) for part in self.parts]
        sure = reduce(self._join, [low for low, _ in found])
        if all(low is high for low, high in found):
            return sure, sure
        return sure, reduce(self._join, [high for _, high in found])

    def joins(self) -> Iterator[Joined]:
        for part in self.parts:
            yield from part.joins()

    def kinds(self) -> set[str]:
        return {kind for part in self.parts for kind in part.kinds()}


class Negated(Node):
    """Not this."""

    def __init__(self, part: Node) -> None:
        self.home, self.part = part.home, part

    def bounds(self, rows: Rows) -> Bounds:
        low, high = self.part.bounds(rows)
        sure = ~high
        return (sure, sure) if low is high else (sure, ~low)

    def joins(self) -> Iterator[Joined]:
        return self.part.joins()

    def kinds(self) -> set[str]:
        return self.part.kinds()


class Among(Node):
    """Rows that have one of some keys."""

    def __init__(self, home: str, kind: str, values: Iterable[int]) -> None:
        self.home, self.kind = home, kind
        self.values = np.array(sorted(set(values)), np.uint64)

    def kinds(self) -> set[str]:
        return {self.kind}

    def bounds(self, rows: Rows) -> Bounds:
        found = with_keys(rows.keys(self.kind), self.values, len(rows))
        return found, found


class Clock:
    """The time of a capture's first frame.

    Attributes:
        start_ns: nanoseconds since 1970; None before a frame with a time was seen.
        wanted: whether a filter hangs on it.
    """

    def __init__(self) -> None:
        self.start_ns: int | None = None
        self.wanted = False

    def see(self, packets: Any) -> None:
        """Frames; the first that has a time counts."""
        if self.start_ns is None:
            times, valid = numpy_of(packets.column("time"))
            self.start_ns = int(times[valid.argmax()]) if valid.any() else None


class Within(Node):
    """Rows from one moment on and before another."""

    def __init__(
        self, home: str, column: str, start: Moment | None, end: Moment | None, clock: Clock
    ) -> None:
        self.home, self.column, self.clock = home, column, clock
        self.start, self.end = start, end
        clock.wanted = clock.wanted or any(one is not None and one.needs_start for one in (start, end))

    def bounds(self, rows: Rows) -> Bounds:
        times, found = numpy_of(rows.column(self.column))
        first = self.clock.start_ns or 0
        if self.start is not None:
            found = found & (times >= self.start.at(first))
        if self.end is not None:
            found = found & (times < self.end.at(first))
        return found, found


def with_keys(keys: Keys, wanted: Any, count: int) -> Mask:
    """Which of so many rows have one of some keys."""
    out = np.zeros(count, np.bool_)
    out[keys.rows[np.isin(keys.values, wanted)]] = True
    return out

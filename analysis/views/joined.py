"""Nodes of filters that ask for rows of another table: they see these pass, and keep the keys by which tables join."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from analysis.tables.arrow import numpy_of
from analysis.views.filter_nodes import Bounds, Node, Rows, with_keys
from analysis.views.joins import Keys, Path, paths_between

__all__ = ["Joined", "joined_by"]


class Joined(Node):
    """Rows to which a row of another table belongs in which a node of that one holds.

    Raises:
        ValueError: no row of the other table belongs to any of this.
    """

    def __init__(self, home: str, inner: Node, path: Path) -> None:
        self.home, self.inner, self.path = home, inner, path
        self.begin()

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that it reads."""
        nested = ("exchanges",) if "exchange" in (self.path.kind, self.path.far_kind) else ()
        return tuple({self.inner.home, self.path.between, *nested} - {""})

    def begin(self) -> None:
        self.complete = False
        self._found: list[Any] = []
        self._between: list[tuple[Keys, Keys]] = []
        self._nests: list[tuple[Any, Any]] = []

    def see(self, table: str, batch: Any) -> None:
        if table == "exchanges":
            numbers, _ = numpy_of(batch.column("exchange"))
            parents, nested = numpy_of(batch.column("parent"))
            self._nests.append((numbers[nested].astype(np.uint64), parents[nested].astype(np.uint64)))
        if table == self.inner.home:
            rows = Rows(table, batch)
            holds = self.inner.bounds(rows)[0]
            keys = rows.keys(self.path.far_kind or self.path.kind)
            self._found.append(np.unique(keys.values[holds[keys.rows]]))
        elif table == self.path.between:
            rows = Rows(table, batch)
            self._between.append((rows.keys(self.path.kind), rows.keys(self.path.far_kind)))

    def finish(self) -> None:
        found = _together(self._found)
        kinds = (self.path.far_kind or self.path.kind, self.path.kind)
        if kinds[0] == "exchange" and self.inner.home == "exchanges":
            found = self._nested(found, inwards=True)
        if self.path.between:
            found = _together(
                [
                    near.values[np.isin(near.rows, far.rows[np.isin(far.values, found)])]
                    for near, far in self._between
                ]
            )
        if kinds[1] == "exchange" and self.home == "exchanges":
            found = self._nested(found, inwards=False)
        self.values, self.complete = found, True
        self._found, self._between, self._nests = [], [], []

    def _nested(self, found: Any, *, inwards: bool) -> Any:
        """Numbers of exchanges with those of all that lie in them, or in which they lie: frames name the innermost."""
        if not self._nests:
            return found
        numbers, parents = (np.concatenate(each) for each in zip(*self._nests, strict=True))
        known, more = (parents, numbers) if inwards else (numbers, parents)
        while True:
            grown = np.union1d(found, more[np.isin(known, found)])
            if len(grown) == len(found):
                return found
            found = grown

    def bounds(self, rows: Rows) -> Bounds:
        keys = rows.keys(self.path.kind)
        if self.complete:
            found = with_keys(keys, self.values, len(rows))
            return found, found
        may = np.zeros(len(rows), np.bool_)
        may[keys.rows] = True
        return np.zeros(len(rows), np.bool_), may

    def joins(self) -> Iterator[Joined]:
        yield self


def joined_by(table: str, node: Node) -> Node:
    """A node of any table as one of `table`. Raises ValueError: no row of one belongs to any of the other."""
    if node.home == table:
        return node
    paths = paths_between(table, node.home)
    if not paths:
        raise ValueError(f"rows of {node.home} belong to none of {table}")
    return Node.of_parts(table, [Joined(table, node, path) for path in paths], every=False)


def _together(found: list[Any]) -> Any:
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.uint64)

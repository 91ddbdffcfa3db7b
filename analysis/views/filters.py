"""Filter expressions over the rows of a table; see `analysis.tables.filter_language` for the language. Where a column has
no value every comparison is false, ``!=`` too.

Names with a table in front (``message.use_case``) ask for rows of that table that belong to the one that is filtered
(`analysis.views.joins`): the comparison holds where it does in one of them, and several that are joined by ``and`` where
all hold in the same one.

Strategy: a comparison is a node that says where it holds among the rows of one table. Nodes of other tables see these as
they pass, and keep only the keys of the rows in which they hold; before they have seen all, a filter says which rows may
still pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, tzinfo
from typing import Any

import numpy as np

from analysis.tables.fields import column_called, names_in
from analysis.tables.filter_language import FilterError, Parser
from analysis.tables.masks import TRUTHS, Comparison, Mask, WordTest, is_list, number_of, present
from analysis.tables.schema import ADDRESS_COLUMNS, TABLES
from analysis.tables.times import time_ns
from analysis.views.filter_nodes import Clock, Node, Rows, Test, table_rows
from analysis.views.joined import joined_by
from analysis.views.joins import key_columns, paths_between

__all__ = ["Filter", "FilterError", "NodeBuilder", "names_of", "parse_filter"]


class Filter:
    """A parsed expression.

    Attributes:
        text: as it was written.
        asked: the columns that it asks for, each with its table.
        table: whose rows it judges.
        columns: the columns of that table that it asks for.
        joins: what it asks of other tables.
        read: the columns of its table that it needs, those by which tables join among them.
    """

    def __init__(
        self,
        text: str,
        table: str,
        node: Node,
        asked: Iterable[tuple[str, str]] = (),
        clock: Clock | None = None,
    ) -> None:
        self.text, self.table = text, table
        self.asked = frozenset(asked)
        self.columns = frozenset(column for home, column in self.asked if home == table)
        self.node, self.clock = node, clock or Clock()
        self.joins = list(node.joins())
        self._given: dict[str, Any] = {}
        self.read = self.columns | {name for kind in node.kinds() for name in key_columns(table, kind)}

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that it reads besides its own."""
        read = {name for one in self.joins for name in one.tables}
        if self.clock.wanted and self.table != "packets":
            read.add("packets")
        if ("packets", "exchange") in self.asked or "exchange" in self.node.kinds():
            read.add("exchanges")  # frames have the number of theirs when these are told
        if self.table in read and self.table != "exchanges":
            read.remove(self.table)
        return tuple(name for name in TABLES if name in read and name not in self._given)

    def give(self, table: str, batch: Any) -> None:
        """All of a table that it reads, which decoding does not give."""
        self._given[table] = batch

    def begin(self) -> None:
        """Forget what was seen of other tables."""
        self.clock.start_ns = None
        for one in self.joins:
            one.begin()
        for table, batch in self._given.items():
            self.see(table, batch)

    def see(self, table: str, batch: Any) -> None:
        """Rows of a table: of its own before they are judged, of the others all of them before `finish`."""
        if table == "packets":
            self.clock.see(batch)
        for one in self.joins:
            one.see(table, batch)

    def finish(self) -> None:
        """All of the other tables was seen."""
        for one in self.joins:
            one.finish()

    def look_at(self, content: Callable[[str], Any]) -> None:
        """See the other tables, each as `content` gives it, in Arrow."""
        self.begin()
        for table in self.tables:
            for batch in content(table).to_batches():
                self.see(table, batch)
        self.finish()

    def mask(self, rows: Any) -> Mask:
        """Which rows of a DataFrame, Arrow table or batch fit."""
        parts = []
        for batch in table_rows(rows, self.read):
            if self.table == "packets" and self.clock.wanted:
                self.clock.see(batch)
            parts.append(self.node.bounds(Rows(self.table, batch))[0])
        return np.concatenate(parts) if parts else np.zeros(len(rows), np.bool_)

    def possible(self, rows: Any) -> Mask:
        """Which rows fit, or may do so when more is seen of other tables."""
        return self.node.bounds(Rows(self.table, rows))[1]


def parse_filter(
    text: str, columns: Iterable[str] | None = None, table: str = "packets", also: str = ""
) -> Filter:
    """Understand `text`.

    Args:
        columns: what the table has, where that differs from the schema; then a value that its column cannot hold is no
            mistake, and no row fits.
        table: whose rows are filtered: plain names are its columns.
        also: a table whose columns may stand without its name, too.

    Raises:
        FilterError: it is no expression, or names a column that is not there.
    """
    builder = NodeBuilder(table, names_of(table, columns, also), strict=columns is None)
    parser = Parser(text, builder.names, builder)
    node = joined_by(table, parser.parse())
    return Filter(text, table, node, builder.columns(parser.asked))


def names_of(table: str, columns: Iterable[str] | None = None, also: str = "") -> dict[str, tuple[str, str]]:
    """What a filter of a table may name: see `analysis.tables.fields.names_in`; only tables that it joins."""
    names = names_in(table, columns, also)
    near = {other for other, _ in names.values() if other == table or paths_between(table, other)}
    return {name: known for name, known in names.items() if known[0] in near}


class NodeBuilder:
    """Makes nodes of what the parser understands.

    Args:
        table: that is filtered.
        names: that may be used, each with its table and column.
        zone: of times that do not say theirs.
        strict: a value that the column can never hold is a mistake; else no row fits.
    """

    def __init__(
        self, table: str, names: dict[str, tuple[str, str]], zone: tzinfo = UTC, *, strict: bool = True
    ) -> None:
        self.table, self.names, self.zone, self.strict = table, names, zone, strict
        self.addresses = {name for name, (_, column) in names.items() if column in ADDRESS_COLUMNS}

    def columns(self, asked: Iterable[str]) -> set[tuple[str, str]]:
        """Table and column of each of the names that were asked for."""
        return {self.names[name] for name in asked}

    def _node(self, name: str, test: Test, *, as_text: bool = False) -> Node:
        table, column = self.names[name]
        if as_text:
            return Node(table, lambda rows: test(rows.text(column)))
        return Node(table, lambda rows: test(rows.column(column)))

    def compared(self, column: str, operator: str, value: Any) -> Node:
        table, name = self.names[column]
        known = column_called(table, name)
        if known is not None and known.type == "time":
            value = self._time(value)
        elif known is not None and not known.address and self.strict:
            _hold_to(known.type, value)
        return self._node(column, Comparison(operator, value, address=name in ADDRESS_COLUMNS))

    def _time(self, value: Any) -> int | None:
        try:
            if not isinstance(value, str):
                raise ValueError("a time is expected: '2026-01-05T12:00:00Z'")
            return time_ns(value, self.zone)
        except ValueError:
            if self.strict:
                raise
            return None

    def contains(self, column: str, text: str) -> Node:
        part = text.casefold()
        whole, inside = (
            WordTest(lambda word: part == word.casefold()),
            WordTest(lambda word: part in word.casefold()),
        )
        # of a list one of its items is meant, not some digits of it
        return self._node(
            column, lambda found: (whole if is_list(found.type) else inside)(found), as_text=True
        )

    def matches(self, column: str, pattern: str) -> Node:
        search = re.compile(pattern, re.IGNORECASE).search
        return self._node(column, WordTest(lambda word: bool(search(word))), as_text=True)

    def any_of(self, column: str, values: list[Any]) -> Node:
        return self.either([self.compared(column, "==", value) for value in values])

    def present(self, column: str) -> Node:
        return self._node(column, present)

    def either(self, parts: list[Node]) -> Node:
        return self._several(parts, every=False)

    def both(self, parts: list[Node]) -> Node:
        return self._several(parts, every=True)

    def _several(self, parts: list[Node], *, every: bool) -> Node:
        """Of each table the parts as one, which a row of it has to meet; then those of all tables."""
        homes = dict.fromkeys(part.home for part in parts)
        groups = [Node.of_parts(home, [p for p in parts if p.home == home], every) for home in homes]
        if len(groups) == 1:
            return groups[0]
        return Node.of_parts(self.table, [joined_by(self.table, group) for group in groups], every)

    def negated(self, part: Node) -> Node:
        return joined_by(self.table, part).negated()


def _hold_to(kind: str, value: Any) -> None:
    """See that a value can be of a column's kind. Raises ValueError: it cannot."""
    if kind == "bool":
        if str(value).lower() not in TRUTHS:
            raise ValueError(f"true or false is expected, not {value!r}")
    elif kind not in ("category", "string") and number_of(value) is None:
        raise ValueError(f"a number is expected, not {value!r}")

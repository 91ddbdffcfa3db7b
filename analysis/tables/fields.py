"""The names that filters know: the columns of every table, plain or with their table in front (``message.use_case``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from analysis.tables.schema import TABLES, Column

__all__ = [
    "KINDS",
    "FieldName",
    "column_called",
    "field_names",
    "fields_about",
    "kind_of",
    "names_in",
    "prefix_of",
]

KINDS = {
    "category": "text",
    "string": "text",
    "time": "time",
    "frames": "frame numbers",
    "bool": "true or false",
}
"""What people call the types; all others are numbers."""
ADDRESSES = {"eui64": "EUI-64", "short": "short address", "either": "EUI-64 or short address"}


class FieldName(NamedTuple):
    """A column as a filter names it.

    Attributes:
        name: with its table in front.
        plain: as it is called where its own table is filtered.
        table: that table.
        column: of the schema.
    """

    name: str
    plain: str
    table: str
    column: Column

    def to_json(self) -> dict[str, str]:
        """What ``hanscope fields --json`` prints."""
        return {
            "name": self.name, "table": self.table, "column": self.plain, "type": kind_of(self.column),
            "unit": self.column.unit, "meaning": self.column.meaning,
        }  # fmt: skip


def prefix_of(table: str) -> str:
    """What stands before the columns of a table in a filter.

    >>> prefix_of("packets"), prefix_of("messages")
    ('packet', 'message')
    """
    return table.removesuffix("s")


def kind_of(column: Column) -> str:
    """What kind of value a column holds, in words."""
    if column.address:
        return ADDRESSES.get(column.address, ADDRESSES["either"])
    return KINDS.get(column.type, "number")


def field_names() -> Iterator[FieldName]:
    """Every column of every table."""
    for table, columns in TABLES.items():
        for column in columns:
            yield FieldName(f"{prefix_of(table)}.{column.name}", column.name, table, column)


def fields_about(word: str) -> list[FieldName]:
    """The columns in whose name, type, unit or meaning `word` is; all where it is empty."""
    wanted = word.casefold()
    return [
        one
        for one in field_names()
        if any(wanted in text.casefold() for text in (one.name, kind_of(one.column), *one.column[2:4]))
    ]


def names_in(table: str, columns: Iterable[str] | None = None, also: str = "") -> dict[str, tuple[str, str]]:
    """What a filter of `table` may name: each name with its table and column.

    Args:
        columns: what the table has, where that differs from the schema.
        also: a table whose columns may stand without its name too, where the filtered one has none of the name.
    """
    names = {one.name: (one.table, one.plain) for one in field_names()}
    if also:
        names |= {column.name: (also, column.name) for column in TABLES[also]}
    own = [column.name for column in TABLES[table]] if columns is None else columns
    return names | {name: (table, name) for name in own}


def column_called(table: str, name: str) -> Column | None:
    """A column of the schema; None where it has none of that name."""
    return next((column for column in TABLES.get(table, ()) if column.name == name), None)

"""Reads the tables of facts (CSV in each protocol's ``tables`` folder), once each."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache
from importlib import resources

__all__ = ["Sections", "names", "rows_in", "sections", "table"]

Row = dict[str, str]


@cache
def table(package: str, name: str) -> tuple[Row, ...]:
    """The rows of ``dissectors/<package>/tables/<name>.csv`` as dictionaries of text.

    Lines that start with ``#`` are comments (the source of the table stands there).
    """
    return rows_in(f"dissectors.{package}", f"tables/{name}")


def rows_in(package: str, name: str) -> tuple[Row, ...]:
    """The rows of ``<name>.csv`` in the folder of any package, as those of `table`; read anew each time."""
    head, *lines = _lines(package, name)
    return _rows(head, lines)


@cache
def sections(package: str, name: str) -> Sections:
    """The same table by its first column, for tables of thousands of rows of which few are asked for."""
    return Sections(_lines(f"dissectors.{package}", f"tables/{name}"))


class Sections:
    """A table whose rows are taken apart when they are asked for, by what stands in their first column."""

    def __init__(self, lines: list[str]) -> None:
        self._head = lines[0]
        self._lines: dict[str, list[str]] = {}
        for line in lines[1:]:
            self._lines.setdefault(line.partition(",")[0], []).append(line)

    def __iter__(self) -> Iterator[str]:
        """What stands in the first column, each once."""
        return iter(self._lines)

    def rows(self, first: str) -> tuple[Row, ...]:
        """The rows with `first` in the first column."""
        return _rows(self._head, self._lines.get(first, []))


def _lines(package: str, name: str) -> list[str]:
    path = resources.files(package).joinpath(*f"{name}.csv".split("/"))
    return [line for line in path.read_text("utf-8").splitlines() if line and line[0] != "#"] or [""]


def _rows(head: str, lines: list[str]) -> tuple[Row, ...]:
    names = next(csv.reader([head]), [])
    absent = dict.fromkeys(names, "")
    count = len(names)
    return tuple(
        dict(zip(names, row, strict=False))
        if len(row) >= count
        else absent | dict(zip(names, row, strict=False))
        for row in csv.reader(lines)
        if row
    )


@cache
def names(package: str, field: str, table_name: str = "names") -> dict[int, str]:
    """What the values of `field` are called, from the ``field,value,name`` rows of a table."""
    return {int(r["value"], 0): r["name"] for r in table(package, table_name) if r["field"] == field}

"""Reads the tables of facts (CSV in each protocol's ``tables`` folder), once each."""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources

__all__ = ["names", "table"]


@cache
def table(package: str, name: str) -> tuple[dict[str, str], ...]:
    """The rows of ``dissectors/<package>/tables/<name>.csv`` as dictionaries of text.

    Lines that start with ``#`` are comments (the source of the table stands there).
    """
    path = resources.files(f"dissectors.{package}") / "tables" / f"{name}.csv"
    lines = (line for line in path.read_text("utf-8").splitlines() if not line.startswith("#"))
    reader = csv.reader(lines)
    head = next(reader, [])
    return tuple({**dict.fromkeys(head, ""), **dict(zip(head, row, strict=False))} for row in reader if row)


@cache
def names(package: str, field: str, table_name: str = "names") -> dict[int, str]:
    """What the values of `field` are called, from the ``field,value,name`` rows of a table."""
    return {int(r["value"], 0): r["name"] for r in table(package, table_name) if r["field"] == field}

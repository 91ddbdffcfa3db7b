"""Clusters that plug-ins bring, in the tables of the ZCL."""

from __future__ import annotations

import csv
from functools import cache

from dissectors.modules import PlugInError, plug_ins

__all__ = ["load_clusters", "read_block"]

COLUMNS = (
    "kind",
    "cluster",
    "manufacturer",
    "where",
    "id",
    "name",
    "type",
    "meaning",
    "repeat",
    "condition",
    "optional",
)


@cache
def load_clusters() -> None:
    """Add the clusters of plug-ins to the tables of the ZCL, once.

    Raises:
        PlugInError: a table says nothing valid.
    """
    for one in plug_ins("hanscope.clusters"):
        from importlib import resources

        from dissectors.zcl import catalogue

        for path in sorted(resources.files(one.value).iterdir(), key=lambda path: path.name):
            if path.name.endswith(".csv"):
                try:
                    catalogue.add_block(read_block(path.read_text("utf-8")))
                except (ValueError, KeyError, UnicodeDecodeError) as error:
                    raise PlugInError(one.entry, f"{path.name}: {error}") from error


def read_block(text: str) -> list[dict[str, str]]:
    """The rows of a table of clusters (docs/adding_things.md).

    Raises:
        ValueError: a column is missing.
    """
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    rows = list(csv.DictReader(lines, restval=""))
    missing = set(COLUMNS) - set(rows[0] if rows else COLUMNS)
    if missing:
        raise ValueError(f"no column {', '.join(sorted(missing))}")
    return rows

"""What other packages bring: clusters, rules, sniffers, chapters of the report, verbs.

Strategy: a plug-in is an entry point in one of `GROUPS`. To look for entry points takes longer than to read a small
capture, so it is only done where a distribution is installed that is called ``hanscope-something`` (docs/plug_ins.md).
"""

from __future__ import annotations

import csv
import os
import sys
from functools import cache
from typing import Any, NamedTuple

__all__ = ["GROUPS", "PlugIn", "PlugInError", "load_clusters", "loaded", "plug_ins", "read_block"]

GROUPS = {
    "hanscope.clusters": "a package with CSV files of a manufacturer's clusters",
    "hanscope.rules": "a module whose import declares rules",
    "hanscope.sniffers": "a pair: a function that opens a sniffer, and how a person names it",
    "hanscope.reports": "a function that makes a chapter of the report",
    "hanscope.verbs": "a module whose import declares verbs",
}
"""The groups of entry points, and what each entry names."""
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


class PlugInError(Exception):
    """A plug-in cannot be used; `hint` says whose it is."""

    def __init__(self, one: Any, text: str) -> None:
        self.hint = f"it comes from {one.dist.name if one.dist else 'somewhere'}: pip uninstall removes it"
        super().__init__(f"plug-in {one.name} ({one.group}): {text}")


class PlugIn(NamedTuple):
    """A plug-in: its name, what it names, the distribution that brings it, and its entry point."""

    name: str
    value: Any
    distribution: str
    entry: Any


@cache
def plug_ins(group: str) -> tuple[PlugIn, ...]:
    """The plug-ins of a group, loaded, by name.

    Raises:
        PlugInError: one of them fails.
    """
    if not _is_any_installed():
        return ()
    from importlib import metadata

    found = sorted(metadata.entry_points(group=group), key=lambda one: one.name)
    return tuple(PlugIn(one.name, loaded(one), one.dist.name if one.dist else "", one) for one in found)


def loaded(entry: Any) -> Any:
    """What an entry point names.

    Raises:
        PlugInError: it cannot be loaded.
    """
    try:
        return entry.load()
    except Exception as error:  # whatever somebody else's code raises
        raise PlugInError(entry, f"it does not load: {type(error).__name__}: {error}") from error


@cache
def _is_any_installed() -> bool:
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")  # noqa: PTH208 - names only
        except OSError:
            continue
        if any(one.lower().startswith("hanscope_") and one.endswith(("-info", ".pth")) for one in names):
            return True
    return False


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

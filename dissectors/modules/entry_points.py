"""What other packages bring: clusters, rules, sniffers, chapters of the report, verbs.

Strategy: a plug-in is an entry point in one of `GROUPS`. To look for entry points takes longer than to read a small
capture, so it is only done where a distribution is installed that is called ``hanscope-something`` (docs/plug_ins.md).
"""

from __future__ import annotations

import sys
from functools import cache
from glob import escape, iglob
from typing import Any, NamedTuple

__all__ = ["GROUPS", "PlugIn", "PlugInError", "loaded", "plug_ins"]

GROUPS = {
    "hanscope.clusters": "a package with CSV files of a manufacturer's clusters",
    "hanscope.rules": "a module whose import declares rules",
    "hanscope.sniffers": "a pair: a function that opens a sniffer, and how a person names it",
    "hanscope.reports": "a function that makes a chapter of the report",
    "hanscope.verbs": "a module whose import declares verbs",
}
"""The groups of entry points, and what each entry names."""


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
    folders = (escape(one or ".") for one in sys.path)
    return any(found for one in folders for found in iglob(f"{one}/[hH]anscope_*-info"))  # noqa: PTH207

"""Chapters of the report that plug-ins make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from dissectors.modules import PlugInError, plug_ins

__all__ = ["Chapter", "plugged"]


class Chapter(NamedTuple):
    """A chapter: its title, a paragraph, and a table. All of it is escaped where it stands in the page."""

    title: str
    text: str = ""
    head: Sequence[str] = ()
    rows: Sequence[Sequence[object]] = ()


def plugged(overview: Mapping[str, Any], devices: Sequence[Mapping[str, Any]], result: Any) -> list[Chapter]:
    """What each plug-in in the group ``hanscope.reports`` makes of a capture: it is called with these three, and gives a
    `Chapter`, or None where it has nothing to say.

    Args:
        overview: captures, start, duration, frames, octets, networks, channels.
        devices: the rows of the report's table of devices.
        result: what the rules said (`analysis.findings.model.CheckResult`); None where they were not run.

    Raises:
        PlugInError: one of them fails.
    """
    made = []
    for one in plug_ins("hanscope.reports"):
        try:
            chapter = one.value(overview, devices, result)
        except Exception as error:  # whatever somebody else's code raises
            raise PlugInError(one.entry, f"{type(error).__name__}: {error}") from error
        if chapter is not None and not isinstance(chapter, Chapter):
            raise PlugInError(one.entry, "what it gives is no chapter")
        if chapter is not None:
            made.append(chapter)
    return made

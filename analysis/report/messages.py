"""Messages that findings name, as trees down to the last value."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from analysis.findings.model import CheckResult
from analysis.pipeline.kept import KeptMessage
from analysis.pipeline.message_store import MessageStore
from analysis.views.message_tree import kept_lines

__all__ = ["messages"]

MOST, LINES = 40, 300
"""Messages in a report, and lines of one, at most."""
ROOM = 400_000
"""Letters of all of them together."""
FRAMES = 12
"""Frames of a finding whose messages are shown."""


def messages(result: CheckResult | None, store: MessageStore | None) -> list[dict[str, Any]]:
    """The messages that findings are about or a frame of which they name: number, title, lines, and which findings."""
    if result is None or store is None:
        return []
    named: dict[int, list[int]] = {}
    for place, finding in enumerate(result.findings, 1):
        about = [] if finding.about.message is None else [finding.about.message]
        for frame in finding.frames[:FRAMES]:
            about += store.of(frame)
        for number in dict.fromkeys(about):
            named.setdefault(number, []).append(place)
    found = (kept for number in sorted(named) if (kept := store.message(number)) is not None)
    out, room = [], ROOM
    for kept in islice(found, MOST):
        title, *lines = _lines(kept)
        room -= sum(map(len, lines))
        if room < 0:
            break
        out.append(
            {"number": kept.message, "title": title, "lines": lines, "findings": named[kept.message or 0]}
        )
    return out


def _lines(kept: KeptMessage) -> Iterator[str]:
    lines = kept_lines(kept)
    yield from islice(lines, LINES)
    more = sum(1 for _ in lines)
    if more:
        yield f"... and {more:,} more lines (hanscope show CAPTURE --message {kept.message})"

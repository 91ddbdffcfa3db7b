"""Frames that findings name, down to their octets: the tree of each, its buffers, and what was wrong.

Strategy: the first frame of each finding comes before the second of any, the gravest findings first, until the page is
full. Octets that hold keys are stars, as wherever frames are shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any

from analysis.findings.model import CheckResult
from analysis.pipeline.passes import DecodePass
from analysis.pipeline.source import ReopenableSource, Source
from analysis.tables.python_values import iso_time
from analysis.views.octets import frame_octets
from analysis.views.shown import Shown, shown_frames
from analysis.views.tree import buffer_label, hex_pane, issue_lines, tree_rows
from dissectors import Keyring

__all__ = ["NamedFrame", "named_frames"]

OF_FINDING, FRAMES = 12, 200
"""Frames of a finding, and of all, that are shown down to their octets, at most."""
ROOM = 600_000
"""Letters of all of them together."""
FIELDS = 400
"""Fields of one frame, at most."""


@dataclass(frozen=True, slots=True)
class NamedFrame:
    """A frame as the page shows it.

    Attributes:
        lines: of the tree: where the octets of the field are (buffer, offset, octets), and the parts of its line: offset,
            first octets, text.
        buffers: label, octets, and lines of the pane.
        about: what the capture tells of it.
    """

    number: int
    title: str
    about: str
    lines: list[tuple[str, str, str, str]]
    buffers: list[tuple[str, int, list[str]]]
    issues: list[str]

    @property
    def letters(self) -> int:
        """How much room it takes."""
        panes = sum(len(line) + 1 for _, _, pane in self.buffers for line in pane)
        return sum(sum(map(len, line)) + 60 for line in self.lines) + panes


def named_frames(
    source: Source | ReopenableSource,
    keyring: Keyring,
    result: CheckResult,
    after: DecodePass | None = None,
) -> dict[int, NamedFrame]:
    """Frames that the findings of `result` name, by number; reads the capture once more, up to the last of them.

    Args:
        after: the pass that counted, where it is at hand; without it the capture is read as often as needed.

    Raises:
        CaptureError: the capture cannot be read any more.
    """
    wanted = first_frames([one.frames for one in result.findings])
    if not wanted:
        return {}
    shown, _ = shown_frames(source, keyring, wanted, after)
    by_number = {one.number: one for one in shown}
    return fitting(by_number[number] for number in wanted if number in by_number)


def first_frames(named: Sequence[Sequence[int]]) -> list[int]:
    """The first frame of each, then the second of each, and so on.

    >>> first_frames([(5, 6), (9,), (5, 7, 8)])
    [5, 9, 6, 7, 8]
    """
    rounds = zip_longest(*(frames[:OF_FINDING] for frames in named))
    frames = (frame for frame in chain.from_iterable(rounds) if frame is not None)
    return list(dict.fromkeys(frames))[:FRAMES]


def fitting(shown: Iterator[Shown]) -> dict[int, NamedFrame]:
    """As many as there is room for, in the order of the capture."""
    room, out = ROOM, {}
    for one in shown:
        frame = _named(one)
        room -= frame.letters
        if room < 0:
            break
        out[frame.number] = frame
    return dict(sorted(out.items()))


def _named(one: Shown) -> NamedFrame:
    found = one.dissection
    spans = frame_octets(one).secrets()
    places = {name: number for number, name in enumerate(found.buffers)}
    lines = [
        (f"{places.get(one.field.buffer, 0)} {one.field.offset} {one.field.length}", *one[2:])
        for one in tree_rows(found.fields, found.buffers, hidden=spans)
    ]
    left_out = len(lines) - FIELDS
    if left_out > 0:
        lines = [*lines[:FIELDS], ("", "", "", f"... and {left_out:,} more fields")]
    buffers = [
        (_label(name, number), len(octets), list(hex_pane(octets, spans.get(name, ()))))
        for number, (name, octets) in enumerate(found.buffers.items())
    ]
    title = f"{one.columns.get('protocol') or 'unknown'}: {one.columns.get('summary') or 'nothing readable'}"
    return NamedFrame(one.number, title, _about(one.columns), lines, buffers, list(_wrong(one)))


def _label(name: str, number: int) -> str:
    return name if number == 0 else f"{name} (offsets {buffer_label(name)})"


def _about(columns: dict[str, Any]) -> str:
    parts = [f"{columns['length']} octets"]
    if columns.get("time") is not None:
        parts.insert(0, iso_time(columns["time"]))
    for name, text in (("channel", "channel {}"), ("rssi", "{} dBm"), ("lqi", "LQI {}")):
        if columns.get(name) is not None:
            parts.append(text.format(columns[name]))
    return ", ".join(parts)


def _wrong(one: Shown) -> Iterator[str]:
    yield from issue_lines(one.dissection.issues)
    for layer in ("mac", "nwk", "aps"):
        if one.columns.get(f"{layer}_reason"):
            yield f"{layer.upper()} {one.columns[f'{layer}_security']}: {one.columns[f'{layer}_reason']}"

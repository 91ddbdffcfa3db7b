"""Rows of frames whose headers the vector path read and whose payloads are read one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from analysis.pipeline.rows import Rows
from analysis.pipeline.session import Session
from analysis.tables.arrow import arrow_schema
from captures.block import NO_TIME, FrameBlock, TrailerKind
from dissectors.ieee802154 import ends_in_fcs
from dissectors.vectors import Index
from dissectors.zigbee import Frames

__all__ = ["PayloadRows"]

ABSENT = int(TrailerKind.ABSENT)
WORDS = {
    "zcl_type": ("general", "cluster", "reserved"),
    "zcl_direction": ("to-server", "to-client"),
}
"""Texts of the columns that the layers above fill; those of the column path, and what it leaves."""


class Alike(NamedTuple):
    """Frames that say the same, but for their sequence numbers."""

    said: Mapping[str, Any]
    rows: list[int]
    sequences: list[int | None]


class PayloadRows:
    """What the layers above said of the payloads of a block: set into its columns when all are read."""

    __slots__ = ("_doubtful", "_followed", "_numbers", "_said", "_times", "block", "frames", "session")

    def __init__(self, block: FrameBlock, session: Session, frames: Frames) -> None:
        self.block, self.session, self.frames = block, session, frames
        self._doubtful, self._numbers, self._times = (
            column.tolist() if frames.payloads is not None else []
            for column in (block.trailer == ABSENT, block.number, block.time_ns)
        )
        self._said: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}  # rows and cells, by names of columns
        self._followed: dict[int, Alike] = {}  # by the identity of what is said

    def takes(self, row: int) -> bool:
        """Whether the frame in `row` is read from its payload: not if its trailer is in doubt."""
        payloads = self.frames.payloads
        if payloads is None or row not in payloads:
            return False
        return not self._doubtful[row] or not ends_in_fcs(self.block.raw(row).octets)

    def follow(self, row: int, out: Rows) -> bool:
        """Follow the frame in `row` where that teaches nothing to other frames; else False, and `read` it."""
        assert self.frames.payloads is not None
        found = self.frames.payloads.follow(self.frames, row)
        if found is None:
            return False
        if found.issue is not None:
            self.frames.issues.setdefault(row, found.issue)
        alike = self._followed.get(id(found.said))
        if alike is None:
            alike = self._followed[id(found.said)] = Alike(found.said, [], [])
        alike.rows.append(row)
        alike.sequences.append(found.sequence)
        if found.carried or found.piece is not None or found.commands:
            out.take_followed(self.session, found, self._numbers[row], self._time(row))
        return True

    def read(self, row: int, out: Rows) -> None:
        """Read the payload of the frame in `row`; the session learns from it."""
        assert self.frames.payloads is not None
        found = self.frames.payloads.read(self.frames, row)
        if found.issues:
            self.frames.issues.setdefault(row, found.issues[0].text)
        columns = found.columns
        self._said.setdefault(("row", *columns), []).append((row, *columns.values()))
        if found.attributes or found.commands or found.payload or found.piece is not None:
            out.take(self.session, found, self._numbers[row], self._time(row))

    def _time(self, row: int) -> int | None:
        time_ns: int = self._times[row]
        return None if time_ns == NO_TIME else time_ns

    def put(self) -> None:
        """Set the columns; a value that its column cannot hold stays away, and is counted."""
        frames, session = self.frames, self.session
        for said, held, sequences in self._followed.values():
            rows = np.array(held, np.int64)
            cells = {name: (value,) * len(rows) for name, value in said.items()}
            if sequences[0] is not None:
                cells["zcl_seq"] = tuple(sequences)
            _put(rows, cells, frames, session)
        for names, lines in self._said.items():
            columns = dict(zip(names, zip(*lines, strict=True), strict=False))
            _put(np.array(columns.pop("row"), np.int64), columns, frames, session)


def _put(rows: Index, columns: dict[str, tuple[Any, ...]], frames: Frames, session: Session) -> None:
    _put_lines(rows, columns.pop("protocol"), columns.pop("summary"), frames)
    for name, values in columns.items():
        if name in WORDS:
            which = np.array([WORDS[name].index(value) for value in values], np.int32)
            frames.out.put_words(name, rows, which, WORDS[name])
        else:
            _put_numbers(name, rows, values, frames, session)


def _put_lines(rows: Index, protocols: tuple[str, ...], summaries: tuple[str, ...], frames: Frames) -> None:
    protocol, summary = (np.array(texts, object) for texts in (protocols, summaries))
    for one in dict.fromkeys(protocols):
        mine = np.flatnonzero(protocol == one)
        codes = {text: code for code, text in enumerate(dict.fromkeys(summary[mine].tolist()))}
        which = np.array([codes[text] for text in summary[mine].tolist()], np.int64)
        frames.finish(rows[mine], one, list(codes), which)


def _put_numbers(name: str, rows: Index, values: tuple[Any, ...], frames: Frames, session: Session) -> None:
    width = np.dtype(arrow_schema("packets").field(name).type.to_pandas_dtype())
    most = np.iinfo(width).max
    found = np.array(values)
    if found.dtype.kind not in "iu" or int(found.min()) < 0 or int(found.max()) > most:
        fits = np.array([isinstance(value, int) and 0 <= value <= most for value in values])
        for place in np.flatnonzero(~fits).tolist():
            session.refuse(f"packets.{name}", values[place])
        rows = rows[fits]
        found = np.array([value for value, fit in zip(values, fits.tolist(), strict=True) if fit])
    frames.out.put(name, rows, found.astype(width))

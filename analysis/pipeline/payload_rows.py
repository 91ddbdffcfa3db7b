"""Rows of frames whose headers the vector path read and whose payloads are read one by one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analysis.pipeline.rows import Rows
from analysis.pipeline.session import Session
from analysis.tables.arrow import arrow_schema
from captures.block import NO_TIME, FrameBlock, TrailerKind
from dissectors import Dissection
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


@dataclass(slots=True, eq=False, repr=False)
class PayloadRows:
    """What the layers above said of the payloads of a block: set into its columns when all are read."""

    said: dict[tuple[str, ...], list[tuple[Any, ...]]] = field(default_factory=dict)
    """Rows and cells, by the names of their columns."""

    @staticmethod
    def takes(block: FrameBlock, frames: Frames, row: int) -> bool:
        """Whether the frame in `row` is read from its payload: not if its trailer is in doubt."""
        if frames.payloads is None or row not in frames.payloads:
            return False
        return int(block.trailer[row]) != ABSENT or not ends_in_fcs(block.raw(row).octets)

    def follow(self, block: FrameBlock, session: Session, frames: Frames, row: int, out: Rows) -> bool:
        """Follow the frame in `row` where that teaches nothing to other frames; else False, and `read` it."""
        assert frames.payloads is not None
        found = frames.payloads.follow(frames, row)
        if found is None:
            return False
        self._take(found, block, session, frames, row, out)
        return True

    def read(self, block: FrameBlock, session: Session, frames: Frames, row: int, out: Rows) -> None:
        """Read the payload of the frame in `row`; the session learns from it."""
        assert frames.payloads is not None
        self._take(frames.payloads.read(frames, row), block, session, frames, row, out)

    def _take(
        self, found: Dissection, block: FrameBlock, session: Session, frames: Frames, row: int, out: Rows
    ) -> None:
        if found.issues:
            frames.issues.setdefault(row, found.issues[0].text)
        columns = found.columns
        self.said.setdefault(("row", *columns), []).append((row, *columns.values()))
        if found.attributes or found.commands or found.payload or found.piece is not None:
            time_ns = int(block.time_ns[row])
            out.take(session, found, int(block.number[row]), None if time_ns == NO_TIME else time_ns)

    def put(self, frames: Frames, session: Session) -> None:
        """Set the columns; a value that its column cannot hold stays away, and is counted."""
        for names, said in self.said.items():
            columns = dict(zip(names, zip(*said, strict=True), strict=False))
            rows = np.array(columns.pop("row"), np.int64)
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

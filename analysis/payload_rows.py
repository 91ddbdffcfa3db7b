"""Rows of frames whose headers the vector path read and whose payloads are read one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analysis.rows import NO_TIME, Rows
from analysis.session import Session
from analysis.tables import arrow_schema
from captures.block import FrameBlock, TrailerKind
from dissectors.frame import Dissection
from dissectors.ieee802154.fcs import ends_in_fcs
from dissectors.vectors import Index
from dissectors.zigbee.frames import Frames

__all__ = ["PayloadRows"]

ABSENT = int(TrailerKind.ABSENT)
WORDS = {
    "zcl_type": ("general", "cluster", "reserved"),
    "zcl_direction": ("to-server", "to-client"),
}
"""Texts of the columns that the layers above fill; those of the column path, and what it leaves."""


@dataclass(slots=True)
class PayloadRows:
    """What the layers above said of the payloads of a block: set into its columns when all are read."""

    said: list[tuple[int, Mapping[str, Any]]] = field(default_factory=list)

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
        self.said.append((row, found.columns))
        if found.attributes or found.commands or found.payload:
            time_ns = int(block.time_ns[row])
            out.take(session, found, int(block.number[row]), None if time_ns == NO_TIME else time_ns)

    def put(self, frames: Frames, session: Session) -> None:
        """Set the columns; a value that its column cannot hold stays away, and is counted."""
        columns: dict[str, tuple[list[int], list[Any]]] = {}
        lines: dict[str, tuple[list[int], list[str]]] = {}
        for row, said in self.said:
            for name, value in said.items():
                if name == "summary":
                    rows, values = lines.setdefault(said["protocol"], ([], []))
                elif name != "protocol":
                    rows, values = columns.setdefault(name, ([], []))
                else:
                    continue
                rows.append(row)
                values.append(value)
        for protocol, (rows, texts) in lines.items():
            codes = {text: code for code, text in enumerate(dict.fromkeys(texts))}
            which = np.array([codes[text] for text in texts], np.int64)
            frames.finish(np.array(rows, np.int64), protocol, list(codes), which)
        for name, (rows, values) in columns.items():
            if name in WORDS:
                which = np.array([WORDS[name].index(value) for value in values], np.int32)
                frames.out.put_words(name, np.array(rows, np.int64), which, WORDS[name])
            else:
                _put_numbers(name, np.array(rows, np.int64), values, frames, session)


def _put_numbers(name: str, rows: Index, values: list[Any], frames: Frames, session: Session) -> None:
    width = np.dtype(arrow_schema("packets").field(name).type.to_pandas_dtype())
    most = np.iinfo(width).max
    fits = [isinstance(value, int) and 0 <= value <= most for value in values]
    if not all(fits):
        for value, fit in zip(values, fits, strict=True):
            if not fit:
                session.refuse(f"packets.{name}", value)
        rows = rows[np.array(fits)]
        values = [value for value, fit in zip(values, fits, strict=True) if fit]
    frames.out.put(name, rows, np.array(values, width))

"""Rows of frames whose headers the vector path read and whose payloads are read one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from analysis.rows import NO_TIME, Rows
from analysis.session import Session
from analysis.tables import arrow_schema
from captures.block import FrameBlock, TrailerKind
from dissectors.ieee802154.fcs import ends_in_fcs
from dissectors.zigbee.frames import Frames

__all__ = ["PayloadRows"]

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
        return block.trailer[row] != TrailerKind.ABSENT or not ends_in_fcs(block.raw(row).octets)

    def read(self, block: FrameBlock, session: Session, frames: Frames, row: int, out: Rows) -> None:
        """Read the payload of the frame in `row`; the session learns from it."""
        assert frames.payloads is not None
        found = frames.payloads.read(frames, row)
        if found.issues:
            frames.issues.setdefault(row, found.issues[0].text)
        self.said.append((row, found.columns))
        time_ns = int(block.time_ns[row])
        out.take(session, found, int(block.number[row]), None if time_ns == NO_TIME else time_ns)

    def put(self, frames: Frames, session: Session) -> None:
        """Set the columns; a value that its column cannot hold stays away, and is counted."""
        by_protocol: dict[str, list[tuple[int, str]]] = {}
        by_column: dict[str, list[tuple[int, Any]]] = {}
        for row, columns in self.said:
            for name, value in columns.items():
                if name == "protocol":
                    by_protocol.setdefault(value, []).append((row, columns["summary"]))
                elif name != "summary":
                    by_column.setdefault(name, []).append((row, value))
        for protocol, lines in by_protocol.items():
            rows = np.array([row for row, _ in lines], np.int64)
            frames.finish(rows, protocol, [line for _, line in lines], np.arange(len(lines)))
        for name, values in by_column.items():
            if name not in WORDS:
                values = _fitting(name, values, session)
            rows = np.array([row for row, _ in values], np.int64)
            if name in WORDS:
                codes = np.array([WORDS[name].index(value) for _, value in values], np.int32)
                frames.out.put_words(name, rows, codes, WORDS[name])
            else:
                frames.out.put(name, rows, np.array([value for _, value in values], _width(name)))


@cache
def _width(name: str) -> Any:
    return np.dtype(arrow_schema("packets").field(name).type.to_pandas_dtype())


def _fitting(name: str, values: list[tuple[int, Any]], session: Session) -> list[tuple[int, Any]]:
    most = np.iinfo(_width(name)).max
    kept = []
    for row, value in values:
        if isinstance(value, int) and 0 <= value <= most:
            kept.append((row, value))
        else:
            session.refuse(f"packets.{name}", value)
    return kept

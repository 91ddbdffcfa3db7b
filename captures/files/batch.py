"""Records that were read one at a time, gathered until there are enough for a block."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from captures.block import BLOCK_FRAMES, PADDING
from captures.files.records import Records

__all__ = ["FEW", "Batch"]

FEW = 1024
"""Records that are gathered with others rather than handed on as a block of their own."""
OCTETS = 8 * 1024 * 1024
"""Octets of a batch after which it is handed on, however few its records are."""


@dataclass(slots=True, eq=False, repr=False)
class Batch:
    """Records so far, one entry of each list a record.

    `interface` and `wire_length` may stay empty: one interface, whole records; so may `channel`, `rssi` and `lqi`
    of formats that do not tell them beside the frame. Channels out of range become 255, RSSI -128;
    there is no LQI where all are negative.
    """

    octets: list[bytes] = field(default_factory=list)
    time_ns: list[int] = field(default_factory=list)
    channel: list[int] = field(default_factory=list)
    rssi: list[int] = field(default_factory=list)
    lqi: list[int] = field(default_factory=list)
    interface: list[int] = field(default_factory=list)
    wire_length: list[int] = field(default_factory=list)
    comments: dict[int, str] = field(default_factory=dict)
    size: int = 0

    def __len__(self) -> int:
        return len(self.octets)

    @property
    def full(self) -> bool:
        """There are enough for a block."""
        return len(self.octets) >= BLOCK_FRAMES or self.size >= OCTETS

    def append(
        self, octets: bytes, time_ns: int, interface: int, wire_length: int, comment: str = ""
    ) -> None:
        """Take in a record of a format that tells nothing of the radio beside it."""
        if comment:
            self.comments[len(self.octets)] = comment
        self.octets.append(octets)
        self.time_ns.append(time_ns)
        self.interface.append(interface)
        self.wire_length.append(wire_length)
        self.size += len(octets)

    def extend(self, records: Records) -> None:
        """Take in records that were read together but are few."""
        columns = (records.offset, records.length, records.time_ns, records.interface, records.wire_length)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for row, (offset, length, time_ns, interface, wire_length) in enumerate(rows):
            octets = records.data[offset : offset + length].tobytes()
            self.append(octets, time_ns, interface, wire_length, records.comments.get(row, ""))

    def taken(self) -> Records:
        """The records; the batch is empty then."""
        length = np.array([len(octets) for octets in self.octets], np.int32)
        offset = PADDING + np.concatenate(([0], np.cumsum(length[:-1], dtype=np.int64)))
        interface = self.interface or np.zeros(len(length), np.uint16)
        told = bool(self.channel)
        heard = told and max(self.lqi) >= 0
        records = Records(
            data=np.frombuffer(bytes(PADDING) + b"".join(self.octets) + bytes(PADDING), np.uint8),
            offset=offset.astype(np.int64),
            length=length,
            wire_length=np.array(self.wire_length, np.int32) if self.wire_length else length.copy(),
            time_ns=np.array(self.time_ns, np.int64),
            interface=np.array(interface, np.uint16),
            comments=self.comments,
            channel=np.array([c if 0 <= c < 255 else 255 for c in self.channel], np.uint8) if told else None,
            rssi=np.array([r if -128 < r < 128 else -128 for r in self.rssi], np.int8) if told else None,
            lqi=np.array([min(max(value, 0), 255) for value in self.lqi], np.uint8) if heard else None,
        )
        self.__init__()  # type: ignore[misc]
        return records

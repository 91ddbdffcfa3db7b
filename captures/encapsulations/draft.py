"""The block that encapsulations fill in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from captures.block import FrameBlock, Kind
from captures.files.records import Records

__all__ = ["JUDGED", "TRUSTED_NONE", "Draft", "Rows", "start"]

Rows = npt.NDArray[np.int64]
TRUSTED_NONE = 0
JUDGED = 0xFE  # the label says FCS: judge
JUDGED_NONE = 0xFD  # the label says none: judge


@dataclass(slots=True, eq=False, repr=False)
class Draft:
    """A block in the making; its `trailer` may still say JUDGED or JUDGED_NONE.

    `wire` is the length of each frame on the medium; `sender` tells apart what feeds one interface from several
    sources (senders of ZEP): 0 is the interface itself.
    """

    block: FrameBlock
    wire: npt.NDArray[np.int64]
    sender: npt.NDArray[np.int64]

    def issue(self, row: int, text: str) -> None:
        number = int(self.block.number[row])
        before = self.block.issues.get(number)
        self.block.issues[number] = f"{before}; {text}" if before else text

    def nothing(self, rows: Rows, text: str = "") -> None:
        """These records hold no frame."""
        self.block.kind[rows] = Kind.NOTHING
        if text:
            for row in rows.tolist():
                self.issue(row, text)


def start(records: Records, link_types: npt.NDArray[np.uint16], first_number: int) -> Draft:
    """Every record as a radio frame without metadata."""
    count = len(records)

    def column(given: npt.NDArray[np.uint8] | None) -> npt.NDArray[np.uint8]:
        return np.full(count, 255, np.uint8) if given is None else given.astype(np.uint8)

    number = np.arange(first_number, first_number + count, dtype=np.int64)
    block = FrameBlock(
        data=records.data,
        offset=records.offset.copy(),
        length=records.length.copy(),
        record_offset=records.offset,
        record_length=records.length,
        number=number,
        time_ns=records.time_ns,
        link_type=link_types[records.interface],
        kind=np.zeros(count, np.uint8),
        trailer=np.zeros(count, np.uint8),
        fcs=np.zeros(count, np.uint8),
        channel=column(records.channel),
        page=np.full(count, 255, np.uint8),
        rssi=np.full(count, -128, np.int8) if records.rssi is None else records.rssi,
        lqi=column(records.lqi),
        has_lqi=np.full(count, records.lqi is not None),
        interface=records.interface,
        comments={int(number[row]): text for row, text in records.comments.items()},
        wire_length=records.wire_length,
    )
    return Draft(block, records.wire_length.astype(np.int64), np.zeros(count, np.int64))

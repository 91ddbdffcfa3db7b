"""A block of frames as arrays: what every reader yields and every column decoder takes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from dataclasses import fields as fields_of
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dissectors import RawFrame
from dissectors.model import Trailer

__all__ = [
    "BLOCK_FRAMES",
    "NO_TIME",
    "FcsState",
    "FrameBlock",
    "Kind",
    "Lost",
    "TrailerKind",
    "columns_of",
    "cut",
    "joined",
    "with_comments",
]

BLOCK_FRAMES = 32_768
"""Frames in a block at most: where the column decoder is fastest (design: docs/performance.md)."""

PADDING = 256
"""Zero octets before and after the records in `FrameBlock.data`, so that wide gathers never leave it."""


NO_TIME = -(2**63)
"""Nanoseconds of a record without a time (pcapng simple packet block): NaT."""


class Kind(IntEnum):
    """What a row of a block holds."""

    RADIO = 0  # an IEEE 802.15.4 frame
    PACKET = 1  # another link layer's packet (Ethernet, IP ... without ZEP): kept whole
    NOTHING = 2  # a record without a frame (ZEP acknowledgement, too short for its encapsulation)
    DOUBLE = 3  # a radio frame that another interface recorded too, and that counts there


class TrailerKind(IntEnum):
    """What the last octets of a radio frame are."""

    ABSENT = 0
    FCS16 = 1
    FCS32 = 2
    TI = 3  # CC24xx: RSSI, then CRC-OK bit and correlation

    @property
    def octets(self) -> int:
        return (0, 2, 4, 2)[self]


class FcsState(IntEnum):
    """What is known of the frame check sequence."""

    UNKNOWN = 0  # there was none to check
    GOOD = 1
    BAD = 2


class Lost(NamedTuple):
    """Octets or records of the source that could not be read: a truncated tail, a damaged block, drops.

    `frames` that are lost for certain; `times` is how many losses this one stands for (`captures.files.losses`).
    """

    offset: int
    text: str
    frames: int = 0
    times: int = 1


@dataclass(slots=True, eq=False, repr=False)
class FrameBlock:
    """Up to `BLOCK_FRAMES` records, in the order of the capture.

    All arrays have one entry a record. `data` holds the records with `PADDING` zero octets at both ends;
    offsets point into it. The frame of a RADIO row is ``data[offset : offset + length]``, its trailer
    included; the record that carried it (TAP or ZEP header and all) is
    ``data[record_offset : record_offset + record_length]``.
    Null markers: rssi -128, lqi 255 with `has_lqi` False, channel 255, page 255; time_ns NaT is -2**63.
    """

    data: npt.NDArray[np.uint8]
    offset: npt.NDArray[np.int64]
    length: npt.NDArray[np.int32]
    record_offset: npt.NDArray[np.int64]
    record_length: npt.NDArray[np.int32]
    number: npt.NDArray[np.int64]  # 1-based record number
    time_ns: npt.NDArray[np.int64]
    link_type: npt.NDArray[np.uint16]
    kind: npt.NDArray[np.uint8]  # Kind
    trailer: npt.NDArray[np.uint8]  # TrailerKind
    fcs: npt.NDArray[np.uint8]  # FcsState
    channel: npt.NDArray[np.uint8]
    page: npt.NDArray[np.uint8]
    rssi: npt.NDArray[np.int8]  # dBm
    lqi: npt.NDArray[np.uint8]
    has_lqi: npt.NDArray[np.bool_]
    interface: npt.NDArray[np.uint16]
    comments: dict[int, str] = field(default_factory=dict)  # by record number
    issues: dict[int, str] = field(default_factory=dict)  # encapsulation troubles, by record number
    wire_length: npt.NDArray[np.int32] | None = None  # record length before the snap length cut it
    double_of: npt.NDArray[np.int64] | None = None  # number of the record that counts, 0 where this one does

    def __len__(self) -> int:
        return len(self.offset)

    def octets(self, row: int) -> bytes:
        """The frame of `row` with its trailer."""
        start = int(self.offset[row])
        return self.data[start : start + int(self.length[row])].tobytes()

    def record(self, row: int) -> bytes:
        """The whole captured record of `row`."""
        start = int(self.record_offset[row])
        return self.data[start : start + int(self.record_length[row])].tobytes()

    def raw(self, row: int) -> RawFrame:
        """`row` as the one-frame path takes it."""
        names: tuple[Trailer, ...] = ("absent", "fcs16", "fcs32", "ti")
        return RawFrame(
            self.octets(row), names[int(self.trailer[row])], int(self.number[row]), int(self.time_ns[row])
        )

    def frames(self) -> Iterator[RawFrame]:
        """All RADIO rows, one after the other."""
        for row in range(len(self)):
            if self.kind[row] == Kind.RADIO:
                yield self.raw(row)


def columns_of(block: FrameBlock) -> list[str]:
    """Names of the arrays that have an entry a record."""
    return [f.name for f in fields_of(block) if f.name != "data" and hasattr(getattr(block, f.name), "shape")]


def cut(block: FrameBlock, start: int, stop: int) -> FrameBlock:
    """Rows `start` to `stop` of a block, over the same octets."""
    parts: dict[str, Any] = {name: getattr(block, name)[start:stop] for name in columns_of(block)}
    return replace(block, **parts)


def with_comments(
    blocks: Iterable[FrameBlock],
    named: Collection[int],
    said: Callable[[int, str], str],
    numbers: Collection[int] | None = None,
) -> Iterator[FrameBlock]:
    """The same frames with other comments.

    Args:
        named: numbers of the frames whose comment is another.
        said: the comment of such a frame, from its number and what the capture says of it; empty for none.
        numbers: frames that are wanted; all by default.
    """
    changed, wanted = set(named), None if numbers is None else np.fromiter(numbers, np.int64, len(numbers))
    for block in blocks:
        if wanted is not None:
            rows = np.flatnonzero(np.isin(block.number, wanted))
            if not len(rows):
                continue
            block = replace(block, **{name: getattr(block, name)[rows] for name in columns_of(block)})
        inside = changed.intersection(block.number.tolist())
        comments = {frame: said(frame, block.comments.get(frame, "")) for frame in inside}
        both = {**block.comments, **comments}
        yield (
            replace(block, comments={frame: text for frame, text in both.items() if text})
            if inside
            else block
        )


def joined(blocks: Sequence[FrameBlock]) -> FrameBlock:
    """Blocks that follow each other, none of them empty, as one, over little more octets than their records take."""
    spans = [_span(block) for block in blocks]
    if len(blocks) == 1 and len(blocks[0].data) < 2 * (spans[0][1] - spans[0][0]) + 4 * PADDING:
        return blocks[0]
    pieces, shifts, at = [bytes(PADDING)], [], PADDING
    for block, (low, high) in zip(blocks, spans, strict=True):
        pieces.append(block.data[low:high].tobytes())
        shifts.append(at - low)
        at += high - low
    pieces.append(bytes(PADDING))
    parts: dict[str, Any] = {"data": np.frombuffer(b"".join(pieces), np.uint8)}
    for name in dict.fromkeys(name for block in blocks for name in columns_of(block)):
        columns = [_column(block, name) for block in blocks]
        if name in ("offset", "record_offset"):
            columns = [column + shift for column, shift in zip(columns, shifts, strict=True)]
        parts[name] = np.concatenate(columns)
    for name in ("comments", "issues"):
        parts[name] = {number: text for block in blocks for number, text in getattr(block, name).items()}
    return replace(blocks[0], **parts)


def _span(block: FrameBlock) -> tuple[int, int]:
    """Where its first record begins in `data`, and where the last one ends."""
    return int(block.record_offset.min()), int((block.record_offset + block.record_length).max())


def _column(block: FrameBlock, name: str) -> npt.NDArray[Any]:
    """An array of a block; what a missing one would hold."""
    found: npt.NDArray[Any] | None = getattr(block, name)
    if found is not None:
        return found
    return block.record_length if name == "wire_length" else np.zeros(len(block), np.int64)

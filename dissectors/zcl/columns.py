"""ZCL frames of many rows at once: headers, and the attribute records of the general commands.

Strategy: attribute records have no fixed length, so the records are walked by their number and not by
their frame: step k reads record k of every frame that has one, and the frames that are done drop out.
Commands outside `RECORDS`, and frames whose records do not end where the frame ends, leave the vector path.

Source: ZigBee Cluster Library (07-5123) clauses 2.4 (header), 2.5 (general commands), 2.6.2 (data types).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntFlag
from functools import cache

import numpy as np
import numpy.typing as npt

from dissectors.vectors import Index, Mask, Octets, RowFields, Span, stable_order
from dissectors.zcl.catalogue import data_type

__all__ = ["RECORDS", "Records", "ZclHeaders", "read_records", "read_zcl"]

READ, READ_RESPONSE, WRITE, WRITE_RESPONSE, REPORT, DEFAULT_RESPONSE = 0x00, 0x01, 0x02, 0x04, 0x0A, 0x0B
MANUFACTURER = 0x04


class Part(IntFlag):
    """What a record of a general command is made of, in the order on the air."""

    IDENTIFIER = 1
    STATUS = 2
    VALUE = 4  # data type and value, only where the status (if there is one) is success


RECORDS: dict[int, Part] = {
    READ: Part.IDENTIFIER,
    READ_RESPONSE: Part.IDENTIFIER | Part.STATUS | Part.VALUE,
    WRITE: Part.IDENTIFIER | Part.VALUE,
    0x03: Part.IDENTIFIER | Part.VALUE,
    0x05: Part.IDENTIFIER | Part.VALUE,
    REPORT: Part.IDENTIFIER | Part.VALUE,
}
"""General commands whose payload is a list of attribute records."""


@dataclass
class ZclHeaders(RowFields):
    """What the ZCL headers said, one entry a row of `span`, which begins after the header.

    `index` is the row's place in the APS layer's result.
    """

    span: Span
    index: Index
    control: npt.NDArray[np.uint8]
    manufacturer: npt.NDArray[np.uint16]
    seq: npt.NDArray[np.uint8]
    command: npt.NDArray[np.uint8]

    @property
    def general(self) -> Mask:
        """Which rows are profile-wide commands; the others belong to their cluster."""
        mask: Mask = (self.control & 3) == 0
        return mask


def read_zcl(octets: Octets, payloads: Span, index: Index) -> ZclHeaders:
    """Read the ZCL headers of APS payloads; rows not read are not in the result."""
    word = octets.u64(payloads.offset)
    control = (word & np.uint64(0xFF)).astype(np.uint8)
    specific = (control & MANUFACTURER) != 0
    length = np.where(specific, 5, 3)
    chosen = np.flatnonzero((length <= payloads.length) & ((control & 3) <= 1) & (control < 0x20))
    payloads, index, word, control = payloads.where(chosen), index[chosen], word[chosen], control[chosen]
    specific, length = specific[chosen], length[chosen]
    manufacturer = np.where(specific, (word >> np.uint64(8)).astype(np.uint16), 0).astype(np.uint16)
    rest = word >> np.where(specific, np.uint64(24), np.uint64(8))
    return ZclHeaders(
        payloads.after(length),
        index,
        control,
        manufacturer,
        rest.astype(np.uint8),
        (rest >> np.uint64(8)).astype(np.uint8),
    )


@dataclass(slots=True)
class Records:
    """Attribute records, in the order of frames and of their place in the frame.

    `index` is the frame's place in the headers that were read; `status` is -1 and `type` is -1 where the
    record has none; the value's octets begin at `value` and number `size`; `at` is where they begin with
    the length that strings have before them.
    """

    index: Index
    identifier: npt.NDArray[np.uint16]
    status: npt.NDArray[np.int16]
    type: npt.NDArray[np.int16]
    at: Index
    value: Index
    size: Index

    def where(self, chosen: Mask | Index) -> Records:
        """The chosen records."""
        return Records(*(getattr(self, name)[chosen] for name in self.__slots__))


@cache
def type_sizes() -> npt.NDArray[np.int16]:
    """Octets of each data type: -1 and -2 for strings with a length of 1 and 2 octets, -9 for all else."""
    sizes = np.full(256, -9, np.int16)
    for code in range(256):
        known = data_type(code)
        if known is not None and known.kind not in {"list", "structure"}:
            sizes[code] = -known.length if known.kind in {"octets", "text"} else known.length
    return sizes


@dataclass(slots=True)
class _Walk:
    """Where the walk over the records stands: `at` in each frame still busy."""

    busy: Index
    at: Index
    end: Index
    parts: list[Records] = field(default_factory=list)


def read_records(octets: Octets, headers: ZclHeaders) -> tuple[Records, Mask]:
    """The attribute records of general commands in `RECORDS`; the mask says which frames were read whole."""
    whole = np.zeros(len(headers.span), np.bool_)
    found = []
    for command, shape in RECORDS.items():
        frames = np.flatnonzero(headers.general & (headers.command == command))
        if len(frames) == 0:
            continue
        if shape == Part.IDENTIFIER:
            records, good = _identifiers(octets, headers.span.where(frames))
        else:
            records, good = _walk(octets, headers.span.where(frames), shape)
        records.index = frames[records.index]
        whole[frames] = good
        found.append(records)
    if not found:
        empty = np.zeros(0, np.int64)
        none = empty.astype(np.int16)
        return Records(empty, none.astype(np.uint16), none, none, empty, empty, empty), whole
    joined = Records(*(np.concatenate([getattr(r, n) for r in found]) for n in Records.__slots__))
    order = stable_order(joined.index)
    joined = joined.where(order)
    return joined.where(whole[joined.index]), whole


def _identifiers(octets: Octets, span: Span) -> tuple[Records, Mask]:
    """A list of attribute identifiers and nothing else."""
    good = (span.length & 1) == 0
    counts = np.where(good, span.length >> 1, 0)
    index = np.repeat(np.arange(len(span)), counts)
    first = np.cumsum(counts) - counts
    at = span.offset[index] + 2 * (np.arange(len(index)) - first[index])
    absent = np.full(len(index), -1, np.int16)
    return Records(index, octets.u16(at), absent, absent, at, at, np.zeros(len(index), np.int64)), good


def _walk(octets: Octets, span: Span, shape: Part) -> tuple[Records, Mask]:
    """Records with a value; frames that end inside a record, or hold a type without a plain size, are bad."""
    good = np.ones(len(span), np.bool_)
    parts = []
    busy = np.flatnonzero(span.length > 0)
    at = span.offset[busy]
    while len(busy):
        end = span.end[busy]
        record, at, fits = _record(octets, at, end, shape)
        good[busy[~fits]] = False
        record.index = busy
        parts.append(record.where(fits))
        more = fits & (at < end)
        busy, at = busy[more], at[more]
    if not parts:
        empty = np.zeros(0, np.int64)
        none = empty.astype(np.int16)
        return Records(empty, none.astype(np.uint16), none, none, empty, empty, empty), good
    records = Records(*(np.concatenate([getattr(r, n) for r in parts]) for n in Records.__slots__))
    return records, good


def _record(octets: Octets, at: Index, end: Index, shape: Part) -> tuple[Records, Index, Mask]:
    """The record at each place, the place after it, and whether it lies within the frame."""
    word = octets.u64(at)
    identifier = word.astype(np.uint16)
    if shape & Part.STATUS:
        status = ((word >> np.uint64(16)) & np.uint64(0xFF)).astype(np.int16)
        type_ = ((word >> np.uint64(24)) & np.uint64(0xFF)).astype(np.int16)
        valued = status == 0
        head = np.where(valued, 4, 3)
    else:
        status = np.full(len(at), -1, np.int16)
        type_ = ((word >> np.uint64(16)) & np.uint64(0xFF)).astype(np.int16)
        valued = np.ones(len(at), np.bool_)
        head = np.full(len(at), 3)
    value = at + head
    # A record that is cut off inside its head is bad before its size is looked at.
    fits = value <= end
    size = type_sizes().take(type_).astype(np.int64)
    prefix = np.zeros(len(at), np.int64)
    for mark, invalid in ((-1, 0xFF), (-2, 0xFFFF)):
        strings = np.flatnonzero(valued & (size == mark))
        if len(strings):
            prefix[strings] = -mark
            fits[strings] &= value[strings] - mark <= end[strings]
            length = (octets.u8 if mark == -1 else octets.u16)(value[strings]).astype(np.int64)
            size[strings] = np.where(length == invalid, 0, length)
    fits &= ~valued | (size >= 0)
    size = np.where(valued & (size >= 0), size, 0)
    after = value + prefix + size
    fits &= after <= end
    record = Records(at, identifier, status, np.where(valued, type_, -1), value, value + prefix, size)
    return record, after, fits

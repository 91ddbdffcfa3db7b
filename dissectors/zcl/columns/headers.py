"""ZCL frames of many rows at once: headers, and the attribute records of the general commands.

Strategy: attribute records have no fixed length, so the records are walked by their number and not by
their frame: step k reads record k of every frame that has one, and the frames that are done drop out.
Commands outside `RECORDS`, and frames whose records do not end where the frame ends, leave the vector path.

Source: ZigBee Cluster Library (07-5123) clauses 2.4 (header), 2.5 (general commands), 2.6.2 (data types).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from functools import cache

import numpy as np
import numpy.typing as npt

from dissectors.layout.shapes import Shaped, shapes_of
from dissectors.vectors import Index, Mask, OctetArray, RowFields, Span
from dissectors.zcl.catalogue import data_type
from dissectors.zcl.header import ZclHeader

__all__ = ["RECORDS", "Records", "ZclHeaders", "read_records", "read_zcl"]

READ, READ_RESPONSE, WRITE, WRITE_RESPONSE, REPORT, DEFAULT_RESPONSE = 0x00, 0x01, 0x02, 0x04, 0x0A, 0x0B
RESERVED = 0x20


class RecordPart(IntFlag):
    """What a record of a general command is made of, in the order on the air."""

    IDENTIFIER = 1
    STATUS = 2
    VALUE = 4  # data type and value, only where the status (if there is one) is success


RECORDS: dict[int, RecordPart] = {
    READ: RecordPart.IDENTIFIER,
    READ_RESPONSE: RecordPart.IDENTIFIER | RecordPart.STATUS | RecordPart.VALUE,
    WRITE: RecordPart.IDENTIFIER | RecordPart.VALUE,
    0x03: RecordPart.IDENTIFIER | RecordPart.VALUE,
    0x05: RecordPart.IDENTIFIER | RecordPart.VALUE,
    REPORT: RecordPart.IDENTIFIER | RecordPart.VALUE,
}
"""General commands whose payload is a list of attribute records."""


@dataclass(eq=False, repr=False)
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


def read_zcl(octets: OctetArray, payloads: Span, index: Index) -> tuple[ZclHeaders, Shaped]:
    """Read the ZCL headers of APS payloads; rows not read are not in the result."""
    control = octets.u8(payloads.offset)
    chosen = np.flatnonzero(((control & 3) <= 1) & (control < RESERVED))
    places = Span(chosen, payloads.offset[chosen], payloads.end[chosen])  # rows are places until all is read
    shaped = shapes_of(ZclHeader).read(octets, places)
    place = shaped.span.rows
    shaped.span = Span(payloads.rows[place], shaped.span.offset, shaped.span.end)
    headers = ZclHeaders(
        shaped.after,
        index[place],
        shaped.values("frame_control"),
        shaped.values("manufacturer_code"),
        shaped.values("sequence_number"),
        shaped.values("command"),
    )
    return headers, shaped


@dataclass(slots=True, eq=False, repr=False)
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


@cache
def _shapes() -> npt.NDArray[np.uint8]:
    """The parts of a record of each general command; 0 for those that are no list of records."""
    return np.array([RECORDS.get(command, 0) for command in range(256)], np.uint8)


def read_records(octets: OctetArray, headers: ZclHeaders) -> tuple[Records, Mask]:
    """The attribute records of general commands in `RECORDS`; the mask says which frames were read whole."""
    shape = np.where(headers.general, _shapes().take(headers.command), 0)
    lists = np.flatnonzero(shape == RecordPart.IDENTIFIER)
    walked = np.flatnonzero(shape > RecordPart.IDENTIFIER)
    whole = np.zeros(len(shape), np.bool_)
    asked, whole[lists] = _identifiers(octets, headers.span.where(lists))
    rounds, whole[walked] = _walk(
        octets, headers.span.where(walked), (shape[walked] & RecordPart.STATUS) != 0
    )
    for records, frames in ((asked, lists), *((one, walked) for one in rounds)):
        records.index = frames[records.index]
    return _in_order(asked, rounds, whole), whole


def _in_order(asked: Records, rounds: list[Records], whole: Mask) -> Records:
    """The records of whole frames, frame by frame; each round has the next record of its frames."""
    counts = np.bincount(asked.index, minlength=len(whole))
    places = [np.arange(len(asked.index)) - (np.cumsum(counts) - counts)[asked.index]]
    for part in rounds:
        places.append(counts[part.index])
        counts[part.index] += 1
    counts[~whole] = 0
    parts = [asked, *rounds]
    index = np.concatenate([part.index for part in parts])
    place = (np.cumsum(counts) - counts)[index] + np.concatenate(places)
    kept = np.arange(len(index)) if whole.all() else np.flatnonzero(whole[index])
    order = np.empty(len(kept), np.int64)
    order[place[kept]] = kept
    return Records(
        index.take(order),
        *(
            np.concatenate([getattr(part, name) for part in parts]).take(order)
            for name in Records.__slots__[1:]
        ),
    )


def _identifiers(octets: OctetArray, span: Span) -> tuple[Records, Mask]:
    """A list of attribute identifiers and nothing else."""
    good = (span.length & 1) == 0
    counts = np.where(good, span.length >> 1, 0)
    index = np.repeat(np.arange(len(span)), counts)
    first = np.cumsum(counts) - counts
    at = span.offset[index] + 2 * (np.arange(len(index)) - first[index])
    absent = np.full(len(index), -1, np.int16)
    return Records(index, octets.u16(at), absent, absent, at, at, np.zeros(len(index), np.int64)), good


def _walk(octets: OctetArray, span: Span, told: Mask) -> tuple[list[Records], Mask]:
    """Records with a value, the first ones of all frames, then the second ones, and so on.

    Frames that end inside a record, or hold a type without a plain size, are bad. `told`: whether the
    frame's records have a status.
    """
    good = np.ones(len(span), np.bool_)
    parts = []
    busy = np.flatnonzero(span.length > 0)
    at = span.offset[busy]
    while len(busy):
        end = span.end[busy]
        record, at, fits = _record(octets, at, end, told[busy])
        record.index = busy
        more = at < end
        if not fits.all():
            good[busy[~fits]] = False
            record = record.where(fits)
            more &= fits
        parts.append(record)
        busy, at = busy[more], at[more]
    return parts, good


def _record(octets: OctetArray, at: Index, end: Index, told: Mask) -> tuple[Records, Index, Mask]:
    """The record at each place, the place after it, and whether it lies within the frame."""
    word = octets.u64(at)
    status = np.where(told, ((word >> np.uint64(16)) & np.uint64(0xFF)).astype(np.int16), np.int16(-1))
    valued = status <= 0
    head = np.where(told & valued, 4, 3)
    type_ = (word >> (head << 3).astype(np.uint64) - np.uint64(8)).astype(np.uint8).astype(np.int16)
    value = at + head
    # A record that is cut off inside its head is bad before its size is looked at.
    fits = value <= end
    size = type_sizes().take(type_).astype(np.int64)
    size[~valued] = 0
    prefix = None
    odd = size < 0
    if odd.any():
        prefix = np.zeros(len(at), np.int64)
        for mark, invalid in ((-1, 0xFF), (-2, 0xFFFF)):
            strings = np.flatnonzero(size == mark)
            if len(strings):
                prefix[strings] = -mark
                fits[strings] &= value[strings] - mark <= end[strings]
                length = (octets.u8 if mark == -1 else octets.u16)(value[strings]).astype(np.int64)
                size[strings] = np.where(length == invalid, 0, length)
        fits &= size >= 0
        size[size < 0] = 0
    type_[~valued] = -1
    begin = value if prefix is None else value + prefix
    after = begin + size
    fits &= after <= end
    return Records(at, word.astype(np.uint16), status, type_, value, begin, size), after, fits

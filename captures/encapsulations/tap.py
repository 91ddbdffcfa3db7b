"""Link type 283: IEEE 802.15.4 TAP, a header and type-length-value entries before the frame.

Layout: IEEE 802.15.4 TAP Link Type specification 1.2: version u8 (0), reserved u8, length u16 of header and
entries; entry: type u16, length u16 without padding, value, zeros up to a multiple of four; all least
significant octet first. Strategy: the entries are walked by their number, all records at once.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from captures.block import Kind, TrailerKind
from captures.encapsulations.draft import Draft, Rows
from captures.encapsulations.walk import BUFFER, Step, Walk, leaves
from captures.gather import gather
from captures.structure import Structure
from dissectors import Field

__all__ = ["FCS_TYPE", "TAP_ENTRY", "TAP_HEADER", "TAP_VALUES", "TapValue", "step", "tap_header", "unwrap"]

FCS_TYPE, RSS, CHANNEL, LQI = 0, 1, 3, 10
TRAILERS = np.array([TrailerKind.ABSENT, TrailerKind.FCS16, TrailerKind.FCS32], np.uint8)
Positions = npt.NDArray[np.int64]


def unwrap(draft: Draft, rows: Rows) -> None:
    """Take TAP headers off; no FCS entry means no FCS (specification, 3.1)."""
    block = draft.block
    short = block.length[rows] < 4
    draft.nothing(rows[short], "shorter than a TAP header")
    rows = rows[~short]
    start = block.offset[rows]
    head = gather(block.data, start, "<u4").astype(np.int64)
    length = head >> 16
    wrong = (head & 0xFF != 0) | (length < 4) | (length > block.length[rows])
    for row in rows[wrong].tolist():
        draft.issue(row, "damaged TAP header (version or length)")
    block.kind[rows[wrong]] = Kind.NOTHING
    rows, start, length = rows[~wrong], start[~wrong], length[~wrong]
    _entries(draft, rows, start + 4, start + length)
    block.offset[rows] += length
    block.length[rows] -= length.astype(np.int32)
    draft.wire[rows] -= length


def _entries(draft: Draft, rows: Rows, at: Positions, end: Positions) -> None:
    data = draft.block.data
    while len(rows):
        there = at + 4 <= end
        rows, at, end = rows[there], at[there], end[there]
        head = gather(data, at, "<u4").astype(np.int64)
        kind, length = head & 0xFFFF, head >> 16
        whole = at + 4 + length <= end
        for row in rows[~whole].tolist():
            draft.issue(row, "a TAP entry is longer than the TAP header")
        rows, at, end, kind, length = rows[whole], at[whole], end[whole], kind[whole], length[whole]
        _values(draft, rows, at + 4, kind, length)
        at = at + 4 + ((length + 3) & ~3)


def _values(draft: Draft, rows: Rows, at: Positions, kind: Positions, length: Positions) -> None:
    """Take over what the columns of a block have room for; the rest is shown by `structures.fields`."""
    block, data = draft.block, draft.block.data
    mine = (kind == FCS_TYPE) & (length >= 1)
    if mine.any():
        value = data[at[mine]]
        for row in rows[mine][value > 2].tolist():
            draft.issue(row, "unknown FCS type in the TAP header")
        block.trailer[rows[mine]] = TRAILERS[np.minimum(value, 2)] * (value <= 2)
    mine = (kind == RSS) & (length >= 4)
    if mine.any():
        power = gather(data, at[mine], "<f4")
        known = np.isfinite(power)
        block.rssi[rows[mine][known]] = np.clip(np.rint(power[known]), -127, 127).astype(np.int8)
    mine = (kind == CHANNEL) & (length >= 3)
    if mine.any():
        word = gather(data, at[mine], "<u4")
        block.channel[rows[mine]] = np.minimum(word & 0xFFFF, 255).astype(np.uint8)
        block.page[rows[mine]] = ((word >> 16) & 0xFF).astype(np.uint8)
    mine = (kind == LQI) & (length >= 1)
    if mine.any():
        block.lqi[rows[mine]] = data[at[mine]]
        block.has_lqi[rows[mine]] = True


# --- one record as a tree

TAP_HEADER = Structure(
    lambda c: c.Struct(
        "version" / c.Default(c.Int8ul, 0), "reserved" / c.Default(c.Int8ul, 0), "length" / c.Int16ul
    )
)
TAP_ENTRY = Structure(
    lambda c: c.Struct(
        "type" / c.Int16ul,
        "length" / c.Rebuild(c.Int16ul, c.len_(c.this.value)),
        "value" / c.Bytes(c.this.length),
        "padding" / c.Padding(lambda context: -context.length % 4),
    )
)


class TapValue(NamedTuple):
    """How the value of one kind of TAP entry is called, laid out, and measured."""

    name: str
    layout: Structure
    unit: str = ""
    words: dict[int, str] = {}


TAP_VALUES: dict[int, TapValue] = {
    0: TapValue(
        "fcs_type",
        Structure(lambda c: c.Struct("fcs_type" / c.Int8ul)),
        "",
        {0: "none", 1: "16-bit CRC", 2: "32-bit CRC"},
    ),
    1: TapValue("received_signal_strength", Structure(lambda c: c.Struct("rss" / c.Float32l)), "dBm"),
    2: TapValue("bit_rate", Structure(lambda c: c.Struct("bit_rate" / c.Int32ul)), "bit/s"),
    3: TapValue(
        "channel_assignment", Structure(lambda c: c.Struct("channel" / c.Int16ul, "page" / c.Int8ul))
    ),
    4: TapValue(
        "sun_phy", Structure(lambda c: c.Struct("band" / c.Int8ul, "type" / c.Int8ul, "mode" / c.Int8ul))
    ),
    5: TapValue("start_of_frame", Structure(lambda c: c.Struct("start_of_frame" / c.Int64ul)), "ns"),
    6: TapValue("end_of_frame", Structure(lambda c: c.Struct("end_of_frame" / c.Int64ul)), "ns"),
    7: TapValue("absolute_slot_number", Structure(lambda c: c.Struct("absolute_slot_number" / c.Int64ul))),
    8: TapValue("start_of_slot", Structure(lambda c: c.Struct("start_of_slot" / c.Int64ul)), "ns"),
    9: TapValue("slot_length", Structure(lambda c: c.Struct("slot_length" / c.Int32ul)), "us"),
    10: TapValue("link_quality", Structure(lambda c: c.Struct("link_quality" / c.Int8ul))),
    11: TapValue("centre_frequency", Structure(lambda c: c.Struct("centre_frequency" / c.Float32l)), "kHz"),
    12: TapValue(
        "channel_plan",
        Structure(lambda c: c.Struct("start" / c.Float32l, "spacing" / c.Float32l, "channels" / c.Int16ul)),
        "kHz, kHz, count",
    ),
    13: TapValue("phy_header", Structure(lambda c: c.Struct("phr_type" / c.Int16ul, "phr_bits" / c.Int16ul))),
}


def step(walk: Walk) -> Step | None:
    """Header and entries as a branch, each entry with its value read where its kind is known."""
    head = walk.header("tap", TAP_HEADER)
    if not head:
        return None
    branch, frame = walk.found[-1], head["length"]
    if frame < 4 or frame > len(walk.record) or head["version"]:
        branch.meaning = "damaged header"
        walk.rest("octets_that_do_not_fit")
        return None
    walk.end = frame
    while walk.at + 4 <= walk.end:
        entry = Field("entry", None, "", walk.at, 0, BUFFER)
        values = leaves(TAP_ENTRY, walk.record[walk.at : walk.end], walk.at, entry)
        if "value" not in values:
            break
        _value(entry, values)
        branch.children += [entry]
        walk.at = entry.end
    if walk.at < walk.end:
        octets = walk.record[walk.at : walk.end]
        branch.children += [Field("octets", octets, None, walk.at, len(octets), BUFFER)]
        walk.at = walk.end
    branch.length = walk.at
    return None


def _value(entry: Field, values: dict[str, Any]) -> None:
    """Name the entry, and read its value in place of the octets when its kind is known."""
    known = TAP_VALUES.get(values["type"])
    if known is None:
        entry.meaning = None
        return
    entry.name = known.name
    at = next((i for i, leaf in enumerate(entry.children) if leaf.name == "value"), None)
    if at is None:
        return
    octets, start = entry.children[at].value, entry.children[at].offset
    inner = Field(known.name, None, "", start, 0, BUFFER)
    read = leaves(known.layout, octets, start, inner)
    if len(read) < len(known.layout.subcons):
        return
    if inner.end < start + len(octets):
        rest = octets[inner.end - start :]
        inner.children += [Field("octets", rest, None, inner.end, len(rest), BUFFER)]
    if len(read) == 1:
        leaf = inner.children[0]
        leaf.meaning = (
            known.words.get(leaf.value, known.unit) if not isinstance(leaf.value, float) else known.unit
        )
    entry.children[at : at + 1] = inner.children


def tap_header(entries: list[tuple[int, bytes]]) -> bytes:
    """A TAP header with these entries (type, value).

    >>> tap_header([(0, bytes([1]))]).hex()
    '00000c000000010001000000'
    """
    body = b"".join(TAP_ENTRY.build({"type": kind, "value": value}) for kind, value in entries)
    header: bytes = TAP_HEADER.build({"length": 4 + len(body)})
    return header + body

"""Link type 283: IEEE 802.15.4 TAP, a header and type-length-value entries before the frame.

Layout: IEEE 802.15.4 TAP Link Type specification 1.2: version u8 (0), reserved u8, length u16 of header and
entries; entry: type u16, length u16 without padding, value, zeros up to a multiple of four; all least
significant octet first. Strategy: the entries are walked by their number, all records at once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from captures.block import Kind, TrailerKind
from captures.encapsulations.draft import Draft, Rows
from captures.files.gather import gather

__all__ = ["FCS_TYPE", "unwrap"]

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

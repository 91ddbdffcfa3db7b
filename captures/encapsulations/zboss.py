"""The header that ZBOSS writes before frames of its traces, under link type 195.

Layout: "ZBOSS" 5, direction (bit 0: out) and page (bits 1-7) 1, channel 1, trace number u32 least significant
first; then the frame with TI metadata (facts: shared/facts/captures/report.md, 1.4).
"""

from __future__ import annotations

from captures.block import TrailerKind
from captures.encapsulations.draft import Draft, Rows
from captures.files.gather import gather

__all__ = ["HEADER", "MARK", "unwrap"]

MARK = b"ZBOSS"
HEADER = 11


def unwrap(draft: Draft, rows: Rows) -> None:
    """Take the header off those of `rows` that have one."""
    block = draft.block
    letters = gather(block.data, block.offset[rows], "V8").view("<u8") & 0xFF_FFFF_FFFF
    rows = rows[letters == int.from_bytes(MARK, "little")]
    block.page[rows] = gather(block.data, block.offset[rows] + 5, "u1") >> 1
    block.channel[rows] = gather(block.data, block.offset[rows] + 6, "u1")
    block.offset[rows] += HEADER
    block.length[rows] -= HEADER
    draft.wire[rows] -= HEADER
    block.trailer[rows] = TrailerKind.TI

"""The header that ZBOSS writes before frames of its traces, under link type 195.

Layout: "ZBOSS" 5, direction (bit 0: out) and page (bits 1-7) 1, channel 1, trace number u32 least significant
first; then the frame with TI metadata (facts: shared/facts/captures/report.md, 1.4).
"""

from __future__ import annotations

from captures.block import TrailerKind
from captures.encapsulations.draft import Draft, Rows
from captures.encapsulations.walk import Step, Walk
from captures.gather import gather
from captures.structure import Structure

__all__ = ["HEADER", "MARK", "ZBOSS", "step", "unwrap"]

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


# --- one record as a tree

ZBOSS = Structure(
    lambda c: c.Struct(
        "mark" / c.Const(b"ZBOSS"), "direction_page" / c.Int8ul, "channel" / c.Int8ul, "trace" / c.Int32ul
    )
)


def step(walk: Walk) -> Step | None:
    """The header as a branch."""
    walk.header("zboss", ZBOSS)
    return None

"""Link types whose record is the frame itself: 195, 230 and 215 (preamble, SFD and PHR before it)."""

from __future__ import annotations

import numpy as np

from captures.encapsulations import zboss
from captures.encapsulations.draft import JUDGED, JUDGED_NONE, Draft, Rows
from captures.encapsulations.walk import Step, Walk
from captures.gather import gather
from captures.structure import Structure

__all__ = ["PHY", "no_fcs", "no_header", "non_ask_phy", "phy_step", "step", "with_fcs"]


def no_fcs(draft: Draft, rows: Rows) -> None:
    """Link type 230."""
    draft.block.trailer[rows] = JUDGED_NONE


def with_fcs(draft: Draft, rows: Rows) -> None:
    """Link type 195; a ZBOSS header before the frame is told from its five letters."""
    draft.block.trailer[rows] = JUDGED
    block = draft.block
    likely = rows[(block.data[block.offset[rows]] == 0x5A) & (block.length[rows] >= 11)]
    if len(likely):
        from captures.encapsulations import zboss

        zboss.unwrap(draft, likely)


def non_ask_phy(draft: Draft, rows: Rows) -> None:
    """Link type 215: preamble 4 (zeros), SFD 1 (0xA7), PHR 1 (length in bits 0-6), PSDU.

    Some chips write a shorter preamble as it was heard; the SFD tells where the PHR is.
    """
    block = draft.block
    block.trailer[rows] = JUDGED
    short = rows[block.length[rows] < 6]
    draft.nothing(short, "shorter than the preamble, SFD and PHR of link type 215")
    rows = rows[block.length[rows] >= 6]
    sfd = gather(block.data, block.offset[rows] + 4, "u1")
    for row in rows[sfd != 0xA7].tolist():
        draft.issue(row, "no start-of-frame delimiter (0xA7) after four octets of preamble")
    told = (gather(block.data, block.offset[rows] + 5, "u1") & 0x7F).astype(np.int64)
    have = block.length[rows].astype(np.int64) - 6
    for row in rows[told > have].tolist():
        if draft.wire[row] <= block.length[row]:
            draft.issue(row, "the PHR says more octets than are there")
    block.offset[rows] += 6
    block.length[rows] = np.minimum(told, have)
    draft.wire[rows] = told


# --- one record as a tree

PHY = Structure(
    lambda c: c.Struct("preamble" / c.Bytes(4), "start_of_frame" / c.Int8ul, "phy_header" / c.Int8ul)
)


def phy_step(walk: Walk) -> Step | None:
    """Preamble, SFD and PHR as a branch."""
    walk.header("phy", PHY)
    return None


def no_header(walk: Walk) -> Step | None:
    """The record is the frame."""
    return None


def step(walk: Walk) -> Step | None:
    """What link type 195 has before the frame: nothing, or a ZBOSS header."""
    return (
        zboss.step
        if walk.record[walk.at :].startswith(zboss.MARK) and walk.end - walk.at >= zboss.HEADER
        else None
    )

"""The header that the nRF sniffer for IEEE 802.15.4 writes before frames, under a user link type.

Layout: channel u16, RSSI i16 in dBm, LQI u16, least significant octet first; then the frame without FCS.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from captures.block import FrameBlock
from captures.encapsulations.draft import JUDGED_NONE, Draft, Rows
from captures.encapsulations.walk import Step, Walk
from captures.gather import gather
from captures.plausible import plausible_starts
from captures.structure import Structure

__all__ = ["HEADER", "NORDIC", "fits", "step", "unwrap"]

HEADER = 6


def unwrap(draft: Draft, rows: Rows) -> None:
    """Take the nRF sniffer's header off."""
    block = draft.block
    there = block.length[rows] >= HEADER
    draft.nothing(rows[~there], "shorter than the header of the nRF sniffer")
    rows = rows[there]
    words = _words(block, rows)
    block.channel[rows] = np.clip(words[:, 0], 0, 255)
    block.page[rows] = 0
    block.rssi[rows] = np.clip(words[:, 1].astype(np.uint16).view(np.int16), -128, 127).astype(np.int8)
    block.lqi[rows] = np.minimum(words[:, 2], 255)
    block.has_lqi[rows] = True
    block.offset[rows] += HEADER
    block.length[rows] -= HEADER
    draft.wire[rows] -= HEADER
    block.trailer[rows] = JUDGED_NONE


def _words(block: FrameBlock, rows: Rows) -> npt.NDArray[np.uint16]:
    """The first three 16-bit numbers of each record."""
    found = [gather(block.data, block.offset[rows] + at, "<u2") for at in (0, 2, 4)]
    return np.stack(found, axis=1)


def fits(block: FrameBlock, rows: Rows) -> npt.NDArray[np.bool_]:
    """Which of the records have the header."""
    words = _words(block, rows)
    rssi = words[:, 1].astype(np.uint16).view(np.int16)
    inner = plausible_starts(block.data, block.offset[rows] + HEADER, block.length[rows] - HEADER)
    told = (words[:, 0] >= 11) & (words[:, 0] <= 26) & (words[:, 2] <= 255)
    return np.asarray(inner & told & (rssi >= -128) & (rssi <= 20))


# --- one record as a tree

NORDIC = Structure(lambda c: c.Struct("channel" / c.Int16ul, "rssi" / c.Int16sl, "lqi" / c.Int16ul))


def step(walk: Walk) -> Step | None:
    """The header as a branch."""
    walk.header("nrf_sniffer", NORDIC)
    return None

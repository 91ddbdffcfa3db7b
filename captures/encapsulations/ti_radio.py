"""What the host tool of TI's SmartRF Packet Sniffer 2 sends to UDP port 17760: a header, then the frame.

Layout (TI, Packet Sniffer 2 user guide, radio packet info): version u8 (0), length u16, interface type u8, interface
u16, protocol u8 (0 generic, 1 802.15.4g, 2 802.15.4), PHY u8, frequency u16 MHz, fraction u16 (of 65536), channel
u16, RSSI i8 in dBm, status u8 (bit 7: the check sequence was right), all least significant octet first; then the PHR
(2 octets for 802.15.4g, 1 else) and the frame, without its check sequence or with it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from captures.block import FcsState, Kind
from captures.encapsulations.draft import JUDGED_NONE, Draft, Rows
from captures.encapsulations.walk import Step, Walk
from captures.gather import gather
from captures.structure import Structure

__all__ = ["HEADER", "PORT", "TI_RADIO", "step", "unwrap"]

PORT = 17760
HEADER = 16
GENERIC, SUB_GHZ, RADIO = 0, 1, 2
Positions = npt.NDArray[np.int64]


def unwrap(draft: Draft, rows: Rows, at: Positions, end: Positions) -> None:
    """Take the header and the PHR off the datagrams ``data[at:end]``; what is of another protocol stays a packet."""
    block, data = draft.block, draft.block.data
    there = end - at > HEADER + 3
    rows, at, end = rows[there], at[there], end[there]
    protocol, channel = data[at + 6], gather(data, at + 12, "<u2").astype(np.int64)
    ours = (data[at] == 0) & np.isin(protocol, (SUB_GHZ, RADIO)) & (channel < 256)
    rows, at, end, protocol, channel = rows[ours], at[ours], end[ours], protocol[ours], channel[ours]
    begin = at + HEADER + np.where(protocol == SUB_GHZ, 2, 1)
    block.kind[rows] = Kind.RADIO
    block.channel[rows] = channel
    block.rssi[rows] = data[at + 14].view(np.int8)
    block.fcs[rows] = np.where(data[at + 15] & 0x80, FcsState.GOOD, FcsState.BAD)
    block.offset[rows] = begin
    block.length[rows] = end - begin
    cut = draft.wire[rows] > block.record_length[rows]
    draft.wire[rows] = np.where(
        cut, draft.wire[rows] - (begin - block.record_offset[rows]), block.length[rows]
    )
    block.trailer[rows] = JUDGED_NONE


# --- one record as a tree

TI_RADIO = Structure(
    lambda c: c.Struct(
        "version" / c.Default(c.Int8ul, 0),
        "length" / c.Int16ul,
        "interface_type" / c.Int8ul,
        "interface" / c.Int16ul,
        "protocol" / c.Int8ul,
        "phy" / c.Int8ul,
        "frequency" / c.Int16ul,
        "frequency_fraction" / c.Int16ul,
        "channel" / c.Int16ul,
        "rssi" / c.Int8sl,
        "status" / c.Int8ul,
    )
)


def step(walk: Walk) -> Step | None:
    """The header of a datagram as a branch."""
    walk.header("ti_radio", TI_RADIO)
    return None

"""Ethernet and Linux cooked records: find IP behind them, and frames under their own type.

Layouts: IEEE 802.3 and 802.1Q; https://www.tcpdump.org/linktypes.html (SLL, SLL2). Strategy: as in
`captures.encapsulations.internet`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from captures.block import Kind
from captures.encapsulations.draft import JUDGED, JUDGED_NONE, Draft, Rows
from captures.encapsulations.internet import Positions, ip, ip_step, windows
from captures.encapsulations.walk import Step, Walk, Words
from captures.gather import gather
from captures.structure import Structure

__all__ = [
    "ETHERNET",
    "SLL",
    "SLL2",
    "VLAN",
    "ethernet",
    "ethernet_step",
    "sll",
    "sll2",
    "sll2_step",
    "sll_step",
]

TYPE_IPV4, TYPE_IPV6 = 0x0800, 0x86DD
TAGS = (0x8100, 0x88A8, 0x9100)
RADIO_TYPES = (0x00F6, 0x809A)
"""EtherTypes of a bare IEEE 802.15.4 frame: Linux (ETH_P_IEEE802154), and the one Wireshark knows."""
MONITOR, DEVICE = 805, 804
"""ARPHRD types of Linux: IEEE 802.15.4 as heard (with FCS) and as handed up (without)."""


def ethernet(draft: Draft, rows: Rows) -> None:
    """Link type 1, with any number of VLAN tags."""
    rows, at, end = windows(draft, rows, 14)
    kind = gather(draft.block.data, at + 12, ">u2").astype(np.int64)
    _network(draft, rows, at + 14, end, kind)


def sll(draft: Draft, rows: Rows) -> None:
    """Link type 113: packet type, ARPHRD type, address length, address 8, protocol."""
    rows, at, end = windows(draft, rows, 16)
    hardware = gather(draft.block.data, at + 2, ">u2")
    kind = gather(draft.block.data, at + 14, ">u2").astype(np.int64)
    _cooked(draft, rows, at + 16, end, kind, hardware)


def sll2(draft: Draft, rows: Rows) -> None:
    """Link type 276: protocol, reserved, interface, ARPHRD type, packet type, address length, address 8."""
    rows, at, end = windows(draft, rows, 20)
    hardware = gather(draft.block.data, at + 8, ">u2")
    kind = gather(draft.block.data, at, ">u2").astype(np.int64)
    _cooked(draft, rows, at + 20, end, kind, hardware)


def _cooked(
    draft: Draft,
    rows: Rows,
    at: Positions,
    end: Positions,
    kind: Positions,
    hardware: npt.NDArray[np.uint16],
) -> None:
    for value, trailer in ((MONITOR, JUDGED), (DEVICE, JUDGED_NONE)):
        mine = hardware == value
        _frame(draft, rows[mine], at[mine], end[mine], trailer)
    rest = (hardware != MONITOR) & (hardware != DEVICE)
    _network(draft, rows[rest], at[rest], end[rest], kind[rest])


def _frame(draft: Draft, rows: Rows, at: Positions, end: Positions, trailer: int) -> None:
    """The rest of the record is a radio frame."""
    block = draft.block
    draft.wire[rows] -= at - block.offset[rows]
    block.kind[rows] = Kind.RADIO
    block.offset[rows], block.length[rows] = at, end - at
    block.trailer[rows] = trailer


def _network(draft: Draft, rows: Rows, at: Positions, end: Positions, kind: Positions) -> None:
    """What comes after an EtherType."""
    for _ in range(4):
        tagged = np.flatnonzero(np.isin(kind, TAGS) & (at + 4 <= end))
        if not len(tagged):
            break
        kind[tagged] = gather(draft.block.data, at[tagged] + 2, ">u2")
        at[tagged] += 4
    bare = np.isin(kind, RADIO_TYPES)
    _frame(draft, rows[bare], at[bare], end[bare], JUDGED)
    further = ((kind == TYPE_IPV4) | (kind == TYPE_IPV6)) & (at < end)
    ip(draft, rows[further], at[further], end[further])


# --- one record as a tree

ETHERNET = Structure(
    lambda c: c.Struct("destination" / c.Bytes(6), "source" / c.Bytes(6), "ether_type" / c.Int16ub)
)
VLAN = Structure(lambda c: c.Struct("tag" / c.Int16ub, "ether_type" / c.Int16ub))
SLL = Structure(
    lambda c: c.Struct(
        "packet_type" / c.Int16ub,
        "hardware_type" / c.Int16ub,
        "address_length" / c.Int16ub,
        "address" / c.Bytes(8),
        "protocol" / c.Int16ub,
    )
)
SLL2 = Structure(
    lambda c: c.Struct(
        "protocol" / c.Int16ub,
        "reserved" / c.Int16ub,
        "interface" / c.Int32ub,
        "hardware_type" / c.Int16ub,
        "packet_type" / c.Int8ub,
        "address_length" / c.Int8ub,
        "address" / c.Bytes(8),
    )
)
WORDS: Words = {"ether_type": {TYPE_IPV4: "IPv4", TYPE_IPV6: "IPv6", RADIO_TYPES[0]: "IEEE 802.15.4"}}


def ethernet_step(walk: Walk) -> Step | None:
    """The header as a branch; then what its type says."""
    return _network_step(walk, walk.header("ethernet", ETHERNET, WORDS).get("ether_type"))


def sll_step(walk: Walk) -> Step | None:
    """The header as a branch; then a frame, or what its protocol says."""
    head = walk.header("sll", SLL)
    return (
        None if head.get("hardware_type") in (DEVICE, MONITOR) else _network_step(walk, head.get("protocol"))
    )


def sll2_step(walk: Walk) -> Step | None:
    """The header as a branch; then a frame, or what its protocol says."""
    head = walk.header("sll2", SLL2)
    return (
        None if head.get("hardware_type") in (DEVICE, MONITOR) else _network_step(walk, head.get("protocol"))
    )


def _network_step(walk: Walk, kind: int | None) -> Step | None:
    """The step for an EtherType."""
    for _ in range(4):
        if kind not in TAGS:
            break
        kind = walk.header("vlan", VLAN).get("ether_type")
    if kind in RADIO_TYPES:
        return None
    if kind in (TYPE_IPV4, TYPE_IPV6):
        return ip_step
    walk.rest("payload")
    return None

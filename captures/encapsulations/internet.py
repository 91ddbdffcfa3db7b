"""Ethernet, Linux cooked and raw IP records: find the datagrams of sniffers (ZEP, TI), and frames under
their own type.

Layouts: IEEE 802.3 and 802.1Q; https://www.tcpdump.org/linktypes.html (SLL, SLL2, null, loop, raw);
RFC 791, RFC 8200, RFC 768. Strategy: each step moves all records of its kind at once to the next header;
a record that fits nowhere stays a packet.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from captures.block import Kind
from captures.encapsulations import ti_radio, zep
from captures.encapsulations.draft import JUDGED, JUDGED_NONE, Draft, Rows
from captures.files.gather import gather

__all__ = ["ethernet", "loopback", "raw_ip", "sll", "sll2"]

IPV4, IPV6 = 0x0800, 0x86DD
TAGS = (0x8100, 0x88A8, 0x9100)
RADIO_TYPES = (0x00F6, 0x809A)
"""EtherTypes of a bare IEEE 802.15.4 frame: Linux (ETH_P_IEEE802154), and the one Wireshark knows."""
MONITOR, DEVICE = 805, 804
"""ARPHRD types of Linux: IEEE 802.15.4 as heard (with FCS) and as handed up (without)."""
UDP, EXTENSIONS = 17, (0, 43, 60, 135)
Positions = npt.NDArray[np.int64]


def ethernet(draft: Draft, rows: Rows) -> None:
    """Link type 1, with any number of VLAN tags."""
    rows, at, end = _windows(draft, rows, 14)
    kind = gather(draft.block.data, at + 12, ">u2").astype(np.int64)
    _network(draft, rows, at + 14, end, kind)


def sll(draft: Draft, rows: Rows) -> None:
    """Link type 113: packet type, ARPHRD type, address length, address 8, protocol."""
    rows, at, end = _windows(draft, rows, 16)
    hardware = gather(draft.block.data, at + 2, ">u2")
    kind = gather(draft.block.data, at + 14, ">u2").astype(np.int64)
    _cooked(draft, rows, at + 16, end, kind, hardware)


def sll2(draft: Draft, rows: Rows) -> None:
    """Link type 276: protocol, reserved, interface, ARPHRD type, packet type, address length, address 8."""
    rows, at, end = _windows(draft, rows, 20)
    hardware = gather(draft.block.data, at + 8, ">u2")
    kind = gather(draft.block.data, at, ">u2").astype(np.int64)
    _cooked(draft, rows, at + 20, end, kind, hardware)


def loopback(draft: Draft, rows: Rows) -> None:
    """Link types 0 and 108: an address family of four octets in either order, then IP."""
    rows, at, end = _windows(draft, rows, 5)
    _ip(draft, rows, at + 4, end)


def raw_ip(draft: Draft, rows: Rows) -> None:
    """Link types 101, 12, 14, 228, 229."""
    rows, at, end = _windows(draft, rows, 1)
    _ip(draft, rows, at, end)


def _windows(draft: Draft, rows: Rows, need: int) -> tuple[Rows, Positions, Positions]:
    """Rows with `need` octets, their starts and ends; all are packets until more is known."""
    block = draft.block
    block.kind[rows] = Kind.PACKET
    rows = rows[block.length[rows] >= need]
    at = block.offset[rows]
    return rows, at, at + block.length[rows]


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
    ip = ((kind == IPV4) | (kind == IPV6)) & (at < end)
    _ip(draft, rows[ip], at[ip], end[ip])


def _ip(draft: Draft, rows: Rows, at: Positions, end: Positions) -> None:
    """IPv4 or IPv6, told from the version; only unfragmented UDP goes on."""
    data = draft.block.data
    version = data[at] >> 4
    four = (version == 4) & (at + 20 <= end)
    here = at[four]
    header = (data[here].astype(np.int64) & 0x0F) * 4
    total = gather(data, here + 2, ">u2").astype(np.int64)
    whole = (gather(data, here + 6, ">u2") & 0x3FFF) == 0
    good = whole & (data[here + 9] == UDP) & (header >= 20)
    stop = np.where(total >= 28, np.minimum(here + total, end[four]), end[four])
    _udp(draft, rows[four][good], (here + header)[good], stop[good])
    six = (version == 6) & (at + 40 <= end)
    _ipv6(draft, rows[six], at[six], end[six])


def _ipv6(draft: Draft, rows: Rows, at: Positions, end: Positions) -> None:
    data = draft.block.data
    following = data[at + 6].astype(np.int64)
    payload = gather(data, at + 4, ">u2").astype(np.int64)
    end = np.where(payload > 0, np.minimum(at + 40 + payload, end), end)
    at = at + 40
    for _ in range(8):
        extended = np.flatnonzero(np.isin(following, EXTENSIONS) & (at + 8 <= end))
        if not len(extended):
            break
        following[extended] = data[at[extended]]
        at[extended] += (data[at[extended] + 1].astype(np.int64) + 1) * 8
        at = np.minimum(at, end)
    good = following == UDP
    _udp(draft, rows[good], at[good], end[good])


def _udp(draft: Draft, rows: Rows, at: Positions, end: Positions) -> None:
    data = draft.block.data
    there = at + 8 <= end
    rows, at, end = rows[there], at[there], end[there]
    source, target = gather(data, at, ">u2"), gather(data, at + 2, ">u2")
    length = gather(data, at + 4, ">u2").astype(np.int64)
    end = np.where(length >= 8, np.minimum(at + length, end), end)
    at = at + 8
    ours = (source == zep.PORT) | (target == zep.PORT) | zep.headed(data, np.minimum(at, end), end)
    zep.unwrap(draft, rows[ours], at[ours], end[ours])
    theirs = ~ours & ((source == ti_radio.PORT) | (target == ti_radio.PORT))
    ti_radio.unwrap(draft, rows[theirs], at[theirs], end[theirs])

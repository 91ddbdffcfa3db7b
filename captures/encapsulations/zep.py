"""ZEP, the ZigBee Encapsulation Protocol: frames in UDP datagrams to port 17754.

Layout (all most significant octet first; facts: shared/facts/captures/report.md, 1.3):
version 1, 16 octets: "EX", 1, channel 1, device 2, mode 1, LQI 1, reserved 7, frame length 1;
versions 2 and 3, data, 32 octets: "EX", version 1, type 1 (=1), channel 1, device 2, mode 1, LQI 1,
NTP time 8, sequence number 4, reserved 10, frame length 1; acknowledgement: type 2, sequence number 4.
Mode 1: the frame ends in a real FCS; mode 0: in TI metadata. Other types carry no frame (RIOT says hello).
The RSSI octet of mode 0 is raw from some senders and in dBm from others, so it is judged for each sender.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from captures.block import Kind, TrailerKind
from captures.encapsulations.draft import JUDGED, Draft, Rows
from captures.encapsulations.walk import Step, Walk, Words
from captures.gather import gather
from captures.structure import Structure

__all__ = ["PORT", "ZEP1", "ZEP2", "ZEP_ACK", "headed", "ntp_nanoseconds", "step", "unwrap"]

PORT = 17754
HEADERS = {1: 16, 2: 32, 3: 32}
DATA, ACKNOWLEDGEMENT = 1, 2
Positions = npt.NDArray[np.int64]


def headed(data: npt.NDArray[np.uint8], at: Positions, end: Positions) -> npt.NDArray[np.bool_]:
    """Which of ``data[at:end]`` are ZEP beyond doubt: the letters, a version, and the length that is there."""
    version, kind, size = data[at + 2], data[at + 3], end - at
    data_of = (version == 1) | (np.isin(version, (2, 3)) & (kind == DATA))
    header = np.where(version == 1, 16, 32)
    last = data[np.where(size >= header, at + header - 1, at)] & 0x7F
    whole = np.where(data_of, (size > header) & (last == size - header), size == 8)
    known = data_of | (np.isin(version, (2, 3)) & (kind == ACKNOWLEDGEMENT))
    return np.asarray((data[at] == 0x45) & (data[at + 1] == 0x58) & known & whole)


def unwrap(draft: Draft, rows: Rows, at: Positions, end: Positions) -> None:
    """Take ZEP headers off the datagrams ``data[at:end]``; what is not ZEP stays a packet."""
    block, data = draft.block, draft.block.data
    block.kind[rows] = Kind.PACKET
    there = end - at >= 8
    rows, at, end = rows[there], at[there], end[there]
    ours = (data[at] == 0x45) & (data[at + 1] == 0x58)
    rows, at, end = rows[ours], at[ours], end[ours]
    version, kind = data[at + 2], data[at + 3]
    for row in rows[~np.isin(version, list(HEADERS))].tolist():
        draft.issue(row, "unknown ZEP version")
    later = (version == 2) | (version == 3)
    without = later & (kind != DATA)
    block.kind[rows[without]] = Kind.NOTHING
    _data(draft, rows[version == 1], at[version == 1], end[version == 1], 16)
    later &= kind == DATA
    _data(draft, rows[later], at[later], end[later], 32)


def _data(draft: Draft, rows: Rows, at: Positions, end: Positions, header: int) -> None:
    block, data = draft.block, draft.block.data
    short = end - at < header
    draft.nothing(rows[short], "shorter than a ZEP header")
    rows, at, end = rows[~short], at[~short], end[~short]
    first = at + (3 if header == 16 else 4)  # channel, device, mode, LQI
    block.kind[rows] = Kind.RADIO
    block.channel[rows] = data[first]
    block.page[rows] = 0
    mode = data[first + 3]
    draft.sender[rows] = _senders(data, at, first)
    block.trailer[rows] = np.where(mode == 0, TrailerKind.TI, JUDGED)
    block.lqi[rows] = data[first + 4]
    block.has_lqi[rows] = True
    told = (data[at + header - 1] & 0x7F).astype(np.int64)
    have = end - at - header
    missing = told > have
    cut = draft.wire[rows] > block.length[rows]
    for row in rows[missing & ~cut].tolist():
        draft.issue(row, "the ZEP header says more octets than are there")
    for row in rows[told < have].tolist():
        draft.issue(row, "octets after the ZEP frame")
    block.offset[rows] = at + header
    block.length[rows] = np.minimum(told, have)
    draft.wire[rows] = np.where(cut, told, block.length[rows])


def _senders(data: npt.NDArray[np.uint8], at: Positions, first: Positions) -> Positions:
    """A number for each sender: device identifier, and the IPv4 address where a UDP header of IPv4 is before it."""
    device = gather(data, first + 1, ">u2").astype(np.int64)
    address = gather(data, np.maximum(at - 16, 0), ">u4").astype(np.int64)
    return np.asarray(1 << 48 | address << 16 | device)


def ntp_nanoseconds(stamp: int) -> int:
    """Nanoseconds since 1970 of a 64-bit NTP time (RFC 5905, 6)."""
    seconds, fraction = stamp >> 32, stamp & 0xFFFF_FFFF
    return (seconds - 2_208_988_800) * 10**9 + (fraction * 10**9 >> 32)


# --- one record as a tree

ZEP1 = Structure(
    lambda c: c.Struct(
        "protocol" / c.Const(b"EX"),
        "version" / c.Const(1, c.Int8ub),
        "channel" / c.Int8ub,
        "device" / c.Int16ub,
        "mode" / c.Int8ub,
        "lqi" / c.Int8ub,
        "reserved" / c.Default(c.Bytes(7), bytes(7)),
        "frame_length" / c.Int8ub,
    )
)
ZEP2 = Structure(
    lambda c: c.Struct(
        "protocol" / c.Const(b"EX"),
        "version" / c.Default(c.Int8ub, 2),
        "type" / c.Default(c.Int8ub, 1),
        "channel" / c.Int8ub,
        "device" / c.Int16ub,
        "mode" / c.Int8ub,
        "lqi" / c.Int8ub,
        "ntp_time" / c.Int64ub,
        "sequence" / c.Int32ub,
        "reserved" / c.Default(c.Bytes(10), bytes(10)),
        "frame_length" / c.Int8ub,
    )
)
ZEP_ACK = Structure(
    lambda c: c.Struct(
        "protocol" / c.Const(b"EX"),
        "version" / c.Default(c.Int8ub, 2),
        "type" / c.Int8ub,
        "sequence" / c.Int32ub,
    )
)
WORDS: Words = {
    "mode": {0: "LQI: the frame ends in TI metadata", 1: "CRC: the frame ends in its FCS"},
    "type": {1: "data", 2: "acknowledgement", 255: "hello"},
}


def step(walk: Walk) -> Step | None:
    """The header of a datagram as a branch; what is no ZEP is octets."""
    head = walk.record[walk.at : walk.at + 4]
    declared: Structure | None = None
    if walk.end - walk.at >= 8 and head[:2] == b"EX":
        data = ZEP2 if head[3] == 1 else ZEP_ACK
        declared = {1: ZEP1, 2: data, 3: data}.get(head[2])
    if declared is None:
        walk.rest("payload", all_of_it=True)
        return None
    values = walk.header("zep", declared, WORDS)
    leaf = walk.found[-1].find("ntp_time")
    if leaf is not None:
        leaf.meaning = f"{ntp_nanoseconds(leaf.value) / 1e9:.6f} s since 1970"
    if declared is ZEP_ACK or not values:
        walk.rest("payload", all_of_it=True)
    return None

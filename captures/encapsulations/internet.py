"""IP and UDP: find the datagrams of sniffers (ZEP, TI) in packets of raw IP, and behind other link layers.

Layouts: RFC 791, RFC 8200, RFC 768; link types 101, 12, 14, 228, 229, and those with an address family before it
(0, 108: https://www.tcpdump.org/linktypes.html). Strategy: each step moves all records of its kind at once to the next
header; a record that fits nowhere stays a packet.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from captures.block import Kind
from captures.encapsulations import ti_radio, zep
from captures.encapsulations.draft import Draft, Rows
from captures.encapsulations.walk import Step, Walk, Words
from captures.gather import gather
from captures.structure import Structure

__all__ = [
    "EXTENSION", "IPV4", "IPV6", "NULL", "UDP", "Positions", "ip", "ip_step", "loopback", "loopback_step", "raw_ip",
    "windows",
]  # fmt: skip

UDP_PROTOCOL, EXTENSIONS = 17, (0, 43, 60, 135)
Positions = npt.NDArray[np.int64]


def loopback(draft: Draft, rows: Rows) -> None:
    """Link types 0 and 108: an address family of four octets in either order, then IP."""
    rows, at, end = windows(draft, rows, 5)
    ip(draft, rows, at + 4, end)


def raw_ip(draft: Draft, rows: Rows) -> None:
    """Link types 101, 12, 14, 228, 229."""
    rows, at, end = windows(draft, rows, 1)
    ip(draft, rows, at, end)


def windows(draft: Draft, rows: Rows, need: int) -> tuple[Rows, Positions, Positions]:
    """Rows with `need` octets, their starts and ends; all are packets until more is known."""
    block = draft.block
    block.kind[rows] = Kind.PACKET
    rows = rows[block.length[rows] >= need]
    at = block.offset[rows]
    return rows, at, at + block.length[rows]


def ip(draft: Draft, rows: Rows, at: Positions, end: Positions) -> None:
    """IPv4 or IPv6, told from the version; only unfragmented UDP goes on."""
    data = draft.block.data
    version = data[at] >> 4
    four = (version == 4) & (at + 20 <= end)
    here = at[four]
    header = (data[here].astype(np.int64) & 0x0F) * 4
    total = gather(data, here + 2, ">u2").astype(np.int64)
    whole = (gather(data, here + 6, ">u2") & 0x3FFF) == 0
    good = whole & (data[here + 9] == UDP_PROTOCOL) & (header >= 20)
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
    good = following == UDP_PROTOCOL
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


# --- one record as a tree

NULL = Structure(lambda c: c.Struct("family" / c.Bytes(4)))
IPV4 = Structure(
    lambda c: c.Struct(
        "version_header_length" / c.Int8ub,
        "service" / c.Int8ub,
        "total_length" / c.Int16ub,
        "identification" / c.Int16ub,
        "flags_fragment" / c.Int16ub,
        "time_to_live" / c.Int8ub,
        "protocol" / c.Int8ub,
        "checksum" / c.Int16ub,
        "source" / c.Bytes(4),
        "destination" / c.Bytes(4),
        "options" / c.Bytes(lambda context: max((context.version_header_length & 0x0F) * 4 - 20, 0)),
    )
)
IPV6 = Structure(
    lambda c: c.Struct(
        "version_class_label" / c.Int32ub,
        "payload_length" / c.Int16ub,
        "next_header" / c.Int8ub,
        "hop_limit" / c.Int8ub,
        "source" / c.Bytes(16),
        "destination" / c.Bytes(16),
    )
)
EXTENSION = Structure(
    lambda c: c.Struct(
        "next_header" / c.Int8ub,
        "length" / c.Int8ub,
        "options" / c.Bytes(lambda context: context.length * 8 + 6),
    )
)
UDP = Structure(
    lambda c: c.Struct(
        "source_port" / c.Int16ub,
        "destination_port" / c.Int16ub,
        "length" / c.Int16ub,
        "checksum" / c.Int16ub,
    )
)
WORDS: Words = {
    "protocol": {UDP_PROTOCOL: "UDP"},
    "next_header": {UDP_PROTOCOL: "UDP"},
    "destination_port": {zep.PORT: "ZEP"},
    "source_port": {zep.PORT: "ZEP"},
}


def loopback_step(walk: Walk) -> Step | None:
    """The address family as a branch; then IP."""
    return ip_step if walk.header("loopback", NULL) else None


def ip_step(walk: Walk) -> Step | None:
    """The header of either version as a branch; behind it UDP, or octets."""
    version = walk.record[walk.at] >> 4 if walk.at < walk.end else 0
    if version == 4:
        start = walk.at
        head = walk.header("ipv4", IPV4, WORDS)
        total = head.get("total_length", 0)
        if total >= 28:
            walk.end = min(walk.end, start + total)
        if head.get("protocol") == UDP_PROTOCOL and not head["flags_fragment"] & 0x3FFF:
            return udp_step
    elif version == 6:
        head = walk.header("ipv6", IPV6, WORDS)
        if head.get("payload_length"):
            walk.end = min(walk.end, walk.at + head["payload_length"])
        following = head.get("next_header")
        for _ in range(8):
            if following not in EXTENSIONS:
                break
            following = walk.header("ipv6_extension", EXTENSION).get("next_header")
        if following == UDP_PROTOCOL:
            return udp_step
    walk.rest("payload", all_of_it=True)
    return None


def udp_step(walk: Walk) -> Step | None:
    """The header as a branch; behind it ZEP, TI's header, or octets."""
    start = walk.at
    head = walk.header("udp", UDP, WORDS)
    if head.get("length", 0) >= 8:
        walk.end = min(walk.end, start + head["length"])
    ports = head.get("source_port"), head.get("destination_port")
    if zep.PORT in ports or walk.record[walk.at : walk.at + 2] == b"EX":
        return zep.step
    if ti_radio.PORT in ports and walk.end - walk.at > ti_radio.HEADER + 3:
        return ti_radio.step
    walk.rest("payload", all_of_it=True)
    return None

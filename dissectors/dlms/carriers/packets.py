"""TCP and UDP payloads of captured packets: as much of Ethernet, cooked, IP, TCP and UDP as that takes.

Source: RFC 791, 8200, 9293, 768; LINKTYPE registry of tcpdump.org (1 Ethernet, 113 and 276 Linux cooked, 0
and 108 loop-back, 12, 14, 101, 228, 229 raw IP). Fragments after the first and unknown protocols give None.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Segment", "read_packet"]

_ETHERNET, _NULL, _LOOP, _SLL, _SLL2 = 1, 0, 108, 113, 276
_RAW = (12, 14, 101, 228, 229)
_IPV4, _IPV6 = 0x0800, 0x86DD
_VLAN = (0x8100, 0x88A8, 0x9100)
_TCP, _UDP = 6, 17
_EXTENSIONS = (0, 43, 60, 135)


class Segment(NamedTuple):
    """One TCP segment or UDP datagram: endpoints as (address octets, port), payload and where it begins in the
    record, sequence and flags."""

    source: tuple[bytes, int]
    destination: tuple[bytes, int]
    payload: bytes
    sequence: int | None
    flags: int
    offset: int = 0

    @property
    def syn(self) -> bool:
        return bool(self.flags & 2)


def read_packet(record: bytes, link_type: int) -> Segment | None:
    """The TCP or UDP payload of a captured packet; None when it has none."""
    found = _network(record, link_type)
    if found is None:
        return None
    kind, at = found
    if kind == _IPV4:
        return _ipv4(record, at)
    return _ipv6(record, at) if kind == _IPV6 else None


def _network(record: bytes, link_type: int) -> tuple[int, int] | None:
    """(EtherType, offset) of the network layer."""
    if link_type == _ETHERNET:
        at = 12
        while int.from_bytes(record[at : at + 2], "big") in _VLAN:
            at += 4
        return int.from_bytes(record[at : at + 2], "big"), at + 2
    if link_type == _SLL:
        return int.from_bytes(record[14:16], "big"), 16
    if link_type == _SLL2:
        return int.from_bytes(record[:2], "big"), 20
    at = 4 if link_type in (_NULL, _LOOP) else 0
    if (at or link_type in _RAW) and len(record) > at:
        version = record[at] >> 4
        return (_IPV4 if version == 4 else _IPV6 if version == 6 else 0), at
    return None


def _ipv4(record: bytes, at: int) -> Segment | None:
    if len(record) < at + 20 or record[at] >> 4 != 4:
        return None
    header = (record[at] & 15) * 4
    total = int.from_bytes(record[at + 2 : at + 4], "big")
    end = at + total if header <= total <= len(record) - at else len(record)
    if int.from_bytes(record[at + 6 : at + 8], "big") & 0x3FFF:
        return None
    addresses = record[at + 12 : at + 16], record[at + 16 : at + 20]
    return _transport(record, at + header, end, record[at + 9], *addresses)


def _ipv6(record: bytes, at: int) -> Segment | None:
    if len(record) < at + 40 or record[at] >> 4 != 6:
        return None
    length = int.from_bytes(record[at + 4 : at + 6], "big")
    end = min(at + 40 + length, len(record)) if length else len(record)
    protocol, addresses = record[at + 6], (record[at + 8 : at + 24], record[at + 24 : at + 40])
    at += 40
    while protocol in _EXTENSIONS and at + 8 <= end:
        protocol, at = record[at], at + 8 * (record[at + 1] + 1)
    return _transport(record, at, end, protocol, *addresses)


def _transport(
    record: bytes, at: int, end: int, protocol: int, source: bytes, destination: bytes
) -> Segment | None:
    ports = [int.from_bytes(record[i : i + 2], "big") for i in (at, at + 2)]
    ends = (source, ports[0]), (destination, ports[1])
    if protocol == _UDP and at + 8 <= end:
        length = int.from_bytes(record[at + 4 : at + 6], "big")
        stop = at + length if 8 <= length <= end - at else end
        return Segment(*ends, record[at + 8 : stop], None, 0, at + 8)
    if protocol == _TCP and at + 20 <= end:
        header = (record[at + 12] >> 4) * 4
        sequence = int.from_bytes(record[at + 4 : at + 8], "big")
        payload = record[at + header : end] if header >= 20 else b""
        return Segment(*ends, payload, sequence, record[at + 13], at + header)
    return None

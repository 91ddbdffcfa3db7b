"""Frames from their header values, fast: the building form for many frames (the simulated HAN).

The layers build anything, at some 0.1 ms a layer; a simulated day has 10^5 frames of a dozen shapes. These
functions build those shapes with the same octets (a test compares the two), and secure them.

Source of all layouts: IEEE 802.15.4-2006 clause 7.2; ZigBee PRO 05-3474 clauses 2.2.5, 3.3, 4.5.
"""

from __future__ import annotations

import struct
from functools import lru_cache

from cryptography.hazmat.primitives.ciphers.aead import AESCCM

__all__ = [
    "KEY_LINK",
    "KEY_LOAD",
    "KEY_NETWORK",
    "KEY_TRANSPORT",
    "aps_ack",
    "aps_data",
    "aps_header_command",
    "mac_ack",
    "mac_beacon",
    "mac_command",
    "mac_data",
    "nwk_header",
    "secure_aps",
    "secure_nwk",
]

KEY_LINK, KEY_NETWORK, KEY_TRANSPORT, KEY_LOAD = 0, 1, 2, 3
"""Key identifiers of the auxiliary header (05-3474 table 4.31)."""

_LEVEL = 5  # ENC-MIC-32; the level bits are zero on the air (05-3474 clause 4.3.1)
_MIC = 4


@lru_cache(maxsize=256)
def _ccm(key: bytes) -> AESCCM:
    return AESCCM(key, tag_length=_MIC)


def _mac_address(value: int, extended: bool) -> bytes:
    return struct.pack("<Q" if extended else "<H", value)


def mac_data(
    seq: int,
    pan: int,
    dst: int,
    src: int,
    payload: bytes,
    *,
    ack: bool = False,
    pending: bool = False,
    dst_extended: bool = False,
    src_extended: bool = False,
) -> bytes:
    """A version 0 data frame within one PAN, without FCS."""
    fcf = 0x0041 | ack << 5 | pending << 4 | (0x0C00 if dst_extended else 0x0800)
    fcf |= 0xC000 if src_extended else 0x8000
    header = struct.pack("<HBH", fcf, seq & 0xFF, pan)
    return header + _mac_address(dst, dst_extended) + _mac_address(src, src_extended) + payload


def mac_ack(seq: int, *, pending: bool = False) -> bytes:
    """An immediate acknowledgement, without FCS."""
    return struct.pack("<HB", 0x0002 | pending << 4, seq & 0xFF)


def mac_command(
    seq: int,
    command: int,
    payload: bytes = b"",
    *,
    dst_pan: int | None = None,
    dst: int | None = None,
    src_pan: int | None = None,
    src: int | None = None,
    dst_extended: bool = False,
    src_extended: bool = False,
    ack: bool = True,
) -> bytes:
    """A MAC command; the source PAN is compressed away when it equals the destination's."""
    compressed = src is not None and dst is not None and src_pan in (None, dst_pan)
    fcf = 0x0003 | ack << 5 | compressed << 6
    body = b""
    if dst is not None and dst_pan is not None:
        fcf |= 0x0C00 if dst_extended else 0x0800
        body += struct.pack("<H", dst_pan) + _mac_address(dst, dst_extended)
    if src is not None:
        fcf |= 0xC000 if src_extended else 0x8000
        if not compressed:
            body += struct.pack("<H", src_pan or 0xFFFF)
        body += _mac_address(src, src_extended)
    return struct.pack("<HB", fcf, seq & 0xFF) + body + bytes([command]) + payload


def mac_beacon(
    seq: int,
    pan: int,
    src: int,
    epid: int,
    *,
    permit_join: bool,
    coordinator: bool,
    depth: int = 0,
    router_capacity: bool = True,
    device_capacity: bool = True,
    stack_profile: int = 2,
    update_id: int = 0,
    tx_offset: int = 0xFFFFFF,
) -> bytes:
    """A beacon with the ZigBee beacon payload (05-3474 clause 3.6.7)."""
    superframe = 0x0FFF | coordinator << 14 | permit_join << 15
    header = struct.pack("<HBHHHBB", 0x8000, seq & 0xFF, pan, src, superframe, 0, 0)
    capacity = router_capacity << 2 | (depth & 0xF) << 3 | device_capacity << 7
    payload = struct.pack("<BBBQ", 0, stack_profile | 2 << 4, capacity, epid)
    return header + payload + tx_offset.to_bytes(3, "little") + bytes([update_id])


def nwk_header(
    dst: int,
    src: int,
    seq: int,
    *,
    radius: int = 30,
    command: bool = False,
    secured: bool = True,
    dst_eui64: int | None = None,
    src_eui64: int | None = None,
    relays: tuple[int, ...] | None = None,
    relay_index: int = 0,
    discover_route: int = 0,
    end_device_initiator: bool = False,
) -> bytes:
    """The NWK header; `relays` makes a source-routed frame."""
    fcf = (1 if command else 0) | 2 << 2 | (discover_route & 3) << 6 | secured << 9
    fcf |= (relays is not None) << 10 | (dst_eui64 is not None) << 11 | (src_eui64 is not None) << 12
    fcf |= end_device_initiator << 13
    out = struct.pack("<HHHBB", fcf, dst, src, radius, seq & 0xFF)
    for address in (dst_eui64, src_eui64):
        if address is not None:
            out += struct.pack("<Q", address)
    if relays is not None:
        out += bytes([len(relays), relay_index]) + b"".join(struct.pack("<H", r) for r in relays)
    return out


def secure_nwk(
    header: bytes, payload: bytes, key: bytes, *, counter: int, source: int, key_seq: int = 0
) -> bytes:
    """Header, auxiliary header, encrypted payload and MIC under the network key."""
    control = KEY_NETWORK << 3 | 1 << 5
    aux = struct.pack("<IQB", counter, source, key_seq)
    live = bytes([control | _LEVEL])
    nonce = struct.pack("<QI", source, counter) + live
    sealed = _ccm(key).encrypt(nonce, payload, header + live + aux)
    return header + bytes([control]) + aux + sealed


def aps_data(
    cluster: int,
    profile: int,
    src_endpoint: int,
    dst_endpoint: int,
    counter: int,
    *,
    ack: bool = False,
    secured: bool = False,
    broadcast: bool = False,
    fragment: tuple[int, int] | None = None,
) -> bytes:
    """The APS header of a data frame.

    Args:
        fragment: (block number, number of blocks): the extended header; the first block carries the count.
    """
    fcf = (2 if broadcast else 0) << 2 | secured << 5 | ack << 6 | (fragment is not None) << 7
    out = struct.pack("<BBHHBB", fcf, dst_endpoint, cluster, profile, src_endpoint, counter & 0xFF)
    if fragment is not None:
        block, blocks = fragment
        out += bytes([1, blocks & 0xFF]) if block == 0 else bytes([2, block & 0xFF])
    return out


def aps_ack(
    cluster: int,
    profile: int,
    src_endpoint: int,
    dst_endpoint: int,
    counter: int,
    *,
    secured: bool = False,
    fragment: tuple[int, int] | None = None,
) -> bytes:
    """The APS header of an acknowledgement; `fragment` is (first block, acknowledgement bits)."""
    fcf = 2 | secured << 5 | (fragment is not None) << 7
    out = struct.pack("<BBHHBB", fcf, dst_endpoint, cluster, profile, src_endpoint, counter & 0xFF)
    if fragment is not None:
        block, bits = fragment
        out += bytes([1 if block == 0 else 2, block & 0xFF, bits & 0xFF])
    return out


def aps_header_command(counter: int, *, secured: bool) -> bytes:
    """The APS header of a command frame; the command identifier belongs to the payload."""
    return bytes([1 | secured << 5, counter & 0xFF])


def secure_aps(
    header: bytes,
    payload: bytes,
    key: bytes,
    *,
    counter: int,
    source: int,
    key_id: int = KEY_LINK,
    extended_nonce: bool = True,
) -> bytes:
    """Header, auxiliary header, encrypted payload and MIC.

    `key` is the key in use: the link key itself for `KEY_LINK`, its derived key for the transport and load ids.
    """
    control = key_id << 3 | extended_nonce << 5
    aux = struct.pack("<I", counter) + (struct.pack("<Q", source) if extended_nonce else b"")
    live = bytes([control | _LEVEL])
    nonce = struct.pack("<QI", source, counter) + live
    sealed = _ccm(key).encrypt(nonce, payload, header + live + aux)
    return header + bytes([control]) + aux + sealed

"""Frames of a network, sound ones and those that bombs are made of."""

import struct
from collections.abc import Callable, Iterable
from typing import NamedTuple

from dissectors.zigbee.nwk.headers import NwkHeader
from dissectors.zigbee.security.sealing import seal_nwk
from tests.captures.builders import T0, crc16, pcap

SIZE = 200_000
"""Octets of a bomb, about (of what it unfolds to)."""
ACK = b"\x02\x00\x05\x15\xe2"
NETWORK_KEY = bytes(range(16))
WELL_KNOWN = b"ZigBeeAlliance09"


class Bomb(NamedTuple):
    """A kind of bomb.

    Attributes:
        make: makes so many octets of it, about.
        times: how many times as much processor time as a sound capture of its size it may cost: near twice what
            was measured (`docs/reliability.md`).
        room: how many times its memory; more where a bomb gives many rows.
    """

    make: Callable[..., bytes]
    times: float
    room: float = 6


def numbers(octets: int, size: int) -> range:
    """As many numbers as there go pieces of so many octets into `size`."""
    return range(size // octets)


def key(number: int) -> bytes:
    return b"key %012d" % number


def data_frame(pan: int, source: int, target: int, number: int, payload: bytes) -> bytes:
    """A MAC data frame with its check sequence."""
    head = struct.pack("<HBHHH", 0x8841, number & 0xFF, pan, target, source)
    return head + payload + crc16(head + payload)


def timed(frames: Iterable[bytes]) -> bytes:
    """A pcap file of frames a few milliseconds from each other."""
    out = bytearray(pcap([])[:24])
    for number, frame in enumerate(frames):
        out += struct.pack("<IIII", T0 + number // 200, number % 200 * 5000, len(frame), len(frame)) + frame
    return bytes(out)


def nwk_header(source: int, target: int, number: int) -> NwkHeader:
    return NwkHeader(dst=target, src=source, radius=30, sequence=number & 0xFF)


def secured(
    pan: int, source: int, eui64: int, number: int, payload: bytes, key: bytes = NETWORK_KEY
) -> bytes:
    """A frame of the network layer under a network key."""
    nwk = seal_nwk(nwk_header(source, 0, number), payload, key, eui64=eui64, counter=number + 1)
    return data_frame(pan, source, 0, number, nwk)


def sound(size: int = SIZE) -> bytes:
    """Frames of a network, none of them special: what the others are held against."""
    return timed(
        secured(0x1000, 1 + number % 20, 0xA0 + number % 20, number, b"\x02\x00" + bytes(6))
        for number in numbers(75, size)
    )

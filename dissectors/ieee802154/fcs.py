"""Frame check sequences of 16 and 32 bits (IEEE 802.15.4-2015 clause 7.2.10)."""

from __future__ import annotations

import binascii

from dissectors.crypto.crc import crc16
from dissectors.model.frame import Trailer

__all__ = ["TRAILER_OCTETS", "ends_in_fcs", "fcs32"]

TRAILER_OCTETS: dict[Trailer, int] = {"absent": 0, "fcs16": 2, "fcs32": 4, "ti": 2}


def fcs32(octets: bytes) -> int:
    """The 32-bit FCS of `octets`; frames under 4 octets are padded with zeros for it."""
    return binascii.crc32(octets.ljust(4, b"\0"))


def ends_in_fcs(octets: bytes) -> bool:
    """Whether the last two octets are the frame's check sequence: one frame in 65536 is so by chance."""
    return len(octets) > 4 and crc16(octets[:-2]) == int.from_bytes(octets[-2:], "little")

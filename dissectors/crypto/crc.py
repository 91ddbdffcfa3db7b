"""CRC-16 in its kinds, bits reflected: of ITU-T (IEEE 802.15.4), X.25 (HDLC, install codes), ARC (P1 telegrams)."""

from __future__ import annotations

import binascii

__all__ = ["crc16", "crc16_arc", "crc16_x25"]

_REVERSED = bytes(int(f"{octet:08b}"[::-1], 2) for octet in range(256))


def crc16(octets: bytes, start: int = 0) -> int:
    """Generator x^16 + x^12 + x^5 + 1, no final inversion; `start` reads the same from both ends.

    >>> hex(crc16(bytes.fromhex("02 00 6a")))
    '0x79e4'
    """
    # The C library's CRC runs most significant bit first: reflect every octet, and the result.
    high, low = divmod(binascii.crc_hqx(octets.translate(_REVERSED), start), 256)
    return _REVERSED[low] << 8 | _REVERSED[high]


def crc16_x25(octets: bytes) -> int:
    """The same from ones, inverted at the end (ISO/IEC 13239).

    >>> hex(crc16_x25(b"123456789"))
    '0x906e'
    """
    return crc16(octets, 0xFFFF) ^ 0xFFFF


def crc16_arc(octets: bytes) -> int:
    """Generator x^16 + x^15 + x^2 + 1, from zero, no final inversion.

    >>> hex(crc16_arc(b"123456789"))
    '0xbb3d'
    """
    crc = 0
    for octet in octets:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc

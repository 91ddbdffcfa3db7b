"""Frame check sequences, and the trailer that TI CC24xx radios put in their place.

Sources: IEEE 802.15.4-2015 clause 7.2.10 (16- and 32-bit FCS); TI CC2420/CC2531 data sheets (RSSI, then CRC
verdict in bit 7 and correlation in bits 0 to 6).
"""

from __future__ import annotations

import binascii

from dissectors.frame import Trailer
from dissectors.layer import Bits, Layer, UInt, Word

__all__ = ["TRAILER_OCTETS", "Fcs16", "Fcs32", "TiTrailer", "fcs16", "fcs32", "trailer_layer"]

TRAILER_OCTETS: dict[Trailer, int] = {"absent": 0, "fcs16": 2, "fcs32": 4, "ti": 2}
_REVERSED = bytes(int(f"{octet:08b}"[::-1], 2) for octet in range(256))


def fcs16(octets: bytes) -> int:
    """The 16-bit FCS of `octets`: CRC-16 of ITU-T, reflected, starting at 0.

    >>> hex(fcs16(bytes.fromhex("02 00 6a")))
    '0x79e4'
    """
    # The C library's CRC runs most significant bit first: reflect every octet, and the result.
    high, low = divmod(binascii.crc_hqx(octets.translate(_REVERSED), 0), 256)
    return _REVERSED[low] << 8 | _REVERSED[high]


def fcs32(octets: bytes) -> int:
    """The 32-bit FCS of `octets`; frames under 4 octets are padded with zeros for it."""
    return binascii.crc32(octets.ljust(4, b"\0"))


class Fcs16(Layer):
    name = "FCS"
    title = "trailer"
    fields_desc = [UInt("fcs", 0, 2)]


class Fcs32(Layer):
    name = "FCS"
    title = "trailer"
    fields_desc = [UInt("fcs", 0, 4)]


class TiTrailer(Layer):
    """RSSI as the register has it (dBm + 73, about), then the CRC verdict and the correlation."""

    name = "TI CC24xx"
    title = "trailer"
    fields_desc = [
        UInt(
            "rssi",
            0,
            1,
            signed=True,
            names=lambda v: f"{v - 73} dBm, unless the software has subtracted 73 already",
        ),
        Word("status", 0x80, 1, (Bits("crc_ok", 7, 1, {0: "bad", 1: "good"}), Bits("correlation", 0, 7))),
    ]


def trailer_layer(kind: Trailer) -> type[Layer] | None:
    """The layer that reads a trailer of this kind."""
    layers: dict[Trailer, type[Layer]] = {"fcs16": Fcs16, "fcs32": Fcs32, "ti": TiTrailer}
    return layers.get(kind)

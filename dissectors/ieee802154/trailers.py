"""What may follow a frame: its check sequence, or what TI CC24xx radios put in its place.

Sources: IEEE 802.15.4-2015 clause 7.2.10 (16- and 32-bit FCS); TI CC2420/CC2531 data sheets (RSSI, then CRC
verdict in bit 7 and correlation in bits 0 to 6).
"""

from __future__ import annotations

from dissectors.layout import Bits, Layer, UInt, Word
from dissectors.model.frame import Trailer

__all__ = ["Fcs16", "Fcs32", "TiTrailer", "trailer_layer"]


class Fcs16(Layer):
    name = "FCS"
    title = "trailer"
    parts = [UInt("fcs", 0, 2)]


class Fcs32(Layer):
    name = "FCS"
    title = "trailer"
    parts = [UInt("fcs", 0, 4)]


class TiTrailer(Layer):
    """RSSI as the register has it (dBm + 73, about), then the CRC verdict and the correlation."""

    name = "TI CC24xx"
    title = "trailer"
    parts = [
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

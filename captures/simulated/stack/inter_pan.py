"""Inter-PAN frames (ZSE 1.2 annex B): from radio to radio, without a network between them."""

from __future__ import annotations

import struct

from captures.simulated.stack.network import Station

__all__ = ["inter_pan"]

STUB_NWK = 0x000B
TO_ALL, TO_ONE = 0x0B, 0x03


def inter_pan(
    sender: Station, cluster: int, profile: int, asdu: bytes, destination: int | None = None
) -> bytes:
    """An inter-PAN frame: stub NWK and APS headers, PAN-to-PAN addressing.

    Args:
        destination: an EUI-64; to all when None.
    """
    delivery = TO_ALL if destination is None else TO_ONE
    npdu = struct.pack("<HBHH", STUB_NWK, delivery, cluster, profile) + asdu
    seq, pan = sender.next_mac(), sender.han.pan
    if destination is None:
        head = struct.pack("<HBHHHQ", 0xC801, seq, 0xFFFF, 0xFFFF, pan, sender.eui64)
    else:
        head = struct.pack("<HBHQHQ", 0xCC21, seq, 0xFFFF, destination, pan, sender.eui64)
    return head + npdu

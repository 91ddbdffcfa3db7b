"""Builds MAC frames: with their trailer, and secured ones.

Source: IEEE 802.15.4-2015 clauses 7.2.10 (FCS), 9.3.1 (outgoing frame security).
"""

from __future__ import annotations

from dissectors.crypto.crc import crc16
from dissectors.ieee802154.fcs import fcs32
from dissectors.ieee802154.headers import AuxSecurity, MacHeader
from dissectors.ieee802154.security import seal_mac
from dissectors.model.frame import Trailer

__all__ = ["build_frame", "seal_frame"]


def build_frame(
    header: MacHeader, payload: bytes = b"", trailer: Trailer = "fcs16", rssi: int = -60
) -> bytes:
    """A frame with its trailer; `rssi` in dBm goes into a TI trailer."""
    return with_trailer(bytes(header) + payload, trailer, rssi)


def with_trailer(frame: bytes, trailer: Trailer, rssi: int = -60) -> bytes:
    """`frame` and the trailer that a radio adds."""
    if trailer == "fcs16":
        return frame + crc16(frame).to_bytes(2, "little")
    if trailer == "fcs32":
        return frame + fcs32(frame).to_bytes(4, "little")
    if trailer == "ti":
        return frame + (rssi + 73).to_bytes(1, "little", signed=True) + b"\xe9"
    return frame


def seal_frame(
    header: MacHeader,
    aux: AuxSecurity,
    key: bytes,
    eui64: int,
    *,
    open_part: bytes = b"",
    payload: bytes = b"",
    trailer: Trailer = "fcs16",
) -> bytes:
    """A MAC frame secured at the level of `aux`.

    Args:
        open_part: header IEs; in versions 0 and 1 beacon fields or the command identifier.
        payload: the private payload, enciphered from level 4 on.
    """
    header.set_bits("security_enabled", 1)
    front = bytes(header) + bytes(aux) + open_part
    sealed, mic = seal_mac(key, eui64, aux.frame_counter, aux.bit("level"), front, payload)
    return with_trailer(front + sealed + mic, trailer)

"""Opens and seals MAC frames: CCM* at all security levels.

The nonce is the sender's EUI-64 and the frame counter, most significant octet first, and the level
(IEEE 802.15.4-2015 clause 9.3.3.2); the authenticated part is everything in front of the private payload.
"""

from __future__ import annotations

from dissectors.zigbee.crypto import ccm_open, ccm_seal

__all__ = ["mac_nonce", "open_mac", "seal_mac"]

MIC_OCTETS = (0, 4, 8, 16)


def mac_nonce(eui64: int, counter: int, level: int) -> bytes:
    """The 13 octets that make a MAC frame's key stream unique."""
    return eui64.to_bytes(8, "big") + counter.to_bytes(4, "big") + bytes([level])


def open_mac(
    key: bytes, eui64: int, counter: int, level: int, header: bytes, payload: bytes, mic: bytes
) -> bytes | None:
    """The private payload in clear; None when the integrity code does not match.

    `header` is all that is in front of the private payload. Level 4 has no integrity code: the result is
    then what this key makes of the octets, whether or not it is the right key.
    """
    nonce = mac_nonce(eui64, counter, level)
    if level < 4:
        return payload if ccm_open(key, nonce, header + payload, b"", mic) is not None else None
    return ccm_open(key, nonce, header, payload, mic)


def seal_mac(
    key: bytes, eui64: int, counter: int, level: int, header: bytes, payload: bytes
) -> tuple[bytes, bytes]:
    """Private payload as it goes on the air, and its integrity code."""
    nonce = mac_nonce(eui64, counter, level)
    size = MIC_OCTETS[level & 3]
    if level < 4:
        return payload, ccm_seal(key, nonce, header + payload, b"", size)[1]
    return ccm_seal(key, nonce, header, payload, size)

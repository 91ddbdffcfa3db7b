"""Builds secured NWK and APS frames: what `network` and `application` open.

Sources: ZigBee 05-3474 R22 clauses 4.3.1.1 (NWK), 4.4.1.1 (APS), 4.5 (auxiliary header, nonce). The security
level is 5; its bits are 0 on the air.
"""

from __future__ import annotations

from dissectors.crypto.ccm import ccm_seal
from dissectors.zigbee.aps.headers import ApsHeader
from dissectors.zigbee.nwk.headers import AuxHeader, NwkHeader
from dissectors.zigbee.security.candidates import DERIVED, KEY_IDS
from dissectors.zigbee.security.opening import DEFAULT_LEVEL, LEVEL_MIC_OCTETS

__all__ = ["seal_aps", "seal_nwk"]


def seal_nwk(
    header: NwkHeader, payload: bytes, key: bytes, *, eui64: int, counter: int, key_sequence: int = 0
) -> bytes:
    """A NWK frame under a network key; `eui64` is the sender of this hop. Sets the header's security bit."""
    header.set_bits("security", 1)
    aux = AuxHeader(
        level=0,
        key_id=KEY_IDS.index("network"),
        extended_nonce=1,
        frame_counter=counter,
        source=eui64,
        key_sequence=key_sequence,
    )
    return seal(bytes(header), aux, payload, key, eui64)


def seal_aps(
    header: ApsHeader,
    payload: bytes,
    key: bytes,
    *,
    key_id: str,
    eui64: int,
    counter: int,
    extended_nonce: bool = True,
    key_sequence: int = 0,
) -> bytes:
    """An APS frame under `key`, a link key or (key_id "network") a network key.

    Args:
        key_id: link, network, key-transport or key-load; for the last two `key` is the link key that they are
            derived from.
        extended_nonce: whether the sender's EUI-64 is sent along.
    """
    header.set_bits("security", 1)
    kind = KEY_IDS.index(key_id)
    derive = DERIVED.get(kind)
    aux = AuxHeader(level=0, key_id=kind, extended_nonce=int(extended_nonce), frame_counter=counter)
    aux.source = eui64
    aux.key_sequence = key_sequence
    return seal(bytes(header), aux, payload, derive(key) if derive else key, eui64)


def seal(header: bytes, aux: AuxHeader, payload: bytes, key: bytes, eui64: int) -> bytes:
    """Header, auxiliary header, enciphered payload and integrity code."""
    on_air = bytes(aux)
    used = bytes([on_air[0] & 0xF8 | DEFAULT_LEVEL]) + on_air[1:]
    nonce = eui64.to_bytes(8, "little") + aux.frame_counter.to_bytes(4, "little") + used[:1]
    sealed, mic = ccm_seal(key, nonce, header + used, payload, LEVEL_MIC_OCTETS[DEFAULT_LEVEL & 3])
    return header + on_air + sealed + mic

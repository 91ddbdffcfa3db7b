"""Opens and seals MAC frames: CCM* at all security levels, with given MAC keys and those of Thread networks.

The nonce is the sender's EUI-64 and the frame counter, most significant octet first, and the level
(IEEE 802.15.4-2015 clause 9.3.3.2); the authenticated part is everything in front of the private payload.
Thread 1.x clauses 7.1.4 (keys of the MAC and of mesh link establishment) and 7.2.2.2 (key index).
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from dissectors.crypto.ccm import ccm_open, ccm_seal
from dissectors.model.context import HanContext
from dissectors.model.keyring import Key, Keyring
from dissectors.security.candidates import Candidates, Unidentified

__all__ = [
    "UNKNOWN_SENDER",
    "UNKNOWN_SLOT",
    "MacCandidates",
    "mac_candidates",
    "mac_keys",
    "mac_nonce",
    "open_mac",
    "seal_mac",
    "thread_keys",
]

MIC_OCTETS = (0, 4, 8, 16)
KEY_INDICES = 128
"""A key index is one more than the key sequence counter modulo this."""


@lru_cache(maxsize=256)
def thread_keys(network_key: bytes, sequence: int) -> tuple[bytes, bytes]:
    """The keys of mesh link establishment and of the MAC while the key sequence counter is `sequence`.

    >>> mle, mac = thread_keys(bytes.fromhex("00112233445566778899aabbccddeeff"), 0)
    >>> mle.hex(), mac.hex()
    ('5445f4158fd75912175809f8b57a66a4', 'de89c53af382b421e0fde5a9bae3bef0')
    """
    made = hmac.digest(network_key, sequence.to_bytes(4, "big") + b"Thread", "sha256")
    return made[:16], made[16:]


def mac_keys(keyring: Keyring, index: int | None) -> Iterator[Key]:
    """Keys that may open a MAC frame with this key index (None: it names no key): MAC keys that were given, then
    those of Thread networks, at the key sequence counter that the index stands for nearest to the one given."""
    yield from keyring.of_kind("mac")
    if index is None or not 1 <= index <= KEY_INDICES:
        return
    for key in keyring.of_kind("thread"):
        given, half = key.sequence or 0, KEY_INDICES // 2
        sequence = given + (index - 1 - given + half) % KEY_INDICES - half
        if sequence < 0:
            sequence += KEY_INDICES
        if sequence < 1 << 32:
            yield replace(key, kind="mac", value=thread_keys(key.value, sequence)[1], sequence=sequence)


@dataclass(frozen=True, slots=True)
class MacCandidates(Candidates):
    """Keys that may open the MAC frames of a sender."""

    def reason(self, context: HanContext, at_fault: bool) -> str:
        if not self.keys:
            return "no MAC key is held"
        if at_fault:
            return "the MAC key of this sender is held, but the integrity code does not match"
        return f"none of the {len(self.keys)} MAC keys that are held opens it: its key is missing"


UNKNOWN_SENDER = Unidentified(
    (),
    text="the sender's EUI-64 is unknown, so the MAC nonce cannot be built: say whose its short address is "
    "([[device]] with eui64, short and pan)",
)
UNKNOWN_SLOT = Unidentified(
    (), text="the network's absolute slot number (ASN) is unknown, so the MAC nonce cannot be built"
)


def mac_candidates(keyring: Keyring, index: int | None, pan: int | None, eui64: int | None) -> MacCandidates:
    """The keys that may open MAC frames of `eui64` on `pan` with this key index."""
    keys = tuple(mac_keys(keyring, index))
    values = tuple(key.value for key in keys)
    own = any(key.pan is not None and key.pan == pan for key in keys)
    return MacCandidates(("mac", pan, eui64), keys, values, frozenset(values), own)


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

"""Which keys may open a ZigBee frame, in which order, and which have proved to be right.

Sources: ZigBee 05-3474 R22 clauses 4.3.1.2 (NWK), 4.4.1.2 and 4.5.3 (APS); Smart Energy 07-5356 annex E.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dissectors.context import HanContext
from dissectors.crypto.ccm import ccm_open
from dissectors.key_proofs import KeyProofs
from dissectors.keyring import Key
from dissectors.zigbee.link_keys import key_load_key, key_transport_key
from dissectors.zigbee.nwk import AuxHeader
from dissectors.zigbee.proofs import WELL_KNOWN, install_code_keys

__all__ = [
    "KEY_IDS",
    "NETWORK",
    "WELL_KNOWN",
    "Guesses",
    "KeyProofs",
    "OpenedFrame",
    "aps_keys",
    "install_code_keys",
    "open_sealed",
]

KEY_IDS = ("link", "network", "key-transport", "key-load")
LINK, NETWORK, KEY_TRANSPORT, KEY_LOAD = range(4)
DEFAULT_LEVEL = 5
MOST_GUESSES = 1 << 16
MIC_OCTETS = (0, 4, 8, 16)
DERIVED = {KEY_TRANSPORT: key_transport_key, KEY_LOAD: key_load_key}


@dataclass(slots=True)
class OpenedFrame:
    """A payload in clear, the key that opened it, and the security level that fitted."""

    clear: bytes
    key: Key
    level: int


def aps_keys(
    context: HanContext,
    key_id: int,
    pan: int | None,
    source: int | None,
    destination: int | None,
    command: bool,
) -> Iterator[tuple[Key, bytes]]:
    """Keys that may open an APS frame, with the 16 octets that go into the cipher.

    The well-known link key is tried for APS commands only: it is what a join without secrets uses.
    """
    if key_id == NETWORK:
        for key in context.keyring.network_keys(pan, None):
            yield key, key.value
        return
    derive = DERIVED.get(key_id)
    seen: set[bytes] = set()
    candidates = [
        *context.keyring.link_keys(source, destination),
        *install_code_keys(context.keyring, source, destination),
    ]
    if command:
        candidates.append(WELL_KNOWN)
    for key in candidates:
        if key.value not in seen:
            seen.add(key.value)
            yield key, derive(key.value) if derive else key.value


@dataclass(slots=True, eq=False, repr=False)
class Guesses:
    """How many more senders may be guessed: keeps the work of a long capture within bounds (in the context)."""

    left: int = MOST_GUESSES


def levels_of(aux: AuxHeader) -> tuple[int, ...]:
    """The security levels to try: 5, which the level bits 0 stand for, then what the bits say."""
    level = aux.bit("level")
    return (DEFAULT_LEVEL,) if level in (0, 4, DEFAULT_LEVEL) else (DEFAULT_LEVEL, level)


def open_sealed(
    keys: Iterator[tuple[Key, bytes]], source: int, aux: AuxHeader, header_at: int, data: bytes, end: int
) -> tuple[OpenedFrame | None, list[Key]]:
    """Open what follows `aux` in `data` up to `end`; the header begins at `header_at`.

    Returns what was opened, or None, and the keys that were tried.
    """
    tried = []
    payload_at, control_at = aux.end, aux.start
    prefix, rest = data[header_at:control_at], data[control_at + 1 : payload_at]
    nonce = source.to_bytes(8, "little") + aux.frame_counter.to_bytes(4, "little")
    for key, value in keys:
        tried.append(key)
        for level in levels_of(aux):
            split = end - MIC_OCTETS[level & 3]
            if split < payload_at:
                continue
            control = bytes([aux.security_control & 0xF8 | level])
            header = prefix + control + rest
            payload, mic = data[payload_at:split], data[split:end]
            if level < 4:
                clear = ccm_open(value, nonce + control, header + payload, b"", mic)
                clear = None if clear is None else payload
            else:
                clear = ccm_open(value, nonce + control, header, payload, mic)
            if clear is not None:
                return OpenedFrame(clear, key, level), tried
    return None, tried

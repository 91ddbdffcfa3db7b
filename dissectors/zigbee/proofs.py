"""Link keys of install codes, how the keys of pairs are called, and why a frame stays shut; for both paths."""

from __future__ import annotations

from collections.abc import Iterator

from dissectors.context import HanContext
from dissectors.errors import Malformed
from dissectors.key_proofs import KeyChanges
from dissectors.keyring import Key, Keyring
from dissectors.zigbee.link_keys import WELL_KNOWN_LINK_KEY, install_code_key

__all__ = [
    "WELL_KNOWN",
    "install_code_keys",
    "link_reason",
    "network_reason",
    "pair_name",
    "paired_senders",
    "peer_of",
]

CODE_DOES_NOT_MATCH = "the integrity code does not match"
WELL_KNOWN = Key("link", WELL_KNOWN_LINK_KEY, origin="well-known")
"""What a join without secrets uses; it is tried whether or not it was given."""
LATEST = 1 << 63
"""Later than every frame."""
UNKNOWN_HOP = "the sender's EUI-64 is unknown, so the NWK nonce cannot be built"
UNKNOWN_SOURCE = (
    "the EUI-64 of the NWK source is unknown, so the APS nonce cannot be built: say whose its short address is "
    "([[device]] with eui64, short and pan)"
)

PairName = tuple[tuple[int, ...], int, int]
"""EUI-64s of a pair of devices, key identifier, and the frame that gave the pair its present link key (0: none)."""


def pair_name(
    context: HanContext, source: int | None, destination: int | None, key_id: int, frame: int = LATEST
) -> PairName:
    """What `KeyProofs` calls the link key of two devices at the time of `frame`: the same in both directions."""
    ends = tuple(sorted({one for one in (source, destination) if one is not None}))
    return ends, key_id, context.state(KeyChanges).before(ends, frame or LATEST)


def install_code_keys(keyring: Keyring, *devices: int | None) -> Iterator[Key]:
    """Link keys of the install codes of these devices (of all, where none is named); codes with a wrong CRC give none."""
    for code in keyring.install_codes:
        if devices and code.device is not None and None not in devices and code.device not in devices:
            continue
        try:
            value = install_code_key(code.code)
        except Malformed:
            continue
        yield Key("link", value, origin=code.origin)


def paired_senders(keyring: Keyring, receiver: int | None) -> Iterator[tuple[int, int]]:
    """The devices that may have sent a frame to `receiver`, each with its partner, as link keys name pairs."""
    pairs = {k.devices for k in keyring.keys if k.kind == "link" and k.devices is not None}
    for pair in sorted(pairs):
        for sender, partner in (pair, pair[::-1]):
            if receiver in (None, partner):
                yield sender, partner


def peer_of(key: Key, source: int, receiver: int | None, short: int | None) -> int:
    """Who shares the outgoing APS counter of `source` with it: the other device of the key's pair, else the
    receiver, by EUI-64 where known (05-3474 R22 clause 4.4.1.1: counters belong to a key-pair descriptor)."""
    if key.devices is not None and source in key.devices:
        return key.devices[source == key.devices[0]]
    return receiver if receiver is not None else short or 0


def network_reason(pan: int | None, sequence: int | None, tried: int, own: bool) -> str:
    """Why a NWK frame stays shut; `own`: one of the keys `tried` is surely of this network."""
    place = f"PAN 0x{pan:04x}" if pan is not None else "a PAN without identifier"
    wanted = place if sequence is None else f"{place} with sequence number {sequence}"
    if own:
        return f"a network key of {wanted} is held, but the integrity code does not match"
    if not tried:
        return f"no network key of {wanted} is held"
    return f"none of the {tried} network keys that are held opens it: the key of {wanted} is missing"


def link_reason(key_id: str, tried: int, proven: bool, change: str, paired: bool) -> str:
    """Why an APS frame stays shut.

    Args:
        key_id: name of the key that it wants.
        tried: how many keys were tried.
        proven: one of them has opened frames of this pair of devices.
        change: the key establishment that this pair made since (`KeyChanges.description_of`); empty: none was seen.
        paired: one of them was given or learnt for this very pair.
    """
    if proven:
        return f"the {key_id} key of this pair of devices is held, but the integrity code does not match"
    if change:
        return (
            f"{change} made a new link key, which is not held: give it ([[link_key]]), or the private scalars "
            "of one of the two devices ([[cbke]])"
        )
    held = f"none of the {tried} keys that are held opens it" if tried else "none is held"
    if paired:
        held += "; the one that is held for this pair is not the one in use"
    return f"the {key_id} key between the two devices is missing: {held}"

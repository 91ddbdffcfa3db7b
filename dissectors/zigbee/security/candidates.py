"""Keys that may open NWK and APS frames, and why those that none of them opens stay shut; for one frame and for many.

Sources: ZigBee 05-3474 R22 clauses 4.3.1.2 (NWK), 4.4.1.2 and 4.5.3 (APS); Smart Energy 07-5356 annex E.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from dissectors.model.context import HanContext
from dissectors.model.errors import Malformed
from dissectors.model.keyring import Key, Keyring
from dissectors.security.candidates import Candidates, Unidentified
from dissectors.security.key_proofs import KeyChanges
from dissectors.zigbee.security.link_keys import (
    WELL_KNOWN_LINK_KEY,
    install_code_key,
    key_load_key,
    key_transport_key,
)

__all__ = [
    "DERIVED",
    "KEY_IDS",
    "LINK",
    "NETWORK",
    "UNKNOWN_HOP",
    "UNKNOWN_SOURCE",
    "WELL_KNOWN",
    "KnownCandidates",
    "LinkCandidates",
    "NetworkCandidates",
    "install_code_keys",
    "paired_senders",
    "peer_of",
]

KEY_IDS = ("link", "network", "key-transport", "key-load")
LINK, NETWORK, KEY_TRANSPORT, KEY_LOAD = range(4)
DERIVED = {KEY_TRANSPORT: key_transport_key, KEY_LOAD: key_load_key}
WELL_KNOWN = Key("link", WELL_KNOWN_LINK_KEY, origin="well-known")
"""What a join without secrets uses; it is tried whether or not it was given."""
LATEST = 1 << 63
"""Later than every frame."""
UNNAMED = -1
"""Stands for PANs and sequence numbers that no key names."""
KEPT = 1 << 16
"""Networks and pairs whose candidates are kept."""

UNKNOWN_HOP = Unidentified(("nwk",), text="the sender's EUI-64 is unknown, so the NWK nonce cannot be built")
UNKNOWN_SOURCE = Unidentified(
    ("aps",),
    text="the EUI-64 of the NWK source is unknown, so the APS nonce cannot be built: say whose its short address is "
    "([[device]] with eui64, short and pan)",
)


@dataclass(frozen=True, slots=True)
class NetworkCandidates(Candidates):
    """Keys of a network; their name is PAN and key sequence number."""

    def reason(self, context: HanContext, at_fault: bool) -> str:
        pan, sequence = self.name
        place = f"PAN 0x{pan:04x}" if pan is not None else "a PAN without identifier"
        wanted = place if sequence is None else f"{place} with sequence number {sequence}"
        if at_fault:
            return f"a network key of {wanted} is held, but the integrity code does not match"
        if not self.keys:
            return f"no network key of {wanted} is held"
        return f"none of the {len(self.keys)} network keys that are held opens it: the key of {wanted} is missing"


@dataclass(frozen=True, slots=True)
class LinkCandidates(Candidates):
    """Keys of a pair of devices.

    Their name is the same in both directions: EUI-64s of the pair, key identifier, and the frame that gave the pair
    its present link key (0: none). A key that was given for the pair is but one candidate.
    """

    def reason(self, context: HanContext, at_fault: bool) -> str:
        ends, key_id, change = self.name
        wanted = KEY_IDS[key_id]
        if at_fault:
            return f"the {wanted} key of this pair of devices is held, but the integrity code does not match"
        made = context.state(KeyChanges).description_of(ends, change)
        if made:
            return (
                f"{made} made a new link key, which is not held: give it ([[link_key]]), or the private scalars "
                "of one of the two devices ([[cbke]])"
            )
        tried = len(self.keys)
        held = f"none of the {tried} keys that are held opens it" if tried else "none is held"
        if any(key.devices is not None and set(key.devices) == set(ends) for key in self.keys):
            held += "; the one that is held for this pair is not the one in use"
        return f"the {wanted} key between the two devices is missing: {held}"


_Keys = tuple[tuple[Key, ...], tuple[bytes, ...], frozenset[bytes], bool]
_LinkKeys = tuple[tuple[Key, ...], tuple[bytes, ...], frozenset[bytes]]


@dataclass(slots=True, eq=False, repr=False)
class KnownCandidates:
    """The candidates of networks and pairs, kept as long as no key is learnt (in the context).

    Attributes:
        named: the PANs and sequence numbers that network keys name.
        shared: the keys for networks that are named, or not.
        unnamed: the keys for pairs whose devices no key names.
    """

    revision: tuple[int, ...] = ()
    found: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    named: tuple[set[int | None], set[int | None]] | None = None
    shared: dict[tuple[int | None, int | None], _Keys] = field(default_factory=dict)
    unnamed: dict[tuple[int, int | None, bool], _LinkKeys] = field(default_factory=dict)

    def network(self, context: HanContext, pan: int | None, sequence: int | None) -> NetworkCandidates:
        """The keys that may open NWK frames of `pan` with this key sequence number."""
        self._forget(context.keyring)
        name = (pan, sequence)
        found: NetworkCandidates | None = self.found.get(name)
        if found is None:
            found = self.found[name] = NetworkCandidates(
                name, *self._network_keys(context.keyring, pan, sequence)
            )
        return found

    def _network_keys(self, ring: Keyring, pan: int | None, sequence: int | None) -> _Keys:
        """What the candidates of networks have besides their name: the same of all that no key names."""
        if not self.named:
            held = list(ring.of_kind("network"))
            self.named = {key.pan for key in held}, {key.sequence for key in held}
        kind = (pan if pan in self.named[0] else UNNAMED, sequence if sequence in self.named[1] else UNNAMED)
        found: _Keys | None = self.shared.get(kind)
        if found is None:
            keys = tuple(ring.network_keys(pan, sequence))
            fitting = [key for key in keys if key.sequence in (None, sequence)]
            own = any(key.pan == pan for key in fitting)
            values = tuple(key.value for key in keys)
            found = self.shared[kind] = keys, values, frozenset(key.value for key in fitting), own
        return found

    def link(
        self,
        context: HanContext,
        source: int,
        destination: int | None,
        key_id: int = LINK,
        pan: int | None = None,
        *,
        command: bool = False,
        frame: int = LATEST,
    ) -> LinkCandidates:
        """The keys that may open APS frames between two devices, with this key identifier, at the time of `frame`.

        The well-known link key is tried for APS commands only: it is what a join without secrets uses.
        """
        self._forget(context.keyring)
        ends = tuple(sorted({one for one in (source, destination) if one is not None}))
        change = context.state(KeyChanges).before(ends, frame or LATEST)
        place = (source, destination, key_id, pan if key_id == NETWORK else None, command, change)
        found: LinkCandidates | None = self.found.get(place)
        if found is None:
            kind = key_id, place[3], command
            named = context.keyring.names_device(source, destination)
            held = None if named else self.unnamed.get(kind)
            if held is None:
                held = _link_keys(context.keyring, source, destination, *kind)
                if not named:
                    self.unnamed[kind] = held
            found = self.found[place] = LinkCandidates((ends, key_id, change), *held)
        return found

    def _forget(self, ring: Keyring) -> None:
        """Start again when the keyring has changed."""
        revision = (id(ring), ring.revision, len(ring.keys), len(ring.install_codes))
        if revision != self.revision or len(self.found) > KEPT:
            self.found.clear()
            self.shared.clear()
            self.unnamed.clear()
            self.named = None
            self.revision = revision


def _distinct(keys: Iterable[Key]) -> list[Key]:
    """The first key of each value."""
    found: dict[bytes, Key] = {}
    for key in keys:
        found.setdefault(key.value, key)
    return list(found.values())


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


def _link_keys(
    ring: Keyring, source: int, destination: int | None, key_id: int, pan: int | None, command: bool
) -> _LinkKeys:
    """What the candidates of a pair have besides their name."""
    if key_id == NETWORK:
        keys = list(ring.network_keys(pan, None))
    else:
        given = [*ring.link_keys(source, destination), *install_code_keys(ring, source, destination)]
        keys = _distinct([*given, WELL_KNOWN] if command else given)
    derive = DERIVED.get(key_id)
    ciphers = tuple(derive(key.value) if derive else key.value for key in keys)
    return tuple(keys), ciphers, frozenset(key.value for key in keys)

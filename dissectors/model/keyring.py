"""Keys in memory, and how to find the right one. Never reads a file, never shows a key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

__all__ = ["CbkeScalars", "DeviceName", "DlmsKeys", "InstallCode", "Key", "KeyKind", "Keyring"]

# ZigBee 05-3474 4.4.3: default trust centre link key of the home automation profiles, published.
DEFAULT_LINK_KEY = b"ZigBeeAlliance09"

MOST_TRIED = 32
"""Of the keys that a capture itself brought and that fit a frame equally well, so many of the first and so many of
the last are tried on it; further ones only cost time."""

KeyKind = Literal["network", "link", "mac", "thread", "green-power"]


@dataclass(frozen=True, slots=True)
class Key:
    """One AES-128 key of the home area network.

    Attributes:
        kind: network key, link key (also trust centre and application link keys), IEEE 802.15.4 MAC key, network
            key of a Thread network, or key of Green Power devices (shared or of one device).
        value: 16 octets; never in `repr`.
        origin: where it came from, for people: ``"keys.toml"``, ``"well-known"``, ``"capture secrets"``,
            ``"Transport-Key in frame 151"``, ``"install code"``, ``"CBKE in frame 88"``.
        pan: PAN ID that it is for; None for any.
        sequence: network key sequence number, or key sequence counter of Thread; None for any.
        devices: the pair of EUI-64s that share a link key; None for any.
        first_frame: frame number in which it was learnt; None if it was given.
        source_id: SrcID of the Green Power device that it is for; None for any.
    """

    kind: KeyKind
    value: bytes = field(repr=False)
    origin: str = "keys.toml"
    pan: int | None = None
    sequence: int | None = None
    devices: tuple[int, int] | None = None
    first_frame: int | None = None
    source_id: int | None = None

    def __post_init__(self) -> None:
        if len(self.value) != 16:
            raise ValueError(f"a {self.kind} key has 16 octets, this one has {len(self.value)}")
        if self.value == DEFAULT_LINK_KEY and not self.origin.startswith("well-known"):
            # Whoever gave it: a key that everybody knows must be seen as such where it opens a frame.
            object.__setattr__(self, "origin", f"well-known ({self.origin})")

    @property
    def brought(self) -> bool:
        """Whether the capture itself brought it: any number of them may come."""
        return self.first_frame is not None or self.origin == "capture secrets"

    def serves_as(self, other: Key) -> bool:
        """Whether this key opens all that `other` does: the same octets, for at least the same frames."""
        if self.kind != other.kind or self.value != other.value:
            return False
        if self.pan not in (None, other.pan) or self.sequence not in (None, other.sequence):
            return False
        return self.devices is None or set(self.devices) == set(other.devices or ())


@dataclass(frozen=True, slots=True)
class InstallCode:
    """An install code with its CRC, as printed on a device (ZSE annex E), and the device's EUI-64.

    `origin` is that of the link key that is made from it.
    """

    code: bytes = field(repr=False)
    device: int | None = None
    origin: str = "install code"


class DeviceName(NamedTuple):
    """What a person calls a device, and its role (ESME, GSME, CHF, GPF, PPMID, IHD, CAD, HCALCS)."""

    eui64: int
    name: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class DlmsKeys:
    """DLMS keys of one meter; `system_title` None serves any. Key octets never in `repr`.

    Attributes:
        broadcast_key: global broadcast encryption key; the unicast one is tried where it is None.
        master_key: key encryption key, unwraps the key of a wrapped-key message.
        secret: LLS password or HLS secret of the association.
        agreement_private: own private scalar, big-endian, for agreed keys (P-256 or P-384).
        agreement_public: the peer's static public key, x and y.
        signing_public: the signer's public key, x and y.
    """

    system_title: bytes | None = None
    encryption_key: bytes | None = field(default=None, repr=False)
    authentication_key: bytes | None = field(default=None, repr=False)
    dedicated_key: bytes | None = field(default=None, repr=False)
    broadcast_key: bytes | None = field(default=None, repr=False)
    master_key: bytes | None = field(default=None, repr=False)
    secret: bytes | None = field(default=None, repr=False)
    agreement_private: bytes | None = field(default=None, repr=False)
    agreement_public: bytes | None = None
    signing_public: bytes | None = None


@dataclass(frozen=True, slots=True)
class CbkeScalars:
    """Private scalars of one device for certificate based key establishment (ZSE annex C); never in `repr`.

    In keys.toml: ``[[cbke]] device = "eui64" static_private = "hex" ephemeral_private = "hex"``; several
    entries for a device stand for several exchanges.
    """

    device: int
    static_private: int = field(repr=False)
    ephemeral_private: int = field(repr=False)


def _scope(key: Key) -> tuple[Any, ...]:
    return key.kind, key.value, key.pan, key.devices, key.sequence, key.source_id


class _Links(NamedTuple):
    """Link keys: those of pairs of devices, also by device, and those that were given without; in the order in which
    they came. `state` tells for which keys that is so."""

    state: tuple[int, int, int]
    paired: list[Key]
    of_device: dict[int, list[Key]]
    unpaired: list[Key]

    @classmethod
    def of(cls, keys: Iterable[Key], state: tuple[int, int, int]) -> _Links:
        links = [key for key in keys if key.kind == "link"]
        found = cls(
            state, [one for one in links if one.devices], {}, [one for one in links if one.devices is None]
        )
        for one in found.paired:
            for device in dict.fromkeys(one.devices or ()):
                found.of_device.setdefault(device, []).append(one)
        return found


@dataclass(slots=True, eq=False, repr=False)
class Keyring:
    """All keys that are held. `revision` grows with every new key, so that shut frames can be tried again.

    `addresses` says whose a short address is, by (PAN, short address). `gbcs` is a
    `dissectors.gbcs.trust.keystore.Keystore` or None. `untried` is how many keys were the most that fitted a frame and
    were not tried because there were too many (`MOST_TRIED`). `path` is the file that somebody named for them.
    """

    keys: list[Key] = field(default_factory=list)
    install_codes: list[InstallCode] = field(default_factory=list)
    devices: dict[int, DeviceName] = field(default_factory=dict)
    addresses: dict[tuple[int, int], int] = field(default_factory=dict)
    dlms: list[DlmsKeys] = field(default_factory=list)
    cbke: list[CbkeScalars] = field(default_factory=list)
    gbcs: Any = None
    revision: int = 0
    untried: int = 0
    path: str = ""
    _scopes: set[tuple[Any, ...]] = field(default_factory=set)
    _counted: int = 0
    _links: _Links | None = field(default=None, repr=False, compare=False)

    @property
    def names(self) -> dict[int, str]:
        """What devices are called, by EUI-64; those without a name are left out."""
        return {eui64: one.name for eui64, one in self.devices.items() if one.name}

    def add(self, key: Key) -> bool:
        """Hold `key`; False when a key of the same kind, value and scope is held already."""
        if self._counted != len(self.keys):  # somebody else put keys there
            self._scopes = {_scope(held) for held in self.keys}
        same = _scope(key)
        if same in self._scopes:
            return False
        self._scopes.add(same)
        self.keys.append(key)
        self._counted = len(self.keys)
        self.revision += 1
        return True

    def network_keys(self, pan: int | None, sequence: int | None) -> Iterator[Key]:
        """Keys that may open a NWK frame, the best match (PAN and sequence number) first.

        Link keys that were given without a pair of devices come last: people do not always know which kind of
        key they hold, and an integrity code tells.
        """
        ranks: tuple[list[Key], ...] = ([], [], [])
        for key in self.keys:
            if key.kind == "network" and (key.pan is None or key.pan == pan):
                ranks[(key.pan == pan) + (key.sequence == sequence)].append(key)
        for rank in reversed(ranks):
            yield from reversed(self._tried(rank))
        yield from (k for k in self.keys if k.kind == "link" and k.devices is None and k.first_frame is None)

    def link_keys(self, source: int | None, destination: int | None) -> Iterator[Key]:
        """Link keys that may open a frame between two EUI-64s; keys of that very pair first, newest first."""
        held = self._links_held()
        if source is None or destination is None:
            one = destination if source is None else source
            exact = held.paired if one is None else held.of_device.get(one, [])
        else:
            exact = [k for k in held.of_device.get(source, ()) if k.devices and destination in k.devices]
        yield from reversed(self._tried(exact))
        yield from reversed(self._tried(held.unpaired))

    def names_device(self, *devices: int | None) -> bool:
        """Whether a link key, or an install code, was given for one of these devices, or an install code for none."""
        of_device = self._links_held().of_device
        return bool(self.install_codes) or any(one in of_device for one in devices)

    def _links_held(self) -> _Links:
        """The link keys by what they are asked for; sorted again once there are others."""
        state = (id(self.keys), len(self.keys), self.revision)
        if self._links is None or self._links.state != state:
            self._links = _Links.of(self.keys, state)
        return self._links

    def _tried(self, keys: list[Key]) -> list[Key]:
        """`keys`, in the order in which they came, but for those in the middle of too many that the capture brought."""
        if len(keys) <= 2 * MOST_TRIED:
            return keys
        brought = [place for place, key in enumerate(keys) if key.brought]
        left = set(brought[MOST_TRIED:-MOST_TRIED])
        self.untried = max(self.untried, len(left))
        return [key for place, key in enumerate(keys) if place not in left]

    def of_kind(self, kind: KeyKind) -> Iterator[Key]:
        """Keys of one kind, in the order in which they came."""
        return (k for k in self.keys if k.kind == kind)

"""The state of a ZigBee network and of the stations in it: addresses, keys, counters, who is whose neighbour."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, Self, TypeVar

from captures.simulated.air.events import simpy
from captures.simulated.air.medium import Place, Receiver, Sniffer
from captures.simulated.air.profile import Profile
from captures.simulated.air.truth import FrameTruth, LinkKey, NetworkKey
from captures.simulated.air.world import Parts, World

__all__ = ["DISPLAYS", "PROFILE_SE", "PROFILE_ZDP", "UNKNOWN_SHORT", "Indirect", "Network", "Role", "Station"]

PROFILE_SE, PROFILE_ZDP = 0x0109, 0x0000
UNKNOWN_SHORT = 0xFFFE
"""The short address of a station that has none."""


class Role(StrEnum):
    """What a station is in the home."""

    CHF = "CHF"
    ESME = "ESME"
    GSME = "GSME"
    PPMID = "PPMID"
    IHD = "IHD"
    CAD = "CAD"
    HCALCS = "HCALCS"
    HHT = "HHT"
    GPF = "GPF"
    FORMER_CHF = "former CHF"
    INTRUDER = "intruder"


DISPLAYS = (Role.PPMID, Role.IHD, Role.CAD)
"""What people look at or plug in: they read the meters, and nobody reads them."""


@dataclass(slots=True)
class Indirect:
    """A frame that a parent holds for a sleeping child."""

    octets: Callable[[], bytes]
    truth: FrameTruth
    done: simpy.Event
    expires: int
    faults: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class Station(Receiver, Parts):
    """A radio with addresses, keys and counters.

    Attributes:
        rx_on: False makes it a sleepy end device.
        join_key: the link key under which the network key came to it.
        indirect: what it holds for its sleeping children, by their EUI-64.
        second: a hub's radio in the other band.
        marks: faults that all it sends belongs to.
        turn: who may send next.
    """

    han: Network[Self] = None  # type: ignore[assignment]
    eui64: int = 0
    role: Role = Role.INTRUDER
    endpoint: int = 1
    rx_on: bool = True
    router: bool = False
    short: int = UNKNOWN_SHORT
    parent: Self | None = None
    up: bool = True
    joined: bool = False
    mac_seq: int = 0
    nwk_seq: int = 0
    nwk_counter: int = 0
    aps_counter: int = 0
    aps_frame_counter: int = 0
    zcl_seq: int = 0
    key: bytes = field(default=b"", repr=False)
    key_seq: int = 0
    install_code: bytes = field(default=b"", repr=False)
    join_key: bytes = field(default=b"", repr=False)
    link_keys: dict[int, bytes] = field(default_factory=dict, repr=False)
    indirect: dict[int, deque[Indirect]] = field(default_factory=dict, repr=False)
    second: Receiver | None = None
    marks: tuple[str, ...] = ()
    turn: simpy.Resource = field(default=None, repr=False)
    parts: dict[type, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.turn = simpy.Resource(self.han.env)

    @property
    def address(self) -> str:
        """Its EUI-64 in hex digits, as the truth has it."""
        return f"{self.eui64:016x}"

    def next_mac(self) -> int:
        self.mac_seq = (self.mac_seq + 1) & 0xFF
        return self.mac_seq

    def next_nwk(self) -> int:
        self.nwk_seq = (self.nwk_seq + 1) & 0xFF
        return self.nwk_seq

    def next_aps(self) -> int:
        self.aps_counter = (self.aps_counter + 1) & 0xFF
        return self.aps_counter

    def next_zcl(self) -> int:
        self.zcl_seq = (self.zcl_seq + 1) & 0xFF
        return self.zcl_seq

    def radio(self, page: int) -> Receiver:
        """The radio that works on a channel page."""
        return self.second if self.second is not None and self.second.page == page else self


S = TypeVar("S", bound=Station)


TEST_BLOCK = 0x90B3D5 << 40
"""EUI-64s that no real device carries."""
ALL_HOMES = TEST_BLOCK >> 16 | 0xFFFE00


class Network(World, Generic[S]):
    """A network and its stations.

    Attributes:
        permit_until: simulated time up to which devices may join.
        epid: extended PAN ID, the EUI-64 of the hub that formed it.
    """

    def __init__(self, seed: int = 1, *, start: int = 1_767_571_200, profile: Profile | None = None) -> None:
        super().__init__(seed, start=start, profile=profile)
        self.nodes: list[S] = []
        self.pan = self.stream("pan").randrange(0x0001, 0x3FFF)
        self.channel = self.profile.whole("radio.channel")
        self.key = self.octets("network key", 16)
        self.key_seq = 0
        self.update_id = 0
        self.permit_until = -1
        self.epid = 0
        self.note(NetworkKey(self.key, self.pan, 0))

    def own(self, eui64: int, role: Role | None = None) -> int:
        """The EUI-64 that stands at a device's place in this home: those of the test block differ from home to home."""
        guest = self.profile.whole("home.guest") if role == Role.IHD else 0
        number = guest or self.profile.whole("home.number")
        return TEST_BLOCK | number << 16 | eui64 & 0xFFFF if number and eui64 >> 16 == ALL_HOMES else eui64

    def node(self, name: str) -> S:
        """The station called `name`."""
        return next(n for n in self.nodes if n.name == name)

    def having(self, role: str) -> S | None:
        """The first station of a role, if there is one."""
        return next((n for n in self.nodes if n.role == role), None)

    @property
    def hub(self) -> S:
        """The communications hub, the last one that was put in: coordinator and trust centre."""
        return [n for n in self.nodes if n.role == Role.CHF][-1]

    def relays(self) -> list[S]:
        """Routers that are in the network; the hub is none of them."""
        return [n for n in self.nodes if n.router and n.joined and n.up]

    def sniffer(self, place: Place, **more: Any) -> Sniffer:
        """Put a sniffer into the home, on the network's channel unless another is given."""
        more.setdefault("channel", self.channel)
        listener = Sniffer(f"sniffer {len(self.medium.sniffers)}", place, **more)
        self.medium.sniffers.append(listener)
        return listener

    def route(self, source: S, destination: S) -> list[S]:
        """The way from `source` to `destination`, both included: direct between neighbours, else over parents and the
        hub."""
        if destination is source.parent or source is destination.parent:
            return [source, destination]
        if not source.rx_on and source.parent is not None:
            return [source, *self.route(source.parent, destination)]
        if not destination.rx_on and destination.parent is not None:
            return [*self.route(source, destination.parent), destination]
        if self._neighbours(source, destination):
            return [source, destination]
        via = max(
            (n for n in self.relays() if n not in (source, destination)),
            key=lambda n: min(self.medium.rssi(source, n), self.medium.rssi(n, destination)),
            default=None,
        )
        return [source, destination] if via is None else [source, via, destination]

    def _neighbours(self, a: S, b: S) -> bool:
        return self.medium.rssi(a, b) > b.sensitivity_dbm + 5.0

    def share_link_key(self, a: S, b: S, key: bytes, *, origin: str) -> None:
        """Give two stations a link key, and note where it comes from."""
        a.link_keys[b.eui64] = b.link_keys[a.eui64] = key
        self.note(LinkKey(key, (a.eui64, b.eui64), origin))

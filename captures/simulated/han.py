"""The simulated home area network: its clock, its air, its devices, and what is written of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import simpy

from captures.simulated.medium import SECOND, Medium, Place, Sniffer, Wait
from captures.simulated.node import Node, Route
from captures.simulated.profile import Profile
from captures.simulated.profile import profile as named_profile
from dissectors.zigbee.link_keys import install_code_crc

__all__ = ["EPOCH_2000", "Han"]

EPOCH_2000 = 946_684_800
"""Seconds from 1970 to 2000-01-01 UTC, where ZigBee and GBCS times start."""


class Han:
    """One home: nodes, keys, time, and the truth of all that happens.

    Args:
        seed: same seed, same octets.
        start: when the capture starts, seconds since 1970 UTC.
        profile: the parameters; the SMETS2 profile unless given.
    """

    def __init__(self, seed: int = 1, *, start: int = 1_767_571_200, profile: Profile | None = None) -> None:
        self.seed = seed
        self.start = start
        self.profile = profile or named_profile()
        self.env = simpy.Environment()
        self.rng = random.Random(f"{seed}:han")
        self.medium = Medium(self.env, self.profile, seed)
        self.nodes: list[Node] = []
        self.pan = self.stream("pan").randrange(0x0001, 0x3FFF)
        self.channel = self.profile.whole("radio.channel")
        self.key = self.octets("network key", 16)
        self.key_seq = 0
        self.update_id = 0
        self.permit_until = -1
        self.epid = 0
        self.memory: dict[str, Any] = {}  # what stories and the remote side keep
        self.image_hash = self.octets("image hash", 32)  # SHA-256 of the firmware that was transferred last
        self.truth: list[dict[str, Any]] = []
        self.certificates: dict[str, bytes] = {}
        self.root = b""
        self.key_truth("network", self.key, pan=self.pan, sequence=0)

    # --- randomness that does not shift when a fault is added ------------------------------------------

    def stream(self, purpose: str) -> random.Random:
        """A random stream of its own for `purpose`."""
        return random.Random(f"{self.seed}:{purpose}")

    def octets(self, purpose: str, count: int) -> bytes:
        """Octets that belong to `purpose`, the same for the same seed."""
        return self.stream(purpose).randbytes(count)

    # --- time ------------------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """Simulated time in nanoseconds since 1970 UTC."""
        return self.start * SECOND + int(self.env.now)

    @property
    def utc(self) -> int:
        """Seconds since 2000-01-01 UTC: ZigBee UTCTime."""
        return self.now // SECOND - EPOCH_2000

    def wait(self, seconds: float) -> simpy.Event:
        """An event `seconds` from now."""
        return self.env.timeout(max(0, round(seconds * SECOND)))

    def run(self, seconds: float) -> None:
        """Let `seconds` of the home's life pass."""
        self.env.run(until=self.env.now + round(seconds * SECOND))

    def do(self, process: Wait) -> Any:
        """Let life pass until `process` is through, and return its result."""
        return self.env.run(until=self.env.process(process))

    # --- nodes -----------------------------------------------------------------------------------------

    def add(
        self,
        name: str,
        role: str,
        eui64: int,
        place: Place,
        *,
        rx_on: bool = True,
        router: bool = False,
        **more: Any,
    ) -> Node:
        """Put a device into the home; it is not joined yet."""
        node = Node(
            name, place, self.channel, han=self, eui64=eui64, role=role, rx_on=rx_on, router=router,
            turn=simpy.Resource(self.env), **more,
        )  # fmt: skip
        start = self.stream(f"counters {name}")
        node.mac_seq, node.nwk_seq, node.aps_counter, node.zcl_seq = start.randbytes(4)
        node.nwk_counter = start.randrange(1, 5_000)
        node.aps_frame_counter = start.randrange(1, 500)
        code = self.octets(f"install code {name}", 16)
        node.install_code = code + install_code_crc(code)
        self.nodes.append(node)
        return node

    def node(self, name: str) -> Node:
        """The device called `name`."""
        return next(n for n in self.nodes if n.name == name)

    def having(self, role: str) -> Node | None:
        """The first device of a role, if there is one."""
        return next((n for n in self.nodes if n.role == role), None)

    @property
    def hub(self) -> Node:
        """The communications hub, the last one that was put in: coordinator and trust centre."""
        return [n for n in self.nodes if n.role == "CHF"][-1]

    def sniffer(self, place: Place, **more: Any) -> Sniffer:
        """Put a sniffer into the home, on the network's channel unless another is given."""
        more.setdefault("channel", self.channel)
        listener = Sniffer(f"sniffer {len(self.medium.sniffers)}", place, **more)
        self.medium.sniffers.append(listener)
        return listener

    def route(self, source: Node, destination: Node) -> Route:
        """The way from `source` to `destination`: direct between neighbours, else over parents and the hub."""
        if destination is source.parent or source is destination.parent:
            return Route([source, destination])
        if not source.rx_on and source.parent is not None:
            return Route([source, *self.route(source.parent, destination).hops])
        if not destination.rx_on and destination.parent is not None:
            return Route([*self.route(source, destination.parent).hops, destination])
        if self._neighbours(source, destination):
            return Route([source, destination])
        relays = [n for n in self.nodes if n.router and n.joined and n.up and n not in (source, destination)]
        via = max(
            relays,
            key=lambda n: min(self.medium.rssi(source, n), self.medium.rssi(n, destination)),
            default=None,
        )
        return Route([source, destination] if via is None else [source, via, destination])

    def _neighbours(self, a: Node, b: Node) -> bool:
        return self.medium.rssi(a, b) > b.sensitivity_dbm + 5.0

    # --- truth -----------------------------------------------------------------------------------------

    def key_truth(self, kind: str, key: bytes, **scope: Any) -> None:
        """Note a key that protects frames."""
        self.truth.append({"kind": "key", "type": kind, "key": key.hex(), **scope})

    def note(self, kind: str, **facts: Any) -> dict[str, Any]:
        """Note a message, a reading or a fault; returns the row, which may be completed later."""
        row = {"kind": kind, "time_ns": self.now, **facts}
        self.truth.append(row)
        return row

    def records(self) -> Iterator[Any]:
        """What the sniffers heard, in the order of their clocks."""
        return iter(sorted(self.medium.heard, key=lambda h: (h.time_ns, h.sniffer)))

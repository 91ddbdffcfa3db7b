"""Stations on one channel and the sniffer that hears them: frames of the MAC with acknowledgements and retries, routes
over a router, frames that wait for a device that sleeps.

Strategy: nothing of `captures.simulated` is used, so that a mistake there is none here. Processes are generators that
yield seconds; one heap of times runs them; one frame is on the air at a time."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from captures.fcs import fcs16
from dissectors.zigbee import assemble

__all__ = ["BROADCAST", "Air", "Device", "Heard", "Process"]

Process = Generator[float, None, bool]
BROADCAST = 0xFFFD
OCTET, TURNAROUND, BACKOFF = 32e-6, 192e-6, 320e-6
"""Seconds at 250 kbit/s (IEEE 802.15.4-2011 8.1, 10.1)."""
SLOW_OCTET = 80e-6
"""Seconds at 100 kbit/s, on the channel pages below 1 GHz (ZigBee PRO 05-3474 r22 annex D.1)."""


@dataclass(slots=True)
class Heard:
    """A frame as the sniffer has it: seconds since the start, octets with check sequence, strength in dBm, the role of who
    sent it, channel page and channel where it is not the home's at 2.4 GHz."""

    seconds: float
    octets: bytes
    rssi: int
    good: bool = True
    planted: bool = False
    by: str = ""
    band: tuple[int, int] | None = None


@dataclass(slots=True, eq=False)
class Device:
    """A station of the home; what it counts, whom it shares keys with, how it hears and is heard.

    Attributes:
        via: the router that its frames go over, if any. `nap`: it sleeps, and asks its parent for what waits.
        loss: share of the frames from or to it that are lost on the way.
        answers: how long it takes to answer, seconds from and to.
        mute: it acknowledges, and its application answers and asks nothing. `stopped`: what it does no more ("links",
        "push", "polls", "reports", "alive", "times", "reads", "prices"). `passes`: what it is to pass on, it passes on.
        stale: key and sequence number that it still uses while the others have a newer network key.
        band: channel page and channel below 1 GHz, of a device that speaks to the hub there.
    """

    role: str
    eui64: int
    short: int
    name: str
    rssi: int
    router: bool = False
    nap: bool = False
    via: Device | None = None
    loss: float = 0.01
    answers: tuple[float, float] = (0.02, 0.2)
    retries: int = 3
    up: bool = True
    joined: bool = True
    mute: bool = False
    passes: bool = True
    stale: tuple[int, bytes] | None = None
    band: tuple[int, int] | None = None
    stopped: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)
    links: dict[int, bytes] = field(default_factory=dict)
    waiting: list[Callable[[], Process]] = field(default_factory=list)
    values: dict[tuple[int, int, int], tuple[int, bytes | Callable[[], bytes]]] = field(default_factory=dict)

    def next(self, what: str, modulo: int = 256) -> int:
        self.counts[what] = (self.counts.get(what, 0) + 1) % modulo
        return self.counts[what]


class Air:
    """The home's network and the sniffer in it.

    Attributes:
        now: seconds since the start. `start`: of the capture, seconds since 1970 UTC.
        planting: frames that are sent while it is set are what a plant put there.
        copies: how often a broadcast is sent by who began it (05-3474 3.6.5: nwkMaxBroadcastRetries).
    """

    def __init__(self, seed: str, start: int, pan: int, key: bytes) -> None:
        self.rng = random.Random(seed)
        self.start, self.pan, self.key, self.sequence = start, pan, key, 0
        self.now, self.free = 0.0, 0.0
        self.heard: list[Heard] = []
        self.devices: list[Device] = []
        self.planting, self.copies = False, 1
        self._heap: list[tuple[float, int, Process]] = []
        self._number = 0

    @property
    def utc(self) -> int:
        """Seconds since 2000, as ZigBee counts them."""
        return int(self.start + self.now) - 946_684_800

    def begin(self, process: Process, after: float = 0.0) -> None:
        self._number += 1
        heapq.heappush(self._heap, (self.now + after, self._number, process))

    def run(self, until: float) -> None:
        while self._heap and self._heap[0][0] <= until:
            self.now, _, process = heapq.heappop(self._heap)
            try:
                pause = next(process)
            except StopIteration:
                continue
            self.begin(process, max(pause, 0.0))
        self.now = until

    # --- MAC ----------------------------------------------------------------------------------------------

    def put(self, octets: bytes, rssi: float, by: str = "", band: tuple[int, int] | None = None) -> float:
        """A frame on the air now; returns how long it lasts."""
        lasts = (len(octets) + 8) * (OCTET if band is None else SLOW_OCTET)
        level = round(rssi + self.rng.gauss(0, 1.2))
        self.heard.append(Heard(self.now, octets + fcs16(octets), level, True, self.planting, by, band))
        self.free = self.now + lasts + TURNAROUND + 19 * OCTET + BACKOFF
        return lasts

    def send(
        self, sender: Device, octets: bytes, receiver: Device | None = None, *, more: bool = False
    ) -> Process:
        """One frame, again until it is acknowledged; whether it was. `more`: the acknowledgement says that frames wait."""
        band = sender.band or (None if receiver is None else receiver.band)
        for _ in range(1 if receiver is None else 1 + sender.retries):
            yield self.rng.randrange(8) * BACKOFF
            while self.free > self.now:
                yield self.free - self.now + self.rng.randrange(1, 8) * BACKOFF
            if not sender.up:
                return False
            yield self.put(octets, sender.rssi, sender.role, band) + TURNAROUND
            if receiver is None:
                for other in self._other_bands(sender):
                    yield self.put(octets, sender.rssi, sender.role, other) + TURNAROUND
                return True
            lost = max(sender.loss, receiver.loss)
            if receiver.up and self.rng.random() >= lost:
                self.put(assemble.mac_ack(octets[2], pending=more), receiver.rssi, receiver.role, band)
                if self.rng.random() >= lost / 3:
                    return True
            yield 0.0009
        return False

    def _other_bands(self, sender: Device) -> list[tuple[int, int]]:
        """Where a hub with two radios says to all what it says at 2.4 GHz."""
        bands = {one.band for one in self.devices if one.band is not None}
        return sorted(bands) if sender.role == "CHF" else []

    # --- NWK ----------------------------------------------------------------------------------------------

    def npdu(
        self, author: Device, to: int, seq: int, payload: bytes, hop: Device, *, command: bool, radius: int
    ) -> bytes:
        header = assemble.nwk_header(
            to, author.short, seq, command=command, radius=radius, discover_route=author.counts.get("discover", 0),
            src_eui64=author.eui64 if command else None,
        )  # fmt: skip
        counter = hop.next("nwk counter", 1 << 32)
        sequence, key = hop.stale or (self.sequence, self.key)
        return assemble.secure_nwk(header, payload, key, counter=counter, source=hop.eui64, key_seq=sequence)

    def shout(self, sender: Device, payload: bytes, *, command: bool = False, radius: int = 30) -> Process:
        """A broadcast; routers say it again."""
        seq = sender.next("nwk")
        copies = self.copies if radius > 1 else 1
        routers = [d for d in self.devices if d.router and d is not sender and radius > 1]
        for one in [sender, *routers, *[sender] * (copies - 1)]:
            if one.up and one.joined:
                if one is not sender or radius < 30:
                    yield self.rng.uniform(0.02, 0.12)
                body = self.npdu(sender, BROADCAST, seq, payload, one, command=command, radius=radius)
                frame = assemble.mac_data(one.next("mac"), self.pan, 0xFFFF, one.short, body)
                yield from self.send(one, frame)
                radius -= one is sender and radius == 30
        return True

    def carry(self, author: Device, target: Device, payload: bytes, *, command: bool = False) -> Process:
        """A payload from one device to another, over the routers between them; whether it arrived."""
        seq, route = author.next("nwk"), self._route(author, target)
        for radius, (sender, receiver) in zip(range(30, 0, -1), route, strict=False):
            if sender is not author and not sender.passes:
                return False
            hop = self._hop(author, target, seq, payload, sender, receiver, command, radius)
            if receiver.nap:
                receiver.waiting.append(lambda hop=hop: hop)
                return True
            if not (yield from hop):
                return False
        return True

    def _hop(
        self, author: Device, target: Device, seq: int, payload: bytes, sender: Device, receiver: Device, command: bool,
        radius: int,
    ) -> Process:  # fmt: skip
        for again in range(2):
            body = self.npdu(author, target.short, seq, payload, sender, command=command, radius=radius)
            frame = assemble.mac_data(
                sender.next("mac"), self.pan, receiver.short, sender.short, body, ack=True
            )
            if (yield from self.send(sender, frame, receiver)):
                return True
            yield 0.05 + again
        return False

    @staticmethod
    def _route(author: Device, target: Device) -> Iterator[tuple[Device, Device]]:
        over = [one for one in (author.via, target.via) if one not in (None, author, target)]
        stations = [author, *over, target]
        return pairwise(stations)

    # --- devices that sleep ------------------------------------------------------------------------------------

    def poll(self, device: Device, hub: Device) -> Process:
        """A device that sleeps asks its parent for what waits, and gets it; whether something waited."""
        if "polls" in device.stopped:
            return False
        parent = device.via or hub
        request = assemble.mac_command(
            device.next("mac"), 4, dst_pan=self.pan, dst=parent.short, src=device.short
        )
        waits = bool(device.waiting)
        if not (yield from self.send(device, request, parent, more=waits)) or not waits:
            return False
        yield self.rng.uniform(0.002, 0.006)
        if not device.waiting:  # another poll has fetched it
            return False
        yield from device.waiting.pop(0)()
        return True

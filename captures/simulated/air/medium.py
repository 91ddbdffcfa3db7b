"""The air of the simulated HAN: who hears whom, how long a frame lasts, what is lost, what sniffers record.

Strategy: one process a transmission. A unicast frame waits for a free channel (CSMA-CA), is put on the air, and is
repeated up to macMaxFrameRetries times until its acknowledgement arrives. Propagation is log-distance with
a fixed shadowing per pair of places and a small fading per frame; what arrives below a receiver's
sensitivity is lost, what arrives just above it may have bit errors (the sniffer then records a bad FCS).

Sources: IEEE 802.15.4-2006 clauses 6.4, 7.4, 7.5.1.4 (timing, retries), 6.5.3.3 (sensitivity).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from captures.simulated.air.events import simpy
from captures.simulated.air.profile import Profile
from captures.simulated.air.truth import FrameTruth

__all__ = ["Disturbance", "Heard", "Medium", "Place", "Receiver", "Sniffer", "Transmission"]

MICROSECOND = 1_000
SECOND = 1_000_000_000
Wait = Generator[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a radio stands, in metres, and how many walls are around it."""

    x: float
    y: float
    walls: int = 0


@dataclass(slots=True, eq=False)
class Receiver:
    """What the medium must know of a radio."""

    name: str
    place: Place
    channel: int
    page: int = 0
    tx_dbm: float = 3.0
    sensitivity_dbm: float = -97.0


@dataclass(slots=True, eq=False)
class Sniffer(Receiver):
    """A listener; its clock runs `drift_ppm` fast and starts `offset_ns` off."""

    drift_ppm: float = 0.0
    offset_ns: int = 0
    loss: float = 0.0


@dataclass(slots=True)
class Transmission:
    """A frame on the air.

    Attributes:
        octets: PSDU without FCS.
        truth: what the frame means, for the truth file.
        faults: names of the faults that made or changed it.
        corrupt: sent or received with bit errors by every listener (jamming, collision).
    """

    sender: Receiver
    octets: bytes
    start_ns: int = 0
    truth: FrameTruth = field(default_factory=lambda: FrameTruth())
    faults: tuple[str, ...] = ()
    corrupt: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """What a sniffer recorded."""

    time_ns: int
    sniffer: int
    octets: bytes
    sent: bytes
    fcs_good: bool
    channel: int
    page: int
    rssi: int
    lqi: int
    truth: FrameTruth
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What a fault does to the air: loses or corrupts frames that it applies to.

    `applies` gets the transmission and the receiver (None for "any") and gives the chance of loss, 0 to 1.
    """

    name: str
    applies: Callable[[Transmission, Receiver | None], float]
    corrupts: bool = True  # sniffers then see a bad FCS; False: they see nothing


class Medium:
    """The air, and the sniffers in it."""

    def __init__(self, env: simpy.Environment, profile: Profile, seed: int) -> None:
        self.env = env
        self.profile = profile
        self.seed = seed
        self.rng = random.Random(f"{seed}:medium")
        self.sniffers: list[Sniffer] = []
        self.heard: list[Heard] = []
        self.disturbances: list[Disturbance] = []
        self.transmissions = 0
        # each sniffer its own, so that another listener changes nothing of what is said
        self._sniffing: dict[int, random.Random] = {}
        self._busy: dict[tuple[int, int], int] = {}
        self._shadowing: dict[tuple[str, str], float] = {}

    # --- propagation ---------------------------------------------------------------------------------

    def rssi(self, sender: Receiver, receiver: Receiver) -> float:
        """Mean received power in dBm: log-distance loss, walls, and the pair's own shadowing."""
        if sender.page != receiver.page or sender.channel != receiver.channel:
            return -200.0
        key = (min(sender.name, receiver.name), max(sender.name, receiver.name))
        shadow = self._shadowing.get(key)
        if shadow is None:
            sigma = self.profile.number("radio.shadowing_db")
            shadow = random.Random(f"{self.seed}:shadow:{key}").gauss(0.0, sigma)
            self._shadowing[key] = shadow
        distance = max(1.0, math.dist((sender.place.x, sender.place.y), (receiver.place.x, receiver.place.y)))
        sub_ghz = sender.page != 0
        loss = (31.0 if sub_ghz else 40.0) + 10 * self.profile.number(
            "radio.path_loss_exponent"
        ) * math.log10(distance)
        walls = max(sender.place.walls, receiver.place.walls)
        loss += walls * self.profile.number("radio.wall_db" if not sub_ghz else "radio.wall_sub_ghz_db")
        return sender.tx_dbm - loss + shadow

    def arrives(self, sent: Transmission, receiver: Receiver) -> bool:
        """Whether `receiver` gets the frame whole."""
        if sent.corrupt:
            return False
        margin = self.rssi(sent.sender, receiver) + self.rng.gauss(0.0, 1.5) - receiver.sensitivity_dbm
        chance = 1.0 / (1.0 + math.exp(-margin / 1.2)) * (1.0 - self.profile.number("radio.loss"))
        for disturbance in self.disturbances:
            chance *= 1.0 - disturbance.applies(sent, receiver)
        return self.rng.random() < chance

    def airtime_ns(self, octets: bytes, page: int) -> int:
        """How long the frame with FCS and preamble lasts: 250 kbit/s, or 100 kbit/s in the sub-GHz band."""
        if page == 0:
            return (len(octets) + 2 + 6) * 32 * MICROSECOND
        return (len(octets) + 2 + 12) * 80 * MICROSECOND

    # --- sending -------------------------------------------------------------------------------------

    def clear_channel(self, page: int, channel: int) -> Wait:
        """CSMA-CA: back off until the channel is free."""
        exponent = 3
        while True:
            yield self.env.timeout(self.rng.randrange(1 << exponent) * 320 * MICROSECOND + 128 * MICROSECOND)
            busy = self._busy.get((page, channel), 0)
            if busy <= self.env.now:
                return
            yield self.env.timeout(busy - self.env.now)
            exponent = min(exponent + 1, 5)

    def put_on_air(self, sent: Transmission) -> int:
        """Send now; sniffers record it. Returns how long it lasts in nanoseconds."""
        sent.start_ns = self.env.now
        lasts = self.airtime_ns(sent.octets, sent.sender.page)
        key = (sent.sender.page, sent.sender.channel)
        self._busy[key] = max(self._busy.get(key, 0), self.env.now + lasts)
        self.transmissions += 1
        hit = 0.0
        hidden = 0.0
        for disturbance in self.disturbances:
            chance = disturbance.applies(sent, None)
            if disturbance.corrupts:
                hit = max(hit, chance)
            else:
                hidden = max(hidden, chance)
            if chance and self.rng.random() < chance and disturbance.corrupts:
                sent.corrupt = True
                sent.faults = (*sent.faults, disturbance.name)
        for index, sniffer in enumerate(self.sniffers):
            if not hidden or self.rng.random() >= hidden:
                self._sniff(index, sniffer, sent)
        return lasts

    def _sniff(self, index: int, sniffer: Sniffer, sent: Transmission) -> None:
        rng = self._sniffing.setdefault(index, random.Random(f"{self.seed}:sniffer {index}"))
        power = self.rssi(sent.sender, sniffer) + rng.gauss(0.0, 1.5)
        margin = power - sniffer.sensitivity_dbm
        if margin < 0 or rng.random() < sniffer.loss:
            return
        good = not sent.corrupt and rng.random() > math.exp(-margin / 1.5) * 0.5
        octets = sent.octets if good else self._flip(sent.octets, rng)
        drift = round((self.env.now * sniffer.drift_ppm) / 1_000_000)
        self.heard.append(
            Heard(
                self.env.now + drift + sniffer.offset_ns,
                index,
                octets,
                sent.octets,
                good,
                sent.sender.channel,
                sent.sender.page,
                max(-127, min(20, round(power))),
                max(0, min(255, round((power + 100) * 3))),
                sent.truth,
                sent.faults,
            )
        )

    def _flip(self, octets: bytes, rng: random.Random) -> bytes:
        """The octets as a receiver with bit errors hands them over: same length, a run of bits wrong."""
        damaged = bytearray(octets)
        at = rng.randrange(len(damaged))
        for index in range(at, min(len(damaged), at + rng.randint(1, 6))):
            damaged[index] ^= rng.randrange(1, 256)
        return bytes(damaged)

"""What the devices of a home do all day, each at its own pace."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.analysis.homes.air import Air, Device, Process
from tests.analysis.homes.speech import Speech, zcl

__all__ = ["Home", "Pace", "furnish", "summer_time"]

BASIC, TIME, OTA, KEEP_ALIVE, PRICE, METERING, PREPAYMENT = (
    0x0000,
    0x000A,
    0x0019,
    0x0025,
    0x0700,
    0x0702,
    0x0705,
)
MIRROR = 3
EPOCH = 946_684_800  # 2000, in seconds since 1970
DEMAND, TOTAL, STATUS = 0x0400, 0x0000, 0x0200
WAITS = 0x0020_0000
"""Bit 21 of the flags of a gas meter's mirror: a message waits in the tunnel (GBCS v0.8 10.2.2.2)."""


@dataclass(slots=True)
class Pace:
    """How often what is done, in seconds; drawn for each home."""

    demand: float = 10.0
    registers: float = 300.0
    prices: float = 1800.0
    credit: float = 600.0
    gas: float = 1800.0
    gas_polls: float = 1800.0
    links: float = 16.0
    time: float = 14_400.0
    keep_alive: tuple[int, int] = (12, 240)
    cad: float = 30.0


@dataclass(slots=True, eq=False)
class Home:
    """A home: its air, its devices by name, how its vendors speak, and what is used and paid in it."""

    air: Air
    speech: Speech
    hub: Device
    pace: Pace
    devices: dict[str, Device] = field(default_factory=dict)
    price: int = 24_130
    tariff: int = 7
    credit: int = 1_830_000
    pushes: bool = True
    remote: Any = None
    more: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Device:
        return self.devices[name]

    def of(self, *roles: str) -> list[Device]:
        return [one for one in self.devices.values() if one.role in roles]

    @property
    def meter(self) -> Device:
        return [*self.of("former meter"), *self.of("ESME")][-1]

    def pace_of(self, device: Device) -> Pace:
        return self.more.get(("pace", device.name), self.pace)  # type: ignore[no-any-return]

    def every(self, seconds: float, spread: float = 0.03) -> Iterator[float]:
        """Pauses between what is done again and again; the first is anywhere in it."""
        yield self.air.rng.uniform(0.02, 1.0) * seconds
        while True:
            yield seconds * self.air.rng.uniform(1 - spread, 1 + spread)

    def half_hours(self) -> Iterator[float]:
        """Pauses until each half hour of a device's own clock, a little late each time; one is left out now and then."""
        rng, own, missed = self.air.rng, self.air.rng.uniform(0, 900), False
        while True:
            rest = 1800 - (self.air.utc - own) % 1800
            missed = not missed and rng.random() < 0.08
            yield rest + 1800 * missed + rng.uniform(0, 25)

    def live(self, device: Device) -> None:
        """Begin the life of a joined device."""
        lives = {
            "CHF": (self.links,), "ESME": (self.links, self.alive, self.times, self.push),
            "GSME": (self.gas, self.times), "PPMID": (self.display, self.pays, self.alive, self.times),
            "IHD": (self.display, self.alive, self.times), "CAD": (self.reads, self.alive, self.times),
            "HCALCS": (self.links, self.alive, self.times),
        }  # fmt: skip
        for one in lives[device.role]:
            self.air.begin(one(device))

    # --- of all ---------------------------------------------------------------------------------------------

    def links(self, router: Device) -> Process:
        """Link Status (ZigBee PRO 05-3474 3.4.8)."""
        for pause in self.every(self.pace.links, 0.06):
            yield pause
            near = [one for one in self.air.devices if one.router and one is not router and one.joined]
            if not (router.up and router.joined) or "links" in router.stopped:
                continue
            body = bytes([0x08, 0x60 | len(near)])
            for one in sorted(near, key=lambda each: each.short):
                costs = self.more.get(("cost", router), self.more.get(("cost", one), 0x11)) or 0
                body += struct.pack("<HB", one.short, costs)
            yield from self.air.shout(router, body, command=True, radius=1)
        return True

    def alive(self, device: Device) -> Process:
        base, jitter = self.pace.keep_alive
        while True:
            yield base * 60 + self.air.rng.uniform(0, jitter)
            if self.ready(device) and "alive" not in device.stopped:
                yield from self.speech.read(device, self.hub, KEEP_ALIVE, (0, 1))

    def times(self, device: Device) -> Process:
        for pause in self.every(self.pace.time, 0.1):
            yield pause
            if self.ready(device) and "times" not in device.stopped:
                yield from self.speech.read(device, self.hub, TIME, (0, 1, 2, 3, 4, 5, 7))
        return True

    def ready(self, device: Device, *others: Device) -> bool:
        """Whether a device may speak to the hub and to others: all are there, and it has a link key with each."""
        there = all(one.up and one.joined for one in (device, *others)) and not device.mute
        return there and all(one.eui64 in device.links for one in (self.hub, *others))

    # --- electricity -----------------------------------------------------------------------------------------

    def shown(self, meter: Device) -> list[Device]:
        """Displays that the meter has a key with and that are there."""
        return [one for one in self.of("IHD", "PPMID") if one.joined and one.up and meter.eui64 in one.links]

    def push(self, meter: Device) -> Process:
        """The meter reports its demand, and now and then its register."""
        for rounds, pause in enumerate(self.every(self.pace.demand, 0.01), 1):
            yield pause
            often = max(1, round(self.pace.registers / self.pace.demand))
            for one in (
                self.shown(meter) if self.ready(meter) and self.pushes and "push" not in meter.stopped else ()
            ):
                what = (DEMAND,) if rounds % often else (TOTAL, STATUS)
                yield from self.speech.report(meter, one, METERING, what, (1, self.speech.endpoints[0]))
        return True

    def display(self, device: Device) -> Process:
        """A display learns what values are scaled by, and asks for demand, registers and prices."""
        meter, pace, read = self.meter, self.pace_of(device), self.speech.read
        due = {"demand": 0.0, "registers": 40.0, "prices": 70.0, "gas": 100.0}
        every = {
            "demand": pace.demand,
            "registers": pace.registers,
            "prices": pace.prices,
            "gas": 2 * pace.registers,
        }
        yield self.air.rng.uniform(2, 30)
        yield from read(device, meter, METERING, (0x0300, 0x0301, 0x0302, 0x0303, 0x0306))
        for pause in self.every(pace.demand, 0.02):
            meter = self.meter
            for what in [one for one, when in due.items() if when <= self.air.now]:
                due[what] = self.air.now + every[what] * self.air.rng.uniform(0.97, 1.03)
                if not self.ready(device, meter) or what in device.stopped:
                    continue
                if what == "demand" and not self.pushes:
                    yield from read(device, meter, METERING, (DEMAND,))
                elif what == "registers":
                    yield from read(device, meter, METERING, (TOTAL, STATUS))
                elif what == "prices":
                    yield from self.ask_price(device, meter)
                elif what == "gas" and self.of("GSME"):
                    yield from read(device, self.hub, METERING, (TOTAL, 0x0300, 0x0301, 0x0302), MIRROR)
            yield pause
        return True

    def ask_price(self, device: Device, meter: Device) -> Process:
        if "ask price" in self.more:
            return (yield from self.more["ask price"](device, meter))
        return (yield from self.speech.ask(device, meter, PRICE, 0x00, b"\x01", self.price_now()))

    def price_now(self) -> bytes:
        now = self.air.utc
        label = b"Std"
        out = struct.pack("<I", 0x10) + bytes([len(label)]) + label
        tier, tiers = self.more.get("tier", 1), self.more.get("tiers", 1)
        out += struct.pack("<IIBHBB", self.tariff, now, 0, 826, 0x50 | tier, tiers << 4 | tier)
        out += struct.pack("<IHI", now - now % 1800, 30, self.price)
        return out + struct.pack("<BIBIBBBB", 0xFF, 0xFFFFFFFF, 0xFF, 0xFFFFFFFF, 0xFF, 0xFF, 0xFF, 0)

    def pays(self, device: Device) -> Process:
        for pause in self.every(self.pace_of(device).credit):
            yield pause
            if self.ready(device, self.meter) and "credit" not in device.stopped:
                yield from self.speech.read(device, self.meter, PREPAYMENT, (0x0000, 0x0001, 0x0005))
        return True

    def reads(self, device: Device) -> Process:
        for pause in self.every(self.pace_of(device).cad):
            yield pause
            if self.ready(device, self.meter) and "reads" not in device.stopped:
                yield from self.speech.read(device, self.meter, METERING, (TOTAL, DEMAND))
        return True

    # --- gas ------------------------------------------------------------------------------------------------

    def gas(self, meter: Device) -> Process:
        """The gas meter wakes, asks what waits, and reports to its mirror on the hub."""
        rounds, often = 0, max(1, round(self.pace.gas / self.pace.gas_polls))
        often = 1 if self.more.get("gas clock") else often
        mirror = MIRROR + self.of("GSME").index(meter)
        for pause in (
            self.half_hours() if self.more.get("gas clock") else self.every(self.pace.gas_polls, 0.01)
        ):
            yield pause
            rounds += 1
            if not self.ready(meter) or not self.hub.up:
                continue
            yield from self.air.poll(meter, self.hub)
            if rounds % often or "reports" in meter.stopped or not self.ready(meter):
                continue
            if (yield from self.speech.report(meter, self.hub, METERING, (TOTAL, STATUS), (1, mirror))):
                told = self.speech.value(meter, 1, METERING, TOTAL) or b"\0"
                self.speech.hold(self.hub, mirror, METERING, TOTAL, 0x25, int.from_bytes(told[1:], "little"))
                yield self.air.rng.uniform(*self.hub.answers)
                flags = WAITS if self.remote is not None and self.remote.mail.get(meter.eui64) else 0
                asdu = zcl(0x09, struct.pack("<B5I", 2, flags, 0, 0, 0, 0), sequence=self.hub.next("zcl"))
                yield from self.speech.say(self.hub, meter, METERING, asdu, endpoints=(mirror, 1))
                yield from self.speech.take(meter)
                if flags:
                    yield from self.remote.fetch(meter)
        return True


def furnish(home: Home) -> None:
    """What the devices hold: registers, prices, time."""
    air, hold = home.air, home.speech.hold
    state = {"watts": 300.0, "wh": float(air.rng.randrange(2_000_000, 30_000_000)), "at": 0.0}
    state["litres"] = float(air.rng.randrange(900_000, 9_000_000))

    def watts() -> int:
        hours = (air.now - state["at"]) / 3600
        state["wh"] += state["watts"] * hours
        state["litres"] += 400 * hours * air.rng.uniform(0.5, 1.5)
        state["at"] = air.now
        slow = 250 + 150 * math.sin(air.now / 2500)
        if air.rng.random() < 0.02:
            state["load"] = air.rng.choice((0.0, 60.0, 800.0, 2200.0, 7200.0))
        state["watts"] = slow + state.get("load", 0.0) + air.rng.uniform(-5, 5)
        return round(state["watts"])

    def energy() -> float:
        watts()
        return state["wh"]

    for meter in home.of("ESME"):
        for attribute, kind, value in (
            (TOTAL, 0x25, energy), (STATUS, 0x18, 0), (DEMAND, 0x2A, watts), (0x0300, 0x30, 0), (0x0301, 0x22, 1),
            (0x0302, 0x22, 1000), (0x0303, 0x18, 0xFB), (0x0306, 0x18, 0),
        ):  # fmt: skip
            hold(meter, 1, METERING, attribute, kind, value)
        hold(meter, 1, PREPAYMENT, 0x0000, 0x19, 0x0002)
        hold(meter, 1, PREPAYMENT, 0x0001, 0x2B, lambda: home.credit)
        hold(meter, 1, PREPAYMENT, 0x0005, 0x2B, 0)
    for number, meter in enumerate(home.of("GSME")):
        hold(
            meter,
            1,
            METERING,
            TOTAL,
            0x25,
            lambda number=number: watts() * 0 + state["litres"] + 5e5 * number,
        )
        hold(meter, 1, METERING, STATUS, 0x18, 0)
    for attribute, kind, value in (
        (TOTAL, 0x25, state["litres"]),
        (0x0300, 0x30, 1),
        (0x0301, 0x22, 1),
        (0x0302, 0x22, 1000),
    ):
        hold(home.hub, MIRROR, METERING, attribute, kind, value)
    hold(home.hub, 1, KEEP_ALIVE, 0, 0x20, home.pace.keep_alive[0])
    hold(home.hub, 1, KEEP_ALIVE, 1, 0x21, home.pace.keep_alive[1])
    hold(home.hub, 1, TIME, 0, 0xE2, lambda: air.utc)
    hold(home.hub, 1, TIME, 1, 0x18, 3)
    begins, ends = summer_time(air.start)
    for attribute, kind, value in (
        (2, 0x2B, 0), (3, 0x23, begins), (4, 0x23, ends), (5, 0x2B, 3600),
        (7, 0x23, lambda: air.utc + 3600 * (begins <= air.utc < ends)),
    ):  # fmt: skip
        hold(home.hub, 1, TIME, attribute, kind, value)


def summer_time(start: int) -> tuple[int, int]:
    """When summer time begins and ends in the year of a time (seconds since 1970), seconds since 2000: one o'clock UTC on
    the last Sundays of March and October."""
    year = datetime.fromtimestamp(start, UTC).year
    ends = [datetime(year, month, 31, 1, tzinfo=UTC) for month in (3, 10)]
    begins, over = (day - timedelta(days=(day.weekday() + 1) % 7) for day in ends)
    return int(begins.timestamp()) - EPOCH, int(over.timestamp()) - EPOCH

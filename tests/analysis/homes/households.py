"""What stands in homes besides meters, and who lives there: the sun on the roof, a battery, a car, nobody; power cuts; an
installer next door; prices of nothing."""

from __future__ import annotations

import math
from collections.abc import Callable

from dissectors.zigbee import assemble
from tests.analysis.homes.air import Device, Process
from tests.analysis.homes.life import DEMAND, METERING, MIRROR, TOTAL, Home

__all__ = [
    "battery", "car_and_shower", "day_by_day", "export_is_read", "free_hours", "installer_next_door", "nobody_there",
    "power_cut", "sun",
]  # fmt: skip

RECEIVED, TODAY, YESTERDAY = 0x0001, 0x0401, 0x0403


def _metered(home: Home, watts: Callable[[], float]) -> None:
    """The electricity meter counts a power, what goes out of the home on a register of its own."""
    air, meter, hold = home.air, home.meter, home.speech.hold
    state = {"in": float(air.rng.randrange(2_000_000, 30_000_000)), "out": float(air.rng.randrange(9_000_000)),
             "watts": watts(), "at": 0.0}  # fmt: skip

    def now() -> float:
        energy = state["watts"] * (air.now - state["at"]) / 3600
        state["in" if energy > 0 else "out"] += abs(energy)
        state["at"], state["watts"] = air.now, watts()
        return state["watts"]

    def register(which: str) -> Callable[[], float]:
        return lambda: (now(), state[which])[1]

    hold(meter, 1, METERING, DEMAND, 0x2A, lambda: round(now()))
    hold(meter, 1, METERING, TOTAL, 0x25, register("in"))
    hold(meter, 1, METERING, RECEIVED, 0x25, register("out"))


def sun(home: Home) -> None:
    """Panels on the roof: by day more goes out than is used, and clouds pass."""
    air = home.air
    _metered(
        home,
        lambda: (
            350
            + air.rng.uniform(-30, 30)
            - 3200 * max(0.0, math.sin(air.now / 2900)) * air.rng.choice((1, 1, 0.6))
        ),
    )


def battery(home: Home) -> None:
    """A battery holds what comes in near nothing, on both sides of it."""
    _metered(home, lambda: home.air.rng.gauss(0, 25))


def car_and_shower(home: Home) -> None:
    """A car, a shower, a heat pump at once, as much as the fuse bears."""
    _metered(home, lambda: home.air.rng.uniform(17_000, 20_500) if home.air.now % 5400 > 2000 else 400.0)


def nobody_there(home: Home) -> None:
    """A standby load of a few watts that hardly changes, and no gas at all."""
    _metered(home, lambda: 21.0 + home.air.rng.choice((0, 0, 1)))
    for number, meter in enumerate(home.of("GSME")):
        counted = home.air.rng.randrange(900_000, 9_000_000)
        home.speech.hold(meter, 1, METERING, TOTAL, 0x25, counted)
        home.speech.hold(home.hub, MIRROR + number, METERING, TOTAL, 0x25, counted)


def export_is_read(home: Home) -> Process:
    """Displays ask for what went out, too."""
    while True:
        yield home.air.rng.uniform(200, 400)
        for one in home.shown(home.meter):
            if home.ready(one, home.meter):
                yield from home.speech.read(one, home.meter, METERING, (RECEIVED, TOTAL, DEMAND))


def day_by_day(home: Home) -> Process:
    """Displays show what was used today and yesterday: at midnight the one begins anew, and the other takes its value."""
    air, meter, hold = home.air, home.meter, home.speech.hold
    state = {"day": air.utc // 86_400, "before": 8000, "begin": home.air.now}

    def today() -> float:
        used = 0.4 * (air.now - state["begin"]) + 500
        if air.utc // 86_400 != state["day"]:
            state.update(day=air.utc // 86_400, before=round(used), begin=air.now + 1250)
            return today()
        return max(0.0, used)

    hold(meter, 1, METERING, TODAY, 0x22, today)
    hold(meter, 1, METERING, YESTERDAY, 0x22, lambda: (today(), state["before"])[1])
    while True:
        yield air.rng.uniform(100, 300)
        for one in home.shown(meter):
            if home.ready(one, meter):
                yield from home.speech.read(one, meter, METERING, (TODAY, YESTERDAY))


def free_hours(home: Home) -> None:
    """A tariff one of whose rates costs nothing, as some suppliers sell weekends."""
    home.more["prices of rates"] = (home.price, 0, home.price, home.price * 2)


def power_cut(home: Home) -> Process:
    """All that is on the mains is off for a minute; counters go on behind what was stored."""
    air = home.air
    yield air.rng.uniform(2500, 4500)
    off = [one for one in air.devices if not one.nap and one.up]
    for one in off:
        one.up = False
    yield air.rng.uniform(20, 100)
    for one in off:
        one.up = True
        one.counts["nwk counter"] += 1024 - one.counts["nwk counter"] % 1024
        one.counts["mac"] = air.rng.randrange(256)
        yield air.rng.uniform(0.2, 4.0)
    return True


def installer_next_door(home: Home) -> Process:
    """Somebody else's devices look for a network again and again, and the routers of this one say that it is closed."""
    air = home.air
    other = Device("stranger", 0, 0xFFFF, "stranger", -78)
    while True:
        yield air.rng.uniform(200, 1200)
        for _ in range(air.rng.randrange(1, 9)):
            yield from air.send(
                other, assemble.mac_command(other.next("mac"), 7, dst_pan=0xFFFF, dst=0xFFFF, ack=False)
            )
            for one in [each for each in air.devices if each.router and each.up and each.joined]:
                yield air.rng.uniform(0.004, 0.02)
                beacon = assemble.mac_beacon(
                    one.next("beacon"), air.pan, one.short, home.more.get("epid", home.hub.eui64), permit_join=False,
                    coordinator=one is home.hub, update_id=home.more.get("update", 0),
                )  # fmt: skip
                yield from air.send(one, beacon)
            yield air.rng.uniform(1, 12)

"""Values that are wrong: readings, demand, scales, prices, credit, times, voltages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from captures.simulated.air.medium import Wait
from captures.simulated.devices import gas_mirror, metering
from captures.simulated.devices.behaviour import displays
from captures.simulated.faults.registry import FaultKind, Play, fault
from captures.simulated.stack import attributes
from captures.simulated.stack.clusters import METERING, PREPAYMENT, PRICE, TIME
from captures.simulated.stack.network import Role
from captures.simulated.stack.node import Node

__all__: list[str] = []

POWER = 0x0001
MAINS, BATTERY = 0x0000, 0x0020
CREDIT, SNAPSHOT = 0x0001, 0x0007
HOUR = 3600
Values = Mapping[int, tuple[int, Any]]


@contextmanager
def _claiming(node: Node, cluster: int, values: Values) -> Iterator[None]:
    """The device says this of its attributes meanwhile."""
    held = node.part(attributes.Attributes).values
    before = {(cluster, code): held.get((cluster, code)) for code in values}
    attributes.hold(node, cluster, values)
    try:
        yield
    finally:
        for place, typed in before.items():
            if typed is None:
                del held[place]
            else:
                held[place] = typed


def _asked(play: Play, server: Node, cluster: int, codes: Sequence[int], times: float, pause: float) -> Wait:
    """Displays in turn read attributes of the server."""
    asking = displays(play.han)
    play.row.device = server.address
    for number in range(play.count(times)):
        endpoints = (
            {"endpoints": (1, gas_mirror.MIRROR_ENDPOINT)}
            if server is play.han.hub and cluster == METERING
            else {}
        )
        yield from attributes.read(
            asking[number % len(asking)], server, cluster, codes, faults=play.mark, **endpoints
        )
        yield play.wait(pause, 1.5 * pause)


@fault(
    "reading-jumps",
    "The electricity meter's register leaps by tens of kWh",
    kind=FaultKind.FAULT,
    needs=(Role.ESME,),
)
def reading_jumps(play: Play) -> Wait:
    meter = play.victim(Role.ESME)
    metering.electricity_meter(meter).wh += 60_000 * play.strength
    yield from _asked(play, meter, METERING, (metering.CURRENT_SUMMATION,), 3, 60)


@fault(
    "reading-falls", "The electricity meter's register goes back", kind=FaultKind.FAULT, needs=(Role.ESME,)
)
def reading_falls(play: Play) -> Wait:
    meter = play.victim(Role.ESME)
    metering.electricity_meter(meter).wh -= 20_000 * play.strength
    yield from _asked(play, meter, METERING, (metering.CURRENT_SUMMATION,), 3, 60)


@fault("reading-frozen", "The electricity meter's register stands still while power is used", kind=FaultKind.FAULT,
       needs=(Role.ESME,))  # fmt: skip
def reading_frozen(play: Play) -> Wait:
    meter = play.victim(Role.ESME)
    now = metering.electricity_meter(meter).energy()
    with _claiming(meter, METERING, {metering.CURRENT_SUMMATION: (metering.UINT48, now)}):
        yield from _asked(play, meter, METERING, (metering.CURRENT_SUMMATION,), 24, 100)


@fault("demand-beyond-fuse", "The electricity meter tells a demand that no fuse lets through", kind=FaultKind.FAULT,
       needs=(Role.ESME,))  # fmt: skip
def demand_beyond_fuse(play: Play) -> Wait:
    meter = play.victim(Role.ESME)
    watts = round(60_000 * play.strength)
    with _claiming(meter, METERING, {metering.DEMAND: (metering.INT24, watts)}):
        yield from _asked(play, meter, METERING, (metering.DEMAND,), 3, 20)


@fault(
    "demand-frozen",
    "The electricity meter's demand stays the same to the watt",
    kind=FaultKind.FAULT,
    needs=(Role.ESME,),
)
def demand_frozen(play: Play) -> Wait:
    meter = play.victim(Role.ESME)
    watts = play.rng.randrange(90, 900)
    with play.marking(meter), _claiming(meter, METERING, {metering.DEMAND: (metering.INT24, watts)}):
        yield play.wait(4000 * play.strength)


@fault("invalid-values", "The electricity meter has no value of its demand for a while", kind=FaultKind.FAULT,
       needs=(Role.ESME,))  # fmt: skip
def invalid_values(play: Play) -> Wait:
    meter = play.victim(Role.ESME)
    with _claiming(meter, METERING, {metering.DEMAND: (metering.INT24, -0x80_0000)}):
        yield from _asked(play, meter, METERING, (metering.DEMAND,), 6, 30)


@fault(
    "scale-changes",
    "The electricity meter's divisor becomes another",
    kind=FaultKind.FAULT,
    needs=(Role.ESME,),
)
def scale_changes(play: Play) -> Wait:
    meter = play.victim(Role.ESME)
    divisor = play.rng.choice((0, 1, 100))
    with _claiming(meter, METERING, {metering.DIVISOR: (metering.UINT24, divisor)}):
        yield from _asked(play, meter, METERING, (metering.MULTIPLIER, metering.DIVISOR), 3, 60)


def _priced(play: Play, times: float, **more: int) -> Wait:
    """A display asks for its price, again and again."""
    meter = play.victim(Role.ESME)
    for display in list(displays(play.han)) * play.count(times):
        with play.marking(meter, display):
            arrived, seq = yield from display.send_zcl(meter, PRICE, 0x00, b"\x01")
            if arrived:
                yield from metering.publish_price(meter, display, seq, **more)
        yield play.wait(30, 90)


@fault(
    "price-wrong",
    "A price of nothing, or ten or a hundred times the true one",
    kind=FaultKind.FAULT,
    needs=(Role.ESME,),
)
def price_wrong(play: Play) -> Wait:
    meter = play.victim(Role.ESME)
    yield from _priced_true(play)
    account = meter.part(metering.Account)
    account.price *= play.rng.choice((0, 10, 100))
    yield from _priced(play, 2)


def _priced_true(play: Play) -> Wait:
    """A display hears the true price before."""
    meter, display = play.victim(Role.ESME), displays(play.han)[0]
    yield from metering.publish_price(meter, display)
    yield play.wait(30, 60)


@fault("price-not-begun", "Displays that ask for their price get one that has not begun", kind=FaultKind.FAULT,
       needs=(Role.ESME,))  # fmt: skip
def price_not_begun(play: Play) -> Wait:
    yield from _priced(play, 2, begins=round(24 * HOUR * play.strength))


@fault(
    "publisher-clock-wrong",
    "The electricity meter's clock is hours off",
    kind=FaultKind.FAULT,
    needs=(Role.ESME,),
)
def publisher_clock_wrong(play: Play) -> Wait:
    yield from _priced(play, 2, clock=play.rng.choice((-1, 1)) * round(2 * HOUR * play.strength))


@fault("credit-jumps", "The credit of the electricity meter changes by tens of pounds at once", kind=FaultKind.FAULT,
       needs=(Role.ESME,))  # fmt: skip
def credit_jumps(play: Play) -> Wait:
    meter = play.victim(Role.ESME)
    pence = round(play.rng.choice((-6_000, 60_000)) * play.strength)
    account = meter.part(metering.Account)
    yield from _asked(play, meter, PREPAYMENT, (CREDIT,), 1, 700)
    account.credit += pence * metering.PER_PENNY
    attributes.hold(meter, PREPAYMENT, {CREDIT: (metering.INT32, account.credit)})
    yield from _asked(play, meter, PREPAYMENT, (CREDIT,), 3, 60)


@fault("stale-readings", "The hub's mirror gives readings of hours ago as if they were new", kind=FaultKind.FAULT,
       needs=(Role.GSME,))  # fmt: skip
def stale_readings(play: Play) -> Wait:
    hub, meter = play.han.hub, play.victim(Role.GSME)
    taken = play.han.utc - round(6 * HOUR * play.strength)
    litres = metering.gas_meter(meter).volume()
    old: Values = {SNAPSHOT: (0xE2, taken), metering.CURRENT_SUMMATION: (metering.UINT48, litres)}
    with _claiming(hub, METERING, old):
        yield from _asked(play, hub, METERING, tuple(old), 12, 120)


@fault(
    "local-time-wrong",
    "The hub holds other rules of summer time than those of the country",
    kind=FaultKind.FAULT,
)
def local_time_wrong(play: Play) -> Wait:
    hub, now = play.han.hub, play.han.utc
    wrong: Values = play.rng.choice((
        {2: (metering.INT32, HOUR)}, {3: (metering.UINT32, now + 40 * 86_400), 5: (metering.INT32, HOUR)},
        {5: (metering.INT32, 2 * HOUR)}, {7: (metering.UINT32, lambda: play.han.utc + HOUR)},
    ))  # fmt: skip
    with _claiming(hub, TIME, wrong):
        yield from _asked(play, hub, TIME, (0, *wrong), 2, 60)


@fault("supply-trouble", "Voltage out of bounds at the electricity meter, an empty battery in the gas meter, alarm bits",
       kind=FaultKind.FAULT, needs=(Role.ESME, Role.GSME))  # fmt: skip
def supply_trouble(play: Play) -> Wait:
    meter, gas, hub = play.victim(Role.ESME), play.victim(Role.GSME), play.han.hub
    volts = round(10 * play.rng.choice((216 - 20 * play.strength, 253 + 10 * play.strength)))
    for level in (36, 36, 28, 27):
        attributes.hold(gas, POWER, {BATTERY: (metering.UINT8, level)})
        attributes.hold(gas, METERING, {metering.STATUS: (metering.BITMAP8, 0x02 if level < 30 else 0)})
        yield from attributes.report(gas, hub, POWER, (BATTERY,), faults=play.mark)
        yield from attributes.report(gas, hub, METERING, (metering.STATUS,), faults=play.mark)
        yield play.wait(30, 60)
    with _claiming(meter, POWER, {MAINS: (metering.UINT16, volts)}):
        yield from _asked(play, meter, POWER, (MAINS,), 3, 20)

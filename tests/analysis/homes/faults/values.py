"""Meters that measure, and mirrors that serve, what is not."""

from __future__ import annotations

from tests.analysis.homes.air import Process
from tests.analysis.homes.faults.catalogue import altered, fault
from tests.analysis.homes.faults.presence import early, faulty
from tests.analysis.homes.life import DEMAND, METERING, MIRROR, STATUS, TIME, TOTAL, Home

SCALED = {"pace": {"registers": 120.0}}


def sign(number: int, octets: int = 3) -> int:
    return number - (1 << 8 * octets) if number >> 8 * octets - 1 else number


def for_a_while(home: Home, attribute: int, change, seconds: float) -> Process:
    """The meter gives another value, and after some time the true one again."""
    key = (1, METERING, attribute)
    true = home.meter.values[key]
    altered(home.meter, key, change)
    yield seconds
    home.meter.values[key] = true
    return True


@fault("the register falls", "values", "consumption-sample")
def falls(home: Home, strength: float) -> Process:
    faulty(home, home.meter)
    yield early(home)
    altered(home.meter, (1, METERING, TOTAL), lambda true: true - round(200_000 * strength))


@fault("the register leaps", "values", "register-leaps", **SCALED)
def leaps(home: Home, strength: float) -> Process:
    faulty(home, home.meter)
    yield early(home)
    altered(home.meter, (1, METERING, TOTAL), lambda true: true + round(40_000 * strength))


@fault("the register stands still", "values", "register-frozen", hours=4, **SCALED)
def still(home: Home, strength: float) -> Process:
    faulty(home, home.meter)
    yield early(home)
    key = (1, METERING, TOTAL)
    kind, value = home.meter.values[key]
    frozen = value()
    home.meter.values[key] = (kind, lambda: frozen)
    yield 5000 * strength**0.5
    home.meter.values[key] = (kind, value)


@fault(
    "the register rises at double its pace",
    "values",
    "register-leaps",
    "register-and-demand",
    hours=4,
    **SCALED,
)
def doubled(home: Home, strength: float) -> Process:
    faulty(home, home.meter)
    yield early(home)
    now = int.from_bytes(home.meter.values[1, METERING, TOTAL][1](), "little")
    altered(home.meter, (1, METERING, TOTAL), lambda true: round(now + (true - now) * (1 + 3 * strength)))


@fault(
    "the register rises at half its pace",
    "values",
    "register-frozen",
    "register-and-demand",
    hours=4,
    **SCALED,
)
def halved(home: Home, strength: float) -> Process:
    faulty(home, home.meter)
    yield early(home)
    now = int.from_bytes(home.meter.values[1, METERING, TOTAL][1](), "little")
    altered(home.meter, (1, METERING, TOTAL), lambda true: round(now + (true - now) / (1 + 3 * strength)))


@fault("the demand stands still", "values", "demand-frozen", hours=4)
def same(home: Home, strength: float) -> Process:
    faulty(home, home.meter)
    yield early(home)
    kind, value = home.meter.values[1, METERING, DEMAND]
    frozen = value()
    home.meter.values[1, METERING, DEMAND] = (kind, lambda: frozen)
    yield 4500 * strength**0.5
    home.meter.values[1, METERING, DEMAND] = (kind, value)


@fault(
    "the demand is nought while energy is used",
    "values",
    "demand-frozen",
    "register-and-demand",
    hours=4,
    **SCALED,
)
def nought(home: Home, strength: float) -> Process:
    faulty(home, home.meter)
    yield early(home)
    yield from for_a_while(home, DEMAND, lambda true: true * 0, 4500 * strength**0.5)


@fault("the demand is beyond the fuse", "values", "demand-beyond-fuse")
def beyond(home: Home, strength: float) -> Process:
    faulty(home, home.meter)
    yield early(home)
    yield from for_a_while(home, DEMAND, lambda true: round(60_000 * strength), 600)


@fault("the demand is negative", "values", "register-and-demand", hours=4, **SCALED)
def negative(home: Home, strength: float) -> Process:
    faulty(home, home.meter)
    yield early(home)
    yield from for_a_while(home, DEMAND, lambda true: -sign(true), 3000 * strength)


@fault(
    "the demand is ten times too much",
    "values",
    "demand-beyond-fuse",
    "register-and-demand",
    hours=4,
    **SCALED,
)
def tenfold(home: Home, strength: float) -> Process:
    faulty(home, home.meter)
    yield early(home)
    yield from for_a_while(home, DEMAND, lambda true: sign(true) * (5 + round(5 * strength)), 3600)


@fault("the demand has no value", "values", "invalid-value")
def no_demand(home: Home, strength: float) -> Process:
    faulty(home, home.meter)
    yield early(home)
    yield from for_a_while(home, DEMAND, lambda true: 0x800000, 400 * strength)


@fault("the register has no value", "values", "invalid-value", **SCALED)
def no_register(home: Home, strength: float) -> Process:
    faulty(home, home.meter)
    yield early(home)
    yield from for_a_while(home, TOTAL, lambda true: (1 << 48) - 1, 900 * strength)


@fault("the register is nought for a while", "values", "consumption-sample", **SCALED)
def register_nought(home: Home, strength: float) -> Process:
    faulty(home, home.meter)
    yield early(home)
    yield from for_a_while(home, TOTAL, lambda true: true * 0, 900 * strength)


def tells_scale(home: Home) -> Process:
    """Displays read the scale again, as they do now and then."""
    while True:
        yield 600.0
        for one in home.of("PPMID", "IHD"):
            if home.ready(one, home.meter):
                yield from home.speech.read(
                    one, home.meter, METERING, (0x0300, 0x0301, 0x0302, 0x0303, 0x0306)
                )
                yield from home.speech.read(one, home.hub, METERING, (TOTAL, 0x0300, 0x0301, 0x0302), MIRROR)


def scaled(home: Home, attribute: int, value: int, strength: float) -> Process:
    faulty(home, home.meter)
    home.air.begin(tells_scale(home))
    yield early(home)
    yield from for_a_while(home, attribute, lambda true: value, 1300 * strength)


@fault("the divisor is nought", "values", "scale-changed")
def no_divisor(home: Home, strength: float) -> Process:
    return (yield from scaled(home, 0x0302, 0, strength))


@fault("the divisor changes", "values", "scale-changed")
def divisor(home: Home, strength: float) -> Process:
    return (yield from scaled(home, 0x0302, 100, strength))


@fault("the multiplier changes", "values", "scale-changed")
def multiplier(home: Home, strength: float) -> Process:
    return (yield from scaled(home, 0x0301, 10, strength))


@fault("the unit changes", "values", "scale-changed")
def unit(home: Home, strength: float) -> Process:
    return (yield from scaled(home, 0x0300, 1, strength))


@fault("the gas mirror stands still", "values", "reading-stale", hours=6)
def mirror_still(home: Home, strength: float) -> Process:
    faulty(home, home.hub, home.of("GSME")[0])
    home.air.begin(tells_scale(home))
    yield 21_600 - 8000 * strength**0.5
    kind, value = home.hub.values[MIRROR, METERING, TOTAL]
    frozen = value()
    while True:
        home.hub.values[MIRROR, METERING, TOTAL] = (kind, lambda: frozen)
        yield 1.0


@fault(
    "the gas mirror serves another register",
    "values",
    "register-leaps",
    "consumption-sample",
    "mirror-differs",
    hours=5,
)
def mirror_other(home: Home, strength: float) -> Process:
    faulty(home, home.hub, home.of("GSME")[0])
    home.air.begin(tells_scale(home))
    yield 18_000 - 6000 * strength**0.5
    while True:
        yield 0.5
        told = home.speech.value(home.of("GSME")[0], 1, METERING, TOTAL)
        off = int.from_bytes(told[1:], "little") + round(9000 * strength)
        home.speech.hold(home.hub, MIRROR, METERING, TOTAL, 0x25, off)


@fault("the gas register falls", "values", "consumption-sample", hours=5)
def gas_falls(home: Home, strength: float) -> Process:
    faulty(home, home.hub, home.of("GSME")[0])
    yield early(home)
    altered(home.of("GSME")[0], (1, METERING, TOTAL), lambda true: true - round(60_000 * strength))


@fault("the gas register leaps", "values", "register-leaps", hours=5)
def gas_leaps(home: Home, strength: float) -> Process:
    faulty(home, home.hub, home.of("GSME")[0])
    yield early(home)
    altered(home.of("GSME")[0], (1, METERING, TOTAL), lambda true: true + round(90_000 * strength))


@fault("the gas register has no value", "values", "invalid-value", hours=5)
def gas_invalid(home: Home, strength: float) -> Process:
    faulty(home, home.hub, home.of("GSME")[0])
    yield early(home)
    altered(home.of("GSME")[0], (1, METERING, TOTAL), lambda true: (1 << 48) - 1)


@fault("the meter says that it is tampered with", "values", "alarm-bits", **SCALED)
def tampered(home: Home, strength: float) -> Process:
    faulty(home, home.meter)
    yield early(home)
    yield from for_a_while(home, STATUS, lambda true: 0x04, 700 * strength)


@fault("the gas meter says that its battery is low", "values", "alarm-bits", hours=4)
def battery_low(home: Home, strength: float) -> Process:
    faulty(home, home.of("GSME")[0])
    yield early(home)
    altered(home.of("GSME")[0], (1, METERING, STATUS), lambda true: 0x02)


def wrong_time(home: Home, change) -> Process:
    faulty(home, home.hub)
    yield early(home)
    for attribute in (0, 7):
        altered(home.hub, (1, TIME, attribute), change)


@fault("the hub's clock leaps", "values", "time-step", hours=4, pace={"time": 1200.0})
def clock_leaps(home: Home, strength: float) -> Process:
    return (yield from wrong_time(home, lambda true: true + round(600 * strength)))


@fault("the hub's clock drifts", "values", "time-drifts", "time-step", hours=4, pace={"time": 900.0})
def clock_drifts(home: Home, strength: float) -> Process:
    since = home.air.utc
    return (yield from wrong_time(home, lambda true: true + round((home.air.utc - since) * 0.005 * strength)))


@fault(
    "the hub has no time",
    "values",
    "invalid-value",
    "time-status",
    "time-step",
    hours=4,
    pace={"time": 1200.0},
)
def clock_invalid(home: Home, strength: float) -> Process:
    return (yield from wrong_time(home, lambda true: 0xFFFFFFFF))


@fault("the hub's local time is an hour off", "values", "local-time-wrong", hours=4, pace={"time": 1200.0})
def local(home: Home, strength: float) -> Process:
    faulty(home, home.hub)
    yield early(home)
    altered(home.hub, (1, TIME, 7), lambda true: true + round(3600 * max(1, strength)))


@fault("the hub says that its time is not set", "values", "time-status", hours=4, pace={"time": 1200.0})
def time_status(home: Home, strength: float) -> Process:
    faulty(home, home.hub)
    yield early(home)
    altered(home.hub, (1, TIME, 1), lambda true: 0)


@fault("the credit falls", "values", "credit-jumps", pace={"credit": 300.0})
def credit_falls(home: Home, strength: float) -> Process:
    faulty(home, home.meter)
    yield early(home)
    home.credit -= round(4_000_000 * strength)


@fault("the credit is too much", "values", "credit-jumps", pace={"credit": 300.0})
def credit_rises(home: Home, strength: float) -> Process:
    faulty(home, home.meter)
    yield early(home)
    home.credit += round(60_000_000 * strength)

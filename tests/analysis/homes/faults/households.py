"""What goes wrong in homes with panels on the roof, and in those with a gas meter below 1 GHz."""

from __future__ import annotations

from tests.analysis.homes import households, sub_ghz
from tests.analysis.homes.air import Process
from tests.analysis.homes.faults.catalogue import altered, fault, much, number_in
from tests.analysis.homes.faults.presence import early, faulty
from tests.analysis.homes.life import DEMAND, METERING, TOTAL, Home
from tests.analysis.homes.speech import zcl

SUN = {"hours": 5, "before": (households.sun,), "happens": (households.export_is_read,)}
BELOW = {"form": "tap", "before": (sub_ghz.below,), "hours": 5, "pace": {"gas_polls": 300.0}}
LATER = 6000.0


def from_then_on(home: Home, what: int, change: float) -> Process:
    """From a time on a register counts `change` times what it counted before."""
    faulty(home, home.meter)
    yield LATER
    _, value = home.meter.values[1, METERING, what]
    then = number_in(value)
    altered(home.meter, (1, METERING, what), lambda true: then + round((true - then) * change))


@fault("what goes out is not counted any more", "households", "register-frozen", strengths=(1.0,), **SUN)
def export_frozen(home: Home, strength: float) -> Process:
    return (yield from from_then_on(home, households.RECEIVED, 0.0))


@fault(
    "what goes out is counted tenfold",
    "households",
    "register-leaps",
    "register-and-demand",
    strengths=(1.0,),
    **SUN,
)
def export_tenfold(home: Home, strength: float) -> Process:
    return (yield from from_then_on(home, households.RECEIVED, 10.0))


@fault(
    "what goes out is counted as what comes in",
    "households",
    "register-leaps",
    "register-and-demand",
    strengths=(1.0,),
    **SUN,
)
def export_is_charged(home: Home, strength: float) -> Process:
    meter = home.meter
    faulty(home, meter)
    yield LATER
    was = {}
    for what in (TOTAL, households.RECEIVED):
        _, value = meter.values[1, METERING, what]
        was[what] = value, number_in(value)

    def more(true: int) -> int:
        value, then = was[households.RECEIVED]
        return true + number_in(value) - then

    altered(meter, (1, METERING, TOTAL), more)
    altered(meter, (1, METERING, households.RECEIVED), lambda true: was[households.RECEIVED][1])


@fault("the demand has the wrong sign", "households", "register-frozen", "register-leaps", "register-and-demand", strengths=(1.0,),
       **SUN)  # fmt: skip
def wrong_sign(home: Home, strength: float) -> Process:
    faulty(home, home.meter)
    yield LATER
    altered(home.meter, (1, METERING, DEMAND), lambda true: -true)


@fault("the gas meter is suspended again and again", "households", "sub-ghz-suspended-often", **BELOW)
def suspended_often(home: Home, strength: float) -> Process:
    gas, hub = home.of("GSME")[0], home.hub
    faulty(home, gas, hub)
    yield early(home) / 4
    for _ in range(2 + much(4, strength)):
        asdu = zcl(0x00, bytes([20]), sequence=hub.next("zcl"), to_client=True)
        yield from home.speech.say(hub, gas, sub_ghz.SUB_GHZ, asdu)
        while gas.waiting:
            yield 1.0
        gas.mute = True
        yield 20 * 60 + 2
        gas.mute = False
        yield home.air.rng.uniform(100, 300)


@fault("the hub leaves the channel below 1 GHz without a word", "households", "channel-change-announced", "polling-stops",
       "device-silent", "device-away", least="info",
       note="one frame would tell of it, which the sniffer may have missed", **BELOW)  # fmt: skip
def leaves_channel(home: Home, strength: float) -> Process:
    faulty(home)
    yield LATER
    for one in home.of("GSME"):
        page, channel = one.band or (28, 0)
        one.band = (page, (channel + 3) % 8)


@fault("the gas meter below 1 GHz is hardly heard by the hub", "households", "links-fail", "missing-acknowledgements",
       "retries", **BELOW)  # fmt: skip
def weak_below(home: Home, strength: float) -> Process:
    faulty(home, home.hub, *home.of("GSME"))
    yield early(home)
    for one in home.of("GSME"):
        one.loss = 1 - 0.25 / max(strength, 0.7)

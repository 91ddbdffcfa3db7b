"""What engineers meet in homes that are in use: partners that are gone, meters that are never at rest, downloads that stand
still, answers that belong to nothing, mail that nobody takes."""

from __future__ import annotations

import struct

from tests.analysis.homes.air import Process
from tests.analysis.homes.days import OTA, refused
from tests.analysis.homes.faults.catalogue import fault, much
from tests.analysis.homes.faults.presence import early, faulty
from tests.analysis.homes.joining import announce
from tests.analysis.homes.life import DEMAND, METERING, PRICE, STATUS, TOTAL, Home
from tests.analysis.homes.speech import zcl

LOAD = 0x0701
FILE = struct.pack("<HHI", 0x1077, 3, 0x00010300)
SIZE = 9000


@fault("the meter reports on to a display that is gone", "field", "missing-acknowledgements", "links-fail",
       "device-silent")  # fmt: skip
def to_nobody(home: Home, strength: float) -> Process:
    one, meter = home.of("PPMID")[0], home.meter
    faulty(home, one, meter)
    yield 10_800 - 5000 * strength**0.5
    one.up = False
    while True:
        yield home.pace.demand
        if not home.pushes:
            yield from home.speech.report(meter, one, METERING, (DEMAND,), (1, home.speech.endpoints[0]))


@fault("the gas meter reports every few minutes", "field", "poll-interval-changed",
       "gas-fast-wake", "request-load", hours=5, pace={"gas_polls": 1800.0})  # fmt: skip
def never_at_rest(home: Home, strength: float) -> Process:
    one = home.of("GSME")[0]
    faulty(home, one)
    yield 6000.0
    while True:
        yield 150.0 / strength * home.air.rng.uniform(0.97, 1.03)
        yield from home.air.poll(one, home.hub)
        if (yield from home.speech.report(one, home.hub, METERING, (TOTAL, STATUS), (1, 3))):
            told = home.speech.value(one, 1, METERING, TOTAL)
            home.speech.hold(home.hub, 3, METERING, TOTAL, 0x25, int.from_bytes(told[1:], "little"))


@fault("the hub restarts again and again", "field", "device-away", "rejoin-loop")
def hub_restarts(home: Home, strength: float) -> Process:
    hub = home.hub
    faulty(home, hub)
    yield early(home) / 2
    for _ in range(3 + much(4, strength)):
        hub.up = False
        yield home.air.rng.uniform(40, 90)
        hub.up = True
        hub.counts["nwk counter"] += 1024 - hub.counts["nwk counter"] % 1024
        yield from announce(home, hub)
        yield home.air.rng.uniform(200, 500)
    return True


@fault(
    "a switch never reports what it made of load control",
    "field",
    "load-event-unreported",
    "request-unanswered",
)
def unreported(home: Home, strength: float) -> Process:
    meter, one = home.meter, home.of("HCALCS")[0]
    key = home.air.rng.randbytes(16)
    meter.links[one.eui64] = one.links[meter.eui64] = key
    faulty(home, one, meter)
    yield early(home)
    for number in range(2 + much(3, strength)):
        body = struct.pack(
            "<IHBIHBBBhhbBB", number + 1, 0x0004, 0, 0, 1, 1, 0xFF, 0xFF, -0x8000, -0x8000, -128, 0xFF, 0
        )
        yield from home.speech.say(meter, one, LOAD, zcl(0, body, sequence=meter.next("zcl"), to_client=True))
        yield home.air.rng.uniform(200, 500)
    return True


def block(home: Home, offset: int, answer: bytes, tail: bytes = b"") -> Process:
    one, hub = home.of("PPMID")[0], home.hub
    asked = b"\0" + FILE + struct.pack("<IB", offset, 50)
    return (yield from home.speech.ask(one, hub, OTA, 3, asked, answer + tail, 5))


def offered(home: Home) -> Process:
    one, hub = home.of("PPMID")[0], home.hub
    faulty(home, one, hub)
    yield early(home)
    query = b"\0" + struct.pack("<HHI", 0x1077, 3, 0x00010203)
    yield from home.speech.ask(one, hub, OTA, 1, query, b"\0" + FILE + struct.pack("<I", SIZE), 2)
    head = struct.pack("<IHHHHHIH32sI", 0x0BEEF11E, 0x0100, 56, 0, 0x1077, 3, 0x00010300, 2, b"image", SIZE)
    image = head + struct.pack("<HI", 0, SIZE - 62) + home.air.rng.randbytes(3000)
    for offset in range(0, 3000, 50):
        told = b"\0" + FILE + struct.pack("<IB", offset, 50)
        yield from block(home, offset, told, image[offset : offset + 50])
        yield home.air.rng.uniform(0.5, 1.5)


@fault("firmware stops half way", "field", "ota-stalls", "ota-restarts", "service-refused")
def stalls(home: Home, strength: float) -> Process:
    return (yield from offered(home))


@fault("the hub tells to wait for firmware without end", "field", "ota-stalls", "ota-restarts", "service-refused",
       "request-load")  # fmt: skip
def waits(home: Home, strength: float) -> Process:
    yield from offered(home)
    for _ in range(much(60, strength)):
        wait = struct.pack("<BII", 0x97, home.air.utc, home.air.utc + 60)
        yield from block(home, 3000, wait)
        yield home.air.rng.uniform(58, 66)


@fault("answers bear another sequence number", "field", "request-unanswered", "answers-nobody")
def other_numbers(home: Home, strength: float) -> Process:
    meter, say = home.meter, home.speech.say
    faulty(home, meter, *home.of("PPMID", "IHD"))
    home.pushes = False
    yield 10_800 - 4000 * strength**0.5

    def shifted(one, other, cluster, asdu, **more):  # type: ignore[no-untyped-def]
        if one is meter and asdu[0] & 8 and len(asdu) > 2:
            asdu = bytes([asdu[0], (asdu[1] + 1) % 256]) + asdu[2:]
        return (yield from say(one, other, cluster, asdu, **more))

    home.speech = Shifted(home.speech, shifted)


class Shifted:
    """A `Speech` whose `say` is another."""

    def __init__(self, speech, say) -> None:  # type: ignore[no-untyped-def]
        self._speech, self.say = speech, say

    def __getattr__(self, name: str):  # type: ignore[no-untyped-def]
        method = getattr(type(self._speech), name, None)
        static = isinstance(type(self._speech).__dict__.get(name), staticmethod)
        if callable(method) and not static:
            return lambda *given, **more: method(self, *given, **more)
        return getattr(self._speech, name)


@fault("the meter gives no demand any more", "field", "reports-refused", "invalid-value")
def unsupported(home: Home, strength: float) -> Process:
    faulty(home, home.meter, *home.of("PPMID", "IHD"))
    home.pushes = False
    yield 10_800 - 4000 * strength**0.5
    home.meter.values.pop((1, METERING, DEMAND))


@fault("a display asks at an endpoint that is not there", "field", "reports-refused", "service-refused")
def no_endpoint(home: Home, strength: float) -> Process:
    one, hub = home.of("PPMID")[0], home.hub
    faulty(home, one, hub)
    one.stopped.add("gas")
    yield early(home)
    for _ in range(3 + much(6, strength)):
        yield from refused(home, one, hub, METERING, 0x06, b"\0", 0xC3)
        yield home.air.rng.uniform(60, 200)


@fault("the meter publishes its price without end", "field", "request-load")
def publishes(home: Home, strength: float) -> Process:
    meter, one = home.meter, home.of("PPMID")[0]
    faulty(home, meter)
    yield early(home)
    for _ in range(much(400, strength)):
        yield from home.speech.say(
            meter, one, PRICE, zcl(0, home.price_now(), sequence=meter.next("zcl"), to_client=True)
        )
        yield home.air.rng.uniform(2, 6)


@fault("the gas meter does not take what waits for it", "field", "pending-without-data", "links-fail", hours=5,
       pace={"gas_polls": 300.0})  # fmt: skip
def leaves_mail(home: Home, strength: float) -> Process:
    gas, hub = home.of("GSME")[0], home.hub
    faulty(home, gas, hub)
    yield 5000.0

    def nothing() -> Process:
        yield 0.0
        return False

    until = home.air.now + 7200 * strength
    while home.air.now < until:
        gas.waiting[:] = [nothing, *[one for one in gas.waiting if one is not nothing]][:1]
        yield 0.08
    gas.waiting.clear()


@fault("everything is said three times", "field", "request-load", "rate-changed", pace={"demand": 8.0})
def twice(home: Home, strength: float) -> Process:
    one, ask = home.of("PPMID")[0], home.speech.read
    faulty(home, one)
    home.pushes = False
    yield early(home)
    until = home.air.now + 4000 * strength
    while home.air.now < until:
        for _ in range(2):
            yield from ask(one, home.meter, METERING, (DEMAND,))
            yield 0.05
        yield home.pace.demand

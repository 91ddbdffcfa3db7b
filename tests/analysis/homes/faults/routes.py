"""Routers that do not pass on, links that are bad, routes that are looked for without end."""

from __future__ import annotations

import struct

from dissectors.zigbee import assemble
from tests.analysis.homes.air import Device, Process
from tests.analysis.homes.faults.catalogue import fault, much
from tests.analysis.homes.faults.presence import early, faulty
from tests.analysis.homes.life import Home

RELAYED = {"relayed": True, "devices": ("PPMID", "HCALCS", "CAD")}


def status(home: Home, one: Device, code: int, about: int) -> Process:
    """Network Status (05-3474 3.4.3)."""
    return (yield from home.air.carry(one, home.hub, struct.pack("<BBH", 3, code, about), command=True))


@fault("a router swallows what it is to pass on", "routes", "request-unanswered", **RELAYED)
def swallows(home: Home, strength: float) -> Process:
    router = home.meter
    faulty(home, router, *home.of("PPMID", "IHD", "CAD"))
    yield 10_800 - 4500 * strength**0.5
    router.passes = False


@fault(
    "a router loses many frames that it is to pass on",
    "routes",
    "request-unanswered",
    **RELAYED,
)
def leaks(home: Home, strength: float) -> Process:
    router = home.meter
    faulty(home, router, *home.of("PPMID", "IHD", "CAD"))
    yield early(home) / 2
    while True:
        router.passes = home.air.rng.random() > 0.4 + 0.15 * strength
        yield home.air.rng.uniform(1, 9)


@fault("routes fail", "routes", "links-fail")
def fails(home: Home, strength: float) -> Process:
    one = home.of("HCALCS")[0]
    faulty(home, one)
    yield early(home)
    for _ in range(4 + much(4, strength)):
        yield from status(home, one, home.air.rng.choice((0x00, 0x02)), home.meter.short)
        yield home.air.rng.uniform(30, 300)


@fault("routes to the hub fail from many places", "routes", "links-fail")
def many_fail(home: Home, strength: float) -> Process:
    faulty(home, home.meter, *home.of("HCALCS"))
    yield early(home)
    for _ in range(4 + much(4, strength)):
        for one in (home.meter, home.of("HCALCS")[0]):
            yield from status(home, one, 0x0C, 0)
        yield home.air.rng.uniform(60, 300)


@fault(
    "a device looks for a route without end", "routes", "route-requests", "request-load", "broadcast-flood"
)
def looks(home: Home, strength: float) -> Process:
    one = home.of("HCALCS")[0]
    faulty(home, one)
    yield early(home)
    for number in range(20 + much(40, strength)):
        yield from home.air.shout(
            one, struct.pack("<BBBHB", 1, 0, number & 0xFF, home.meter.short, 0), command=True
        )
        yield home.air.rng.uniform(5, 25)


@fault(
    "a link becomes bad in both directions",
    "routes",
    "missing-acknowledgements",
    "retries-changed",
    "retries",
    "retry-copies",
)
def bad_link(home: Home, strength: float) -> Process:
    one = home.of("PPMID")[0]
    faulty(home, one)
    yield early(home)
    one.loss = min(0.9, 0.5 + 0.15 * strength)


@fault("routers tell that their link is bad", "routes", "link-cost")
def costs(home: Home, strength: float) -> Process:
    one = home.of("HCALCS")[0]
    faulty(home, one)
    yield 10_800 - 5000 * strength**0.5
    home.more["cost", one] = 0x77


@fault("a router tells that it hears nobody", "routes", "link-cost")
def hears_nobody(home: Home, strength: float) -> Process:
    one = home.of("HCALCS")[0]
    faulty(home, one)
    yield 10_800 - 5000 * strength**0.5
    home.more["cost", one] = None


@fault("a link goes one way only", "routes", "link-cost")
def one_way(home: Home, strength: float) -> Process:
    one = home.of("HCALCS")[0]
    faulty(home, one)
    yield 10_800 - 5000 * strength**0.5
    home.more["cost", one] = 0x01


@fault("two routers pass one frame to and fro", "routes", "routing-loop")
def loops(home: Home, strength: float) -> Process:
    hub, meter, switch, air = home.hub, home.meter, home.of("HCALCS")[0], home.air
    faulty(home, meter, switch)
    yield early(home)
    for _ in range(2 + much(4, strength)):
        seq, radius = hub.next("nwk"), 30
        key = hub.links[switch.eui64]
        header = assemble.aps_data(0x0702, 0x0109, 1, 1, hub.next("aps"), secured=True)
        apdu = home.speech._sealed(hub, header, b"\x00\x07\x00\x00\x00", key)
        target = Device("", 0, 0x4321, "nobody", -60)
        for hop in range(12):
            sender, receiver = ((meter, switch), (switch, meter))[hop % 2]
            body = air.npdu(hub, target.short, seq, apdu, sender, command=False, radius=radius - hop)
            frame = assemble.mac_data(
                sender.next("mac"), air.pan, receiver.short, sender.short, body, ack=True
            )
            yield from air.send(sender, frame, receiver)
            yield 0.01
        yield air.rng.uniform(60, 400)


@fault("an address is said to be used twice", "routes", "address-conflict")
def conflict(home: Home, strength: float) -> Process:
    one = home.meter
    faulty(home, one, *home.of("PPMID"))
    yield early(home)
    for _ in range(1 + much(2, strength)):
        body = struct.pack("<BBH", 3, 0x0D, home.of("PPMID")[0].short)
        yield from home.air.shout(one, body, command=True)
        yield home.air.rng.uniform(60, 300)


@fault("a sleeping device's mail expires", "routes", "links-fail")
def expires(home: Home, strength: float) -> Process:
    faulty(home, home.meter)
    yield early(home)
    for _ in range(4 + much(4, strength)):
        yield from status(home, home.meter, 0x06, home.of("GSME")[0].short)
        yield home.air.rng.uniform(60, 300)

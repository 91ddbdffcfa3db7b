"""What happens to a network on a day on which all is well: keys and channels that change in order, a hub that comes back with
another PAN, gas meters that wake by the clock, devices that are away, meters with elements and clusters of their makers."""

from __future__ import annotations

import struct
from dataclasses import replace

from dissectors.zigbee import assemble
from tests.analysis.homes.air import Device, Process
from tests.analysis.homes.days import rejoin
from tests.analysis.homes.joining import announce, network_key
from tests.analysis.homes.life import METERING, Home
from tests.analysis.homes.speech import zcl

__all__ = [
    "another_channel_in_order", "another_pan", "away_for_good", "by_the_clock", "habits_of_their_own", "key_for_sleepers",
    "looks_around", "makers_own", "renews_tunnels", "restarts_often", "rings_its_links",
]  # fmt: skip


def key_for_sleepers(home: Home) -> Process:
    """A new network key goes to each device by itself (05-3474 4.6.3.4.2); who sleeps fetches it late, and still uses the old
    one until then."""
    air, hub = home.air, home.hub
    yield air.rng.uniform(1200, 2400)
    old = (air.sequence, air.key)
    key, sequence = air.rng.randbytes(16), (air.sequence + 1) % 256
    home.more["network keys"][sequence] = key
    for one in [each for each in air.devices if each is not hub and each.joined and each.up]:
        yield from air.carry(hub, one, network_key(home, one, key, sequence))
        yield air.rng.uniform(0.1, 2.0)
    yield air.rng.uniform(20, 90)
    yield from air.shout(hub, bytes([1 | 2 << 2, hub.next("aps")]) + bytes([0x09, sequence]))
    sleepers = [one for one in air.devices if one.nap and one.waiting]
    for one in sleepers:
        one.stale = old
    air.key, air.sequence = key, sequence
    while sleepers:
        yield 1.0
        for one in [each for each in sleepers if not each.waiting]:
            one.stale = None
            sleepers.remove(one)
    return True


def another_channel_in_order(home: Home) -> Process:
    """The hub scans, tells all of another channel (05-3474 2.4.3.3.9, with its update number), and all go there; the sniffer hears
    both."""
    air, hub = home.air, home.hub
    for _ in range(2):
        yield air.rng.uniform(1500, 3000)
        number = home.more["update"] = home.more.get("update", 0) + 1
        header = assemble.aps_data(0x0038, 0, 0, 0, hub.next("aps"), broadcast=True)
        body = struct.pack("<BIBB", hub.next("zdp"), 1 << air.rng.randrange(11, 27), 0xFE, number)
        yield from air.shout(hub, header + body)
        yield 3.0
    return True


def another_pan(home: Home) -> Process:
    """The hub was restarted for new firmware, finds its PAN identifier taken, and tells all of another one (05-3474 3.6.1.13,
    3.4.10)."""
    air, hub = home.air, home.hub
    yield air.rng.uniform(1500, 3500)
    hub.up = False
    yield air.rng.uniform(60, 240)
    hub.up = True
    hub.counts["nwk counter"] += 1024 - hub.counts["nwk counter"] % 1024
    yield air.rng.uniform(5, 60)
    new = (air.pan + air.rng.randrange(1, 500)) % 0xFFF0
    body = struct.pack("<BBQBH", 0x0A, 0x01, home.more.setdefault("epid", hub.eui64), 1, new)
    yield from air.shout(hub, body, command=True)
    yield 0.6
    air.pan = new
    return True


def by_the_clock(home: Home) -> None:
    """Gas meters wake at each half hour of UTC, a minute late at most, and leave one out now and then."""
    home.more["gas clock"] = True


def habits_of_their_own(home: Home) -> None:
    """Each display and access device asks at a pace of its own."""
    for one in home.of("IHD", "PPMID", "CAD"):
        rng = home.air.rng
        home.more["pace", one.name] = replace(
            home.pace, demand=rng.uniform(5.5, 70), registers=rng.uniform(30, 2000), prices=rng.uniform(200, 7000),
            cad=rng.uniform(5, 400), credit=rng.uniform(90, 3000),
        )  # fmt: skip


def away_for_good(home: Home) -> None:
    """A display and a gas meter are known, and not there: another gas proxy's, a display in a drawer."""
    for role in ("IHD", "GSME"):
        if len(home.of(role)) > 1:
            home.of(role)[-1].up = False


def restarts_often(home: Home) -> Process:
    """A display is unplugged for a minute now and then, and rejoins; its counter goes on at the next multiple of 256."""
    while True:
        for one in home.of("IHD", "PPMID"):
            yield home.air.rng.uniform(900, 3000)
            one.up = False
            yield home.air.rng.uniform(20, 120)
            one.up = True
            one.counts["nwk counter"] += 256 - one.counts["nwk counter"] % 256
            one.counts["mac"] = home.air.rng.randrange(256)
            yield from rejoin(home, one)


def looks_around(home: Home) -> Process:
    """The hub looks who is there: addresses, descriptors, endpoints (05-3474 2.4.3.1), and its neighbours."""
    hub = home.hub
    while True:
        yield home.air.rng.uniform(300, 900)
        for one in [each for each in home.of("ESME", "IHD", "PPMID", "CAD") if home.ready(each)]:
            yield from _zdp(
                home, hub, one, 0x0005, struct.pack("<H", one.short), struct.pack("<BHBB", 0, one.short, 1, 1)
            )
            yield 0.5
            node = struct.pack("<BH", 0, one.short) + bytes.fromhex("02408e5f114200000000420000")
            yield from _zdp(home, hub, one, 0x0002, struct.pack("<H", one.short), node)
            yield home.air.rng.uniform(2, 30)


def _zdp(home: Home, one: Device, other: Device, cluster: int, ask: bytes, answer: bytes) -> Process:
    number = bytes([one.next("zdp")])
    yield from home.speech.say(one, other, cluster, number + ask, profile=0)
    yield home.air.rng.uniform(*other.answers)
    return (yield from home.speech.say(other, one, cluster | 0x8000, number + answer, profile=0))


def makers_own(home: Home) -> Process:
    """Clusters and attributes of makers: a cluster from 0xFC00 on, attributes with a maker's code, answers to both."""
    air = home.air
    maker = struct.pack("<H", air.rng.randrange(0x1000, 0x1300))
    while True:
        yield air.rng.uniform(60, 400)
        for one in home.shown(home.meter):
            if not home.ready(one, home.meter):
                continue
            for server, cluster in ((home.meter, METERING), (home.hub, 0xFC00), (home.meter, 0xFDFE)):
                sequence = one.next("zcl")
                ask = bytes([0x14]) + maker + bytes([sequence, 0x00]) + b"\x00\xe0\x01\xe0"
                if not (yield from home.speech.say(one, server, cluster, ask)):
                    continue
                yield air.rng.uniform(*server.answers)
                told = b"\x00\xe0\x00\x20\x07" + b"\x01\xe0\x86"
                back = bytes([0x1C]) + maker + bytes([sequence, 0x01]) + told
                yield from home.speech.say(server, one, cluster, back)
                asdu = bytes([0x1D]) + maker + bytes([server.next("zcl"), 0x42]) + air.rng.randbytes(9)
                yield from home.speech.say(server, one, cluster, asdu)


def rings_its_links(home: Home) -> Process:
    """A display binds, and asks for reports of the meter's demand (ZCL 07-5123 2.4.7), and gets them."""
    yield home.air.rng.uniform(100, 600)
    meter = home.meter
    for one in home.shown(meter):
        body = struct.pack("<BHBHHBBB", 0, 0x0400, 0x2A, 5, 60, 1, 0, 0)
        yield from home.speech.ask(one, meter, METERING, 0x06, body, b"\0", 0x07, general=True)
        yield from announce(home, one)
        asdu = zcl(
            0x0A,
            b"\0\0" + (home.speech.value(meter, 1, METERING, 0) or b""),
            sequence=meter.next("zcl"),
            general=True,
            to_client=True,
        )
        yield from home.speech.say(meter, one, METERING, asdu)
    return True


def renews_tunnels(home: Home) -> Process:
    """The hub asks mains devices for a new tunnel before 65,535 s have passed (GBCS v0.8 10.2.2.1)."""
    while True:
        yield home.air.rng.uniform(40_000, 60_000)
        for one in home.of("ESME", "PPMID", "HCALCS"):
            if home.remote is not None and home.remote.tunnels.pop(one.eui64, None) is not None:
                yield from home.remote.opened(one)

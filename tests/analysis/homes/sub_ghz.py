"""Homes with a hub of two radios: gas meters, and perhaps displays, speak to it below 1 GHz (channel pages 28 to 31)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial

from tests.analysis.homes.air import Device, Process
from tests.analysis.homes.life import Home
from tests.analysis.homes.speech import zcl

__all__ = ["below", "displays_below", "link_is_reported", "moves_in_order", "sub_ghz_day", "suspended"]

SUB_GHZ = 0x070B
CHANNELS = {28: range(0, 27), 29: range(0, 8), 30: range(0, 27)}
"""Channels of the pages in the GB bands, 863 to 876 MHz."""
ENHANCED_UPDATE_NOTIFY, POWER_DELTA = 0x803B, 0x0D


def below(home: Home) -> None:
    """All gas meters on one channel below 1 GHz."""
    _moved(home, "GSME")


def displays_below(home: Home) -> None:
    """Gas meters and displays there."""
    _moved(home, "GSME", "PPMID", "IHD")


def _moved(home: Home, *roles: str) -> None:
    rng, hold = home.air.rng, home.speech.hold
    page = rng.choice(list(CHANNELS))
    band = (page, rng.choice(CHANNELS[page]))
    for one in home.of(*roles):
        one.band, one.via = band, home.hub
        one.rssi -= 8
    hold(home.hub, 1, SUB_GHZ, 0, 0x1B, 0)
    for attribute, each in ((1, 28), (2, 29), (3, 30), (4, 31)):
        channels = CHANNELS.get(each, ())
        hold(home.hub, 1, SUB_GHZ, attribute, 0x1B, each << 27 | sum(1 << one for one in channels))


def _children(home: Home) -> list[Device]:
    return [one for one in home.air.devices if one.band is not None and home.ready(one)]


def sub_ghz_day(home: Home) -> Process:
    """Children ask whether they are suspended, which they are not; read channels; adjust their power with the hub."""
    air, hub = home.air, home.hub
    while True:
        yield air.rng.uniform(900, 2400)
        for one in _children(home):
            yield from home.speech.ask(one, hub, SUB_GHZ, 0x00, b"", b"\0")
            yield air.rng.uniform(1, 5)
            yield from home.speech.read(one, hub, SUB_GHZ, (0, 1, 2, 3, 4))
            yield air.rng.uniform(1, 5)
            for kind, author, other in ((1, one, hub), (2, hub, one)):
                body = struct.pack("<BBBHb", POWER_DELTA, kind, 1, other.short, air.rng.randrange(-6, 12))
                yield from air.carry(author, other, body, command=True)
            yield from home.speech.take(one)


def link_is_reported(home: Home) -> Process:
    """Children tell the hub how their link does."""
    while True:
        for one in _children(home):
            page, channel = one.band or (0, 0)
            sent = home.air.rng.randrange(20, 400)
            body = struct.pack(
                "<BBIHHHB", one.next("zdp"), 0, page << 27 | 1 << channel, sent, sent // 90, sent // 9, 60
            )
            yield from home.speech.say(one, home.hub, ENHANCED_UPDATE_NOTIFY, body, profile=0)
            yield home.air.rng.uniform(1, 5)
        yield home.air.rng.uniform(3300, 3900)


def _taken(fetched: Callable[[], Process], one: Device) -> Process:
    """What waited for a device, which says nothing any more once it has it."""
    one.mute = yield from fetched()
    return one.mute


def suspended(home: Home) -> Process:
    """The hub's air time is short: a child is told to say nothing for some minutes, and only polls."""
    air = home.air
    for _ in range(2):
        yield air.rng.uniform(1500, 3000)
        for one in _children(home):
            minutes = air.rng.randrange(5, 25)
            while one.waiting or (home.remote is not None and home.remote.mail.get(one.eui64)):
                yield 20.0
            asdu = zcl(0x00, bytes([minutes]), sequence=home.hub.next("zcl"), to_client=True)
            yield from home.speech.say(home.hub, one, SUB_GHZ, asdu)
            if one.nap:
                one.waiting[-1] = partial(_taken, one.waiting[-1], one)
            while one.waiting:
                yield 1.0
            one.mute, over = True, air.now + 60 * minutes + 5
            while air.now < over:
                yield min(home.pace.gas_polls, over - air.now)
                if one.nap:
                    yield from air.poll(one, home.hub)
            one.mute = False
    return True


def moves_in_order(home: Home) -> Process:
    """The hub tells by its attribute where it will go, waits until all children have read it, and goes there."""
    air = home.air
    yield air.rng.uniform(1800, 3600)
    children = _children(home)
    page, old = children[0].band or (28, 0)
    new = air.rng.choice([one for one in CHANNELS[page] if one != old])
    home.speech.hold(home.hub, 1, SUB_GHZ, 0, 0x1B, page << 27 | 1 << new)
    for one in children:
        yield air.rng.uniform(5, 600)
        yield from home.speech.read(one, home.hub, SUB_GHZ, (0,))
    yield air.rng.uniform(30, 300)
    for one in air.devices:
        if one.band is not None:
            one.band = (page, new)
    yield 5.0
    home.speech.hold(home.hub, 1, SUB_GHZ, 0, 0x1B, 0)
    return True

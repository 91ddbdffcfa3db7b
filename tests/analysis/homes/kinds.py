"""Kinds of clean homes: what stands in them, and what happens on their day. Nothing is wrong in any of them."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime

from tests.analysis.homes import days, images, remote
from tests.analysis.homes.air import Air, Device
from tests.analysis.homes.files import DRAWN, Ear
from tests.analysis.homes.kind import Kind
from tests.analysis.homes.life import Home, Pace, furnish
from tests.analysis.homes.other_kinds import BELOW_1_GHZ, HEARD_OTHERWISE, HOUSEHOLDS, NETWORKS, PAID, PARTIES
from tests.analysis.homes.speech import Speech

__all__ = ["KINDS", "Kind", "built", "made"]

VENDORS = (0x00158D0000, 0x000B570000, 0x001D240000, 0xC4D8F30000, 0x70B3D52000, 0x0CAE5F8000, 0x94DEB80000)
"""First octets of addresses."""


KINDS: dict[str, Kind] = {
    "ordinary": Kind(hours=3),
    "displays carried about": Kind(
        (days.carried, days.switched_off), hours=6, devices=("IHD",), ear=Ear(0.01, noise=2)
    ),
    "weak but fine links": Kind(loss=0.18, hours=3),
    "hub without power for a while": Kind((days.hub_off,), hours=3),
    "new firmware": Kind((days.firmware,), hours=1.5),
    "a sniffer that hears badly": Kind(ear=Ear(0.05, 0.01), hours=3),
    "a sniffer without acknowledgements": Kind(ear=Ear(0.003, no_acks=True)),
    "slow vendors": Kind(
        pace={"demand": 30.0, "registers": 1800.0, "gas_polls": 300.0, "credit": 1800.0}, hours=4
    ),
    "hasty vendors": Kind(
        pace={"demand": 5.0, "cad": 6.0, "gas_polls": 90.0, "credit": 60.0, "prices": 120.0}
    ),
    "no keys": Kind(keys=False, hours=1.5),
    "keys without names": Kind(roles=False),
    "two gas meters": Kind(devices=("GSME",)),
    "prepayment": Kind((days.top_ups,), hours=3),
    "the clocks change": Kind((days.reads_time,), start=datetime(2026, 10, 24, 23, 30, tzinfo=UTC), hours=3),
    "summer begins": Kind((days.reads_time,), start=datetime(2027, 3, 27, 23, 50, tzinfo=UTC), hours=2.5),
    "the tariff changes": Kind((days.new_tariff,), hours=3),
    "a time-of-use tariff": Kind((days.calendar,), hours=6, pace={"prices": 600.0}),
    "the electricity meter is exchanged": Kind((days.exchanged,), hours=2),
    "a new network key": Kind((days.new_key,), hours=2),
    "devices behind a router": Kind(relayed=True, devices=("HCALCS", "CAD")),
    "an access device comes in": Kind((days.joins,), hours=1.5),
    "nothing is stored": Kind((days.nothing_there,), hours=3),
    "optional attributes": Kind((days.optional,), hours=3),
    "a hub that asks for routes": Kind((days.concentrator,), devices=("HCALCS",), hours=2),
    "a neighbour's network": Kind(neighbour=True, hours=2),
    "remote commands": Kind((remote.asks,), hours=3, devices=("HCALCS",)),
    "remote commands, a sniffer that hears badly": Kind(
        (remote.asks, remote.updates), hours=4, ear=Ear(0.05, 0.01)
    ),
    "remote commands over weak links": Kind((remote.asks,), hours=3, loss=0.18),
    "midnight": Kind(
        (remote.midnight, remote.asks),
        hours=2.5,
        start=datetime(2026, 3, 9, 23, 10, tzinfo=UTC),
        devices=("PPMID",),
    ),
    "a payment mode for later": Kind((remote.updates, remote.asks), hours=3.5),
    "prepayment from afar": Kind((remote.prepays, days.top_ups), hours=3, ear=Ear(0.02)),
    "certificates are read": Kind((remote.renews, remote.asks), hours=1.5),
    "the hub restarts between commands": Kind((remote.asks, days.hub_off), hours=3),
    "the capture begins in the middle": Kind((remote.asks,), hours=3, since=1.0, devices=("HCALCS",)),
    "commands are delivered again": Kind((remote.impatient,), hours=2),
    "firmware is activated": Kind((remote.image_comes, remote.asks), hours=2.5),
    "long answers in blocks": Kind((remote.profiles,), hours=2, ear=Ear(0.003)),
    "a sniffer that changes channels": Kind((remote.asks,), hours=2, ear=Ear(0.01, hops=(20, 40))),
    "two sniffers": Kind((remote.asks,), hours=2, ear=Ear(0.08, second=True)),
    "a display that sleeps": Kind((days.dozes, remote.asks), hours=2, devices=("IHD",)),
    "intervals of no round number": Kind(
        pace={
            "demand": 7.3,
            "registers": 411.0,
            "prices": 1013.0,
            "credit": 737.0,
            "gas_polls": 733.0,
            "cad": 17.7,
            "keep_alive": (7, 190),
        },
        devices=("PPMID", "CAD"),
        hours=3,
    ),
    "a gas meter that asks every half minute": Kind((remote.asks,), pace={"gas_polls": 31.0}, hours=2),
    "a display that asks every few seconds": Kind(pace={"demand": 5.1, "registers": 20.0}, hours=1),
    "all is asked for rarely": Kind(
        pace={
            "demand": 60.0,
            "registers": 1800.0,
            "prices": 7200.0,
            "credit": 7200.0,
            "cad": 900.0,
            "links": 17.0,
        },
        hours=6,
    ),
    "a sniffer that misses a seventh": Kind((remote.asks,), hours=3, ear=Ear(0.15, 0.01), devices=("PPMID",)),
    "a sniffer whose clock is set forth": Kind(
        (remote.asks,), hours=2.5, ear=Ear(0.01, clock=(4000.0, 3600.0))
    ),
    "a sniffer whose clock is set back": Kind(
        (days.reads_time,), hours=2.5, ear=Ear(0.01, clock=(4000.0, -700.0))
    ),
    "several radios, one of them hears another home": Kind(
        (remote.asks,), hours=2, ear=Ear(0.01, radios=True)
    ),
    "the middle of a day, without names": Kind(
        (remote.asks, days.carried),
        hours=4,
        since=2.0,
        roles=False,
        ear=Ear(0.05, 0.01),
        devices=("PPMID", "HCALCS"),
    ),
    "a neighbour whose keys are known": Kind(neighbour=True, hours=2, both=True),
    "another channel": Kind((days.other_channel,), hours=2, ear=Ear(0.01)),
    "many devices": Kind(devices=("CAD", "HCALCS", "IHD", "HCALCS"), hours=1.5),
    **HEARD_OTHERWISE,
    **PARTIES,
    **NETWORKS,
    **PAID,
    **BELOW_1_GHZ,
    **HOUSEHOLDS,
}


def built(name: str, seed: int) -> tuple[Home, Kind, str]:
    """The home of a kind as it falls out for a seed, its kind, and the form that its capture is written in."""
    return made(KINDS[name], name, seed)


def made(kind: Kind, name: str, seed: int) -> tuple[Home, Kind, str]:
    """A home of a kind that has no name there."""
    rng = random.Random(f"home {name} {seed}")
    start = kind.start or datetime(
        2026, rng.randrange(1, 13), rng.randrange(1, 28), rng.randrange(24), 7, tzinfo=UTC
    )
    air = Air(f"air {name} {seed}", int(start.timestamp()), rng.randrange(1, 0xFFF0), rng.randbytes(16))
    air.sequence = rng.randrange(0, 200)
    home = _furnished(air, kind, rng)
    home.more["network keys"] = {air.sequence: air.key}
    home.more["channel"] = rng.choice((11, 12, 15, 19, 20, 24, 25))
    furnish(home)
    for prepare in kind.before:
        prepare(home)
    for one in air.devices:
        home.live(one)
    for happens in kind.happens:
        air.begin(happens(home))
    form = kind.form or rng.choice(
        [one for one in DRAWN if kind.ear.damaged == 0 or one != "without check sequence"]
    )
    told = (remote.__name__, images.__name__)
    spoken = any(one.__module__ in told or one is days.firmware for one in kind.happens)
    if kind.keys and not spoken and rng.random() < 0.6:  # a meter that speaks would tell of its firmware, too
        air.begin(remote.asks(home))
    air.run(3600 * kind.hours)
    if kind.since:
        air.heard = [one for one in air.heard if one.seconds >= 3600 * kind.since]
    if kind.neighbour:
        other, _, _ = made(replace(KINDS["ordinary"], start=start), "ordinary", seed + 1000)
        home.more["beside"] = other if kind.both else None
        beside = [one for one in other.air.heard if one.seconds < 3600 * kind.hours]
        air.heard = sorted([*air.heard, *beside], key=lambda one: one.seconds)
    for number, around in enumerate(kind.around):
        beside = around(random.Random(f"around {name} {seed} {number}"), 3600 * kind.hours)
        beside = [one for one in beside if one.seconds < 3600 * kind.hours]
        air.heard = sorted([*air.heard, *beside], key=lambda one: one.seconds)
    return home, kind, form


def _furnished(air: Air, kind: Kind, rng: random.Random) -> Home:
    roles = ["CHF", "ESME", "GSME", rng.choice(("PPMID", "IHD")), *kind.devices]
    if rng.random() < 0.4 and "CAD" not in roles:
        roles.append("CAD")
    if "top_ups" in {one.__name__ for one in kind.happens} and "PPMID" not in roles:
        roles[3] = "PPMID"
    pace = Pace(
        demand=rng.choice((8.0, 10.0, 10.0, 12.0, 15.0)), registers=rng.choice((60.0, 300.0, 900.0, 1800.0)),
        prices=rng.choice((300.0, 900.0, 3600.0)), credit=rng.choice((120.0, 600.0, 1800.0)),
        gas_polls=rng.choice((1800.0, 900.0, 300.0, 120.0)), links=rng.choice((14.0, 15.0, 16.0, 17.0)),
        time=rng.choice((3600.0, 14_400.0, 43_200.0)), keep_alive=(rng.choice((5, 10, 20)), rng.choice((60, 300, 500))),
        cad=rng.choice((10.0, 30.0, 60.0)),
    )  # fmt: skip
    pace = replace(pace, **kind.pace)  # type: ignore[arg-type]
    made = [_device(role, number, rng, kind) for number, role in enumerate(roles)]
    air.devices = made
    home = Home(air, Speech(air, made[0], acks=rng.random() < 0.5, quiet=rng.random() < 0.8), made[0], pace)
    home.devices = {one.name: one for one in made}
    home.pushes = rng.random() < 0.5
    home.price, home.credit = rng.randrange(15_000, 34_000), rng.randrange(100_000, 9_000_000)
    home.speech.endpoints = rng.choice(((1, 1), (1, 1), (2, 1)))
    if kind.relayed:
        for one in made[2:]:
            one.via = made[1] if one.role in ("GSME", "IHD", "CAD", "PPMID") else None
    air.copies = rng.choice((1, 1, 2, 3))
    _keyed(home, rng)
    return home


def _device(role: str, number: int, rng: random.Random, kind: Kind) -> Device:
    vendor = rng.choice(VENDORS)
    eui64 = (vendor << 24 | rng.randrange(1 << 24)) & (1 << 64) - 1
    return Device(
        role, eui64, 0 if role == "CHF" else rng.randrange(1, 0xFFF0), f"{role} {number}", rng.randrange(-82, -38),
        router=role in ("CHF", "ESME", "HCALCS"), nap=role == "GSME",
        loss=kind.loss if role in ("GSME", "IHD", "HCALCS", "PPMID") else 0.01,
        answers=rng.choice(((0.01, 0.05), (0.04, 0.3), (0.2, 0.9))), retries=rng.choice((3, 3, 3, 2)),
        counts={
            "mac": rng.randrange(256), "nwk": rng.randrange(256), "aps": rng.randrange(256), "zcl": rng.randrange(256),
            "nwk counter": rng.randrange(10, 4_000_000), "aps counter": rng.randrange(10, 90_000),
            "discover": rng.choice((0, 1)),
        },
    )  # fmt: skip


def _keyed(home: Home, rng: random.Random) -> None:
    for one in home.air.devices[1:]:
        pair(home.hub, one, rng.randbytes(16))
        if one.role in ("PPMID", "IHD", "CAD"):
            pair(home.meter, one, rng.randbytes(16))


def pair(one: Device, other: Device, key: bytes) -> None:
    """The two hold a link key from now on."""
    one.links[other.eui64] = other.links[one.eui64] = key

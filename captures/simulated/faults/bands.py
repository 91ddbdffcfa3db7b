"""What happens to the network as a whole: duty cycle, channel and PAN ID change, neighbours on the channel."""

from __future__ import annotations

import struct

from captures.simulated.air.medium import Wait
from captures.simulated.faults.registry import FaultKind, Play, fault
from captures.simulated.remote import gbcs_flows
from captures.simulated.remote.dcc import dcc_of
from captures.simulated.stack import attributes
from captures.simulated.stack.clusters import SUB_GHZ
from captures.simulated.stack.network import Role
from dissectors.zigbee import assemble

__all__: list[str] = []


@fault("sub-ghz-suspend", "The hub's duty cycle is used up: it suspends messages of the gas meter", kind=FaultKind.FAULT,
       needs=(Role.GSME,), profile={"gsme__sub_ghz": 1})  # fmt: skip
def sub_ghz_suspend(play: Play) -> Wait:
    hub, meter = play.han.hub, play.victim(Role.GSME)
    dcc = dcc_of(play.han)
    for _ in range(play.count(3)):
        yield from meter.poll()
        minutes = 10
        sending = hub.send_zcl(meter, SUB_GHZ, 0x00, bytes([minutes]), to_client=True, faults=play.mark)
        yield from meter.awake_for(sending)
        yield from gbcs_flows.notify(dcc, 0x0110, Role.CHF)
        yield play.wait(60 * minutes)
        sending = hub.send_zcl(meter, SUB_GHZ, 0x00, b"\x00", to_client=True, faults=play.mark)
        yield from meter.awake_for(sending)


@fault("sub-ghz-channel-change", "The hub moves its sub-GHz network to another channel; a sniffer is left behind",
       kind=FaultKind.FAULT, needs=(Role.GSME,), profile={"gsme__sub_ghz": 1})  # fmt: skip
def sub_ghz_channel_change(play: Play) -> Wait:
    hub, meter = play.han.hub, play.victim(Role.GSME)
    assert hub.second is not None
    new = (meter.channel + 5) % 27
    word = hub.second.page << 27 | 1 << new
    attributes.hold(hub, SUB_GHZ, {0x0000: (0x1B, word)})
    for _ in range(2):
        yield from attributes.read(meter, hub, SUB_GHZ, (0x0000,), faults=play.mark)
        yield play.wait(30, 60)
    play.row.detail = f"channel {meter.channel} became {new}"
    hub.second.channel = meter.channel = new
    attributes.hold(hub, SUB_GHZ, {0x0000: (0x1B, 0)})
    yield from gbcs_flows.notify(dcc_of(play.han), 0x0111, Role.CHF)


@fault("pan-id-change", "The network takes another PAN ID, and everybody follows", kind=FaultKind.FAULT)
def pan_id_change(play: Play) -> Wait:
    han, hub = play.han, play.han.hub
    new = (han.pan + play.rng.randrange(1, 0x2000)) & 0x3FFF
    han.update_id = (han.update_id + 1) & 0xFF
    body = bytes([0x0A, 0x01]) + struct.pack("<QBH", han.epid, han.update_id, new)
    with play.marking(hub):
        yield from hub.broadcast(body, {"nwk": "command", "nwk_command": 0x0A}, to=0xFFFF, command=True)
    yield han.wait(1)
    play.row.detail = f"PAN 0x{han.pan:04x} became 0x{new:04x}"
    han.pan = new


@fault("neighbour-network", "Another home's network is heard on the same channel", kind=FaultKind.FAULT)
def neighbour_network(play: Play) -> Wait:
    stranger = play.intruder()
    pan, key = play.rng.randrange(0x1000, 0x3FFF), play.rng.randbytes(16)
    child = play.rng.randrange(1, 0xFFF0)
    stranger.short = 0
    for number in range(play.count(240)):
        counter = 1000 + number
        to_child = number % 3
        header = assemble.nwk_header(child if to_child else 0xFFFC, 0, number & 0xFF, command=not to_child)
        body = play.rng.randbytes(play.rng.randrange(20, 60)) if to_child else bytes.fromhex("0860")
        npdu = assemble.secure_nwk(header, body, key, counter=counter, source=stranger.eui64, key_seq=0)
        destination = child if to_child else 0xFFFF
        octets = assemble.mac_data(stranger.next_mac(), pan, destination, 0, npdu, ack=False)
        yield from play.send(stranger, octets, nwk_counter=counter, neighbour=True)
        yield play.wait(2, 12)

"""Load that stays below a burst: requests, tunnels, conflicts and broken promises over minutes and hours."""

from __future__ import annotations

import struct

from captures.simulated.air.medium import Transmission, Wait
from captures.simulated.devices import gas_mirror
from captures.simulated.faults.registry import FaultKind, Play, fault
from captures.simulated.stack.clusters import CALENDAR, MESSAGING, TUNNELING
from captures.simulated.stack.mac import TURNAROUND
from captures.simulated.stack.network import PROFILE_ZDP, Role
from captures.simulated.stack.node import Node
from dissectors.zigbee import assemble

__all__: list[str] = []

IEEE_ADDRESS, NETWORK_STATUS, ADDRESS_CONFLICT, POLL = 0x0001, 0x03, 0x0D, 0x04
FAILURES = (0x00, 0x02, 0x04, 0x05, 0x06, 0x07, 0x09, 0x11, 0x12)
"""Statuses of links, routes, parents, counters and keys that fail (05-3474 table 3.42)."""


@fault(
    "slow-load",
    "A display asks for the same thing some times a minute, for half an hour",
    kind=FaultKind.FAULT,
)
def slow_load(play: Play) -> Wait:
    asker, hub = play.victim(Role.PPMID, Role.IHD, Role.CAD), play.han.hub
    what = play.rng.choice(("message", "calendar", "address"))
    for number in range(play.count(110)):
        if what == "message":
            yield from asker.send_zcl(hub, MESSAGING, 0x00, faults=play.mark)
        elif what == "calendar":
            yield from asker.send_zcl(hub, CALENDAR, 0x05, faults=play.mark)
        else:
            asdu = bytes([number & 0xFF]) + struct.pack("<HBB", hub.short, 0, 0)
            yield from asker.send_aps(hub, IEEE_ADDRESS, asdu, {"zdp": IEEE_ADDRESS}, profile=PROFILE_ZDP, ack=False,
                                      faults=play.mark)  # fmt: skip
        yield play.wait(8, 20)


@fault("tunnels-left-open", "The hub opens one tunnel after the other to the electricity meter and closes none",
       kind=FaultKind.FAULT, needs=(Role.ESME,))  # fmt: skip
def tunnels_left_open(play: Play) -> Wait:
    hub, meter = play.han.hub, play.victim(Role.ESME)
    for number in range(2 + play.count(3)):
        ask = struct.pack("<BHBH", 6, 0xFFFF, 0, 1500)
        _, seq = yield from hub.send_zcl(meter, TUNNELING, 0x00, ask, faults=play.mark)
        answer = struct.pack("<HBH", 0x40 + number, 0, 1500)
        yield from meter.send_zcl(hub, TUNNELING, 0x00, answer, to_client=True, seq=seq, faults=play.mark)
        yield play.wait(90, 200)


@fault("address-conflicts", "A router says again and again that an address is used twice", kind=FaultKind.FAULT,
       needs=(Role.ESME,))  # fmt: skip
def address_conflicts(play: Play) -> Wait:
    router, twice = play.victim(Role.ESME), play.victim(Role.PPMID, Role.IHD, Role.CAD)
    play.row.device = router.address
    for _ in range(1 + play.count(3)):
        body = struct.pack("<BBH", NETWORK_STATUS, ADDRESS_CONFLICT, twice.short)
        with play.marking(router):
            yield from router.broadcast(body, {"nwk": "command", "nwk_command": NETWORK_STATUS}, command=True)
        yield play.wait(60, 240)


@fault("routes-fail", "A router says again and again that a link, a route or a key fails", kind=FaultKind.FAULT,
       needs=(Role.ESME,))  # fmt: skip
def routes_fail(play: Play) -> Wait:
    router, lost = play.victim(Role.ESME), play.victim(Role.PPMID, Role.IHD, Role.CAD)
    play.row.device = router.address
    body = struct.pack("<BBH", NETWORK_STATUS, play.rng.choice(FAILURES), lost.short)
    for _ in range(6 + play.count(5)):
        with play.marking(router):
            yield from router.send_nwk(
                play.han.hub, body, {"nwk": "command", "nwk_command": NETWORK_STATUS}, command=True
            )
        yield play.wait(30, 120)


@fault(
    "patchy-promises",
    "Every other promise of data to the gas meter is broken",
    kind=FaultKind.FAULT,
    needs=(Role.GSME,),
)
def patchy_promises(play: Play) -> Wait:
    meter, hub = play.victim(Role.GSME), play.han.hub
    for number in range(6 + play.count(14)):
        if number % 2:
            yield from gas_mirror.answer(hub, meter)
        else:
            yield from _promise(play, meter, hub)
        yield play.wait(20, 60)


@fault(
    "polls-unheard",
    "The gas meter's polls are no longer acknowledged",
    kind=FaultKind.FAULT,
    needs=(Role.GSME,),
)
def polls_unheard(play: Play) -> Wait:
    meter, medium = play.victim(Role.GSME), play.han.medium
    for _ in range(6 + play.count(6)):
        seq = meter.next_mac()
        octets = assemble.mac_command(seq, POLL, dst_pan=play.han.pan, dst=0, src=meter.short)
        yield from medium.clear_channel(meter.page, meter.channel)
        for _ in range(4):
            sent = Transmission(
                meter, octets, truth={"mac": "command", "mac_command": POLL}, faults=play.mark
            )
            yield play.han.env.timeout(medium.put_on_air(sent))
            yield play.wait(0.002, 0.006)
        yield play.wait(20, 60)


def _promise(play: Play, meter: Node, hub: Node) -> Wait:
    """The meter polls, the hub promises data, and none comes."""
    han, seq = play.han, meter.next_mac()
    octets = assemble.mac_command(seq, POLL, dst_pan=han.pan, dst=0, src=meter.short)
    yield from han.medium.clear_channel(meter.page, meter.channel)
    sent = Transmission(meter, octets, truth={"mac": "command", "mac_command": POLL}, faults=play.mark)
    yield han.env.timeout(han.medium.put_on_air(sent))
    yield han.env.timeout(TURNAROUND)
    yield han.env.timeout(play.transmit_now(hub, assemble.mac_ack(seq, pending=True), mac="ack", mac_seq=seq))

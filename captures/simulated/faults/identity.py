"""Who is who: another hub, a device without the new network key, firmware that falls back."""

from __future__ import annotations

import struct

from captures.simulated.air.medium import Place, Wait
from captures.simulated.devices.equipment import IMAGE_TYPE, MANUFACTURER
from captures.simulated.faults.registry import FaultKind, Play, fault
from captures.simulated.stack import joining
from captures.simulated.stack.clusters import OTA
from captures.simulated.stack.network import Role

__all__: list[str] = []

LINK_STATUS = 0x08


@fault(
    "hub-changed",
    "The hub falls silent, and another radio goes on in its place with the network key",
    attack="A39",
)
def hub_changed(play: Play) -> Wait:
    han, hub = play.han, play.han.hub
    other = play.intruder(Place(3.0, 3.0))
    other.short, other.key, other.key_seq, other.joined = hub.short, han.key, han.key_seq, True
    other.nwk_counter = hub.nwk_counter + 5000
    play.row.device = other.address
    hub.up = False
    with play.marking(other):
        for _ in range(play.count(40)):
            body = bytes([LINK_STATUS, 0x60])
            yield from other.broadcast(
                body, {"nwk": "command", "nwk_command": LINK_STATUS}, command=True, radius=1
            )
            yield play.wait(12, 18)


@fault(
    "key-update-missed",
    "A device does not take the new network key and goes on with the old one",
    kind=FaultKind.FAULT,
)
def key_update_missed(play: Play) -> Wait:
    han, hub, victim = play.han, play.han.hub, play.victim(Role.PPMID, Role.IHD, Role.CAD)
    old = victim.key, victim.key_seq, victim.nwk_counter
    yield from joining.update_network_key(hub)
    victim.key, victim.key_seq, victim.nwk_counter = old
    with play.marking(victim):
        yield han.wait(600)
        for _ in range(play.count(8)):
            yield from victim.send_zcl(hub, 0x000A, 0, b"\x00\x00", general=True, ack=False)
            yield play.wait(30, 60)


@fault(
    "firmware-went-back", "A device asks for firmware with a lower version than before", kind=FaultKind.FAULT
)
def firmware_went_back(play: Play) -> Wait:
    victim, hub = play.victim(Role.ESME, Role.PPMID, Role.HCALCS), play.han.hub
    for version in [0x00030002] * play.count(2) + [0x00030001] * play.count(2):
        query = b"\x00" + struct.pack("<HHI", MANUFACTURER, IMAGE_TYPE, version)
        _, seq = yield from victim.send_zcl(hub, OTA, 0x01, query, faults=play.mark)
        answer = b"\x98"  # no image available
        yield from hub.send_zcl(victim, OTA, 0x02, answer, to_client=True, seq=seq, faults=play.mark)
        yield play.wait(100, 200)

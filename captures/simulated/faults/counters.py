"""Frame counters that go wrong: replays, resets, jumps, nonces used twice."""

from __future__ import annotations

from captures.simulated.air.medium import Heard, Wait
from captures.simulated.faults.registry import FaultKind, Play, fault
from captures.simulated.stack.network import Role
from dissectors.zigbee import assemble

__all__: list[str] = []


@fault("replay", "Captured frames are sent again later, octet by octet", attack="A01")
def replay(play: Play) -> Wait:
    attacker = play.intruder()
    yield play.wait(90, 180)
    wanted = play.count(8)
    recent = [h for h in play.han.medium.heard[-4000:] if _secured(h)]
    for heard in play.rng.sample(recent, min(wanted, len(recent))):
        yield from play.send(attacker, heard.octets)
        yield play.wait(1.5, 6)


def _secured(heard: Heard) -> bool:
    return heard.fcs_good and heard.truth.get("mac") == "data" and heard.truth.get("nwk_counter") is not None


@fault(
    "counter-reset", "A device loses power and starts with its frame counter at zero", kind=FaultKind.FAULT
)
def counter_reset(play: Play) -> Wait:
    victim = play.victim(Role.ESME, Role.PPMID, Role.IHD, Role.CAD, Role.HCALCS)
    victim.up = False
    yield play.wait(20, 60)
    victim.up = True
    play.row.detail = f"NWK counter {victim.nwk_counter} became 0"
    victim.nwk_counter = 0
    victim.nwk_seq = victim.mac_seq = 0
    for _ in range(play.count(4)):
        yield from victim.send_nwk(play.han.hub, b"\x03\x00", {"nwk": "command", "nwk_command": 3}, command=True,
                                   faults=play.mark)  # fmt: skip
        yield play.wait(1, 4)


@fault(
    "nonce-reuse", "After a reset a device secures new contents with counters that it has used", attack="A19"
)
def nonce_reuse(play: Play) -> Wait:
    victim = play.victim(Role.ESME, Role.PPMID, Role.IHD, Role.CAD, Role.HCALCS)
    before = victim.nwk_counter
    for _ in range(play.count(5)):
        yield from victim.send_zcl(play.han.hub, 0x000A, 0, b"\x00\x00", general=True)
        yield play.wait(1, 3)
    victim.nwk_counter = before
    for attribute in range(play.count(5)):
        payload = bytes([1 + attribute & 0xFF, 0])
        yield from victim.send_zcl(play.han.hub, 0x000A, 0, payload, general=True, faults=play.mark)
        yield play.wait(1, 3)


@fault(
    "counter-jump",
    "A frame with a counter near the end desynchronises a device, which goes on below",
    attack="A18",
)
def counter_jump(play: Play) -> Wait:
    victim, attacker, han = play.victim(Role.ESME, Role.PPMID, Role.IHD, Role.CAD), play.intruder(), play.han
    for step in range(play.count(3)):
        header = assemble.nwk_header(0, victim.short, play.rng.randrange(256))
        far = 0xFFFF_FF00 + step
        npdu = assemble.secure_nwk(
            header, b"\x02" + bytes(10), han.key, counter=far, source=victim.eui64, key_seq=han.key_seq
        )
        octets = assemble.mac_data(play.rng.randrange(256), han.pan, 0, victim.short, npdu, ack=True)
        yield from play.send(attacker, octets, han.hub, nwk_counter=far)
        yield play.wait(2, 8)
    for _ in range(play.count(3)):
        yield from victim.send_zcl(han.hub, 0x000A, 0, b"\x00\x00", general=True)
        yield play.wait(2, 8)

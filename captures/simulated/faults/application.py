"""Misuse of the application clusters: key establishment, tunnels, firmware, load."""

from __future__ import annotations

import struct

from captures.simulated.air.medium import Wait
from captures.simulated.faults.registry import Play, fault
from captures.simulated.stack import attributes
from captures.simulated.stack.clusters import KEEP_ALIVE, KEY_ESTABLISHMENT, OTA, TUNNELING
from captures.simulated.stack.network import Role

__all__: list[str] = []


@fault("cbke-flood", "Key establishment is started over and over", attack="A28")
def cbke_flood(play: Play) -> Wait:
    victim, hub = play.victim(Role.PPMID, Role.IHD, Role.CAD), play.han.hub
    for _ in range(play.count(8)):
        payload = struct.pack("<HBB", 0x0002, 10, 10) + play.rng.randbytes(74)
        yield from victim.send_zcl(hub, KEY_ESTABLISHMENT, 0x00, payload, secured=False, faults=play.mark)
        yield play.wait(5, 20)


@fault(
    "cbke-interference",
    "Somebody meddles with key establishment: other ephemeral keys, confirm fails",
    attack="A27",
)
def cbke_interference(play: Play) -> Wait:
    victim, hub = play.victim(Role.PPMID, Role.IHD, Role.CAD), play.han.hub
    for _ in range(play.count(2)):
        seq = None
        for command, body in ((0, struct.pack("<HBB", 2, 10, 10) + play.rng.randbytes(74)),
                              (1, b"\x02" + play.rng.randbytes(36)), (1, b"\x03" + play.rng.randbytes(36)),
                              (2, play.rng.randbytes(16))):  # fmt: skip
            _, seq = yield from victim.send_zcl(hub, KEY_ESTABLISHMENT, command, body, secured=False,
                                                faults=play.mark)  # fmt: skip
            yield play.wait(0.2, 0.6)
        body = struct.pack("<BBH", 2, 10, 2)
        yield from hub.send_zcl(victim, KEY_ESTABLISHMENT, 3, body, to_client=True, seq=seq, secured=False,
                                faults=play.mark)  # fmt: skip
        yield play.wait(15, 40)


@fault("tunnel-flood", "A device asks for tunnels until none is left", attack="A29")
def tunnel_flood(play: Play) -> Wait:
    victim, hub = play.victim(Role.PPMID, Role.IHD, Role.CAD), play.han.hub
    for number in range(play.count(14)):
        payload = struct.pack("<BHBH", 6, 0xFFFF, 0, 1500)
        _, seq = yield from victim.send_zcl(hub, TUNNELING, 0x00, payload, faults=play.mark)
        status = 0 if number < 4 else 1
        answer = struct.pack("<HBH", number if not status else 0xFFFF, status, 1500)
        yield from hub.send_zcl(victim, TUNNELING, 0x00, answer, to_client=True, seq=seq, faults=play.mark)
        yield play.wait(0.5, 3)


@fault("tunnel-injection", "Data arrives in a tunnel that its sender never opened", attack="A30")
def tunnel_injection(play: Play) -> Wait:
    victim = play.victim(Role.PPMID, Role.IHD, Role.CAD)
    target = play.han.having(Role.ESME) or play.han.hub
    for _ in range(play.count(3)):
        payload = struct.pack("<H", 0x0037) + b"\xdd" + play.rng.randbytes(40)
        yield from victim.send_zcl(target, TUNNELING, 0x02, payload, faults=play.mark)
        yield play.wait(2, 8)


@fault("image-loop", "A device asks for the same block of a firmware image again and again", attack="A36")
def image_loop(play: Play) -> Wait:
    victim, hub = play.victim(Role.ESME, Role.PPMID, Role.HCALCS), play.han.hub
    head = struct.pack("<HHI", 0x1234, 0x0001, 0x00010000)
    payload = struct.pack("<B", 0) + head + struct.pack("<H", 1)
    _, seq = yield from victim.send_zcl(hub, OTA, 0x01, payload[:-2], faults=play.mark)
    answer = b"\x00" + head[:4] + struct.pack("<II", 0x00000FF0, 6000)
    yield from hub.send_zcl(victim, OTA, 0x02, answer, to_client=True, seq=seq, faults=play.mark)
    for _ in range(play.count(12)):
        payload = b"\x00" + head + struct.pack("<IB", 630, 63)
        _, seq = yield from victim.send_zcl(hub, OTA, 0x03, payload, faults=play.mark)
        answer = b"\x00" + head + struct.pack("<IB", 630, 63) + play.rng.randbytes(63)
        yield from hub.send_zcl(victim, OTA, 0x05, answer, to_client=True, seq=seq, faults=play.mark)
        yield play.wait(1, 5)


@fault("duty-cycle-exhaustion", "One device keeps the hub busy with requests", attack="A42")
def duty_cycle_exhaustion(play: Play) -> Wait:
    victim = play.victim(Role.PPMID, Role.IHD, Role.CAD)
    for _ in range(play.count(250)):
        yield from attributes.read(victim, play.han.hub, KEEP_ALIVE, (0, 1), faults=play.mark)
        yield play.wait(0.3, 1.5)

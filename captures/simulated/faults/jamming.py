"""Jamming: constant, reactive and selective, with and without forged acknowledgements."""

from __future__ import annotations

from collections.abc import Callable

from captures.simulated.air.events import simpy
from captures.simulated.air.medium import Disturbance, Receiver, Transmission, Wait
from captures.simulated.air.truth import FrameTruth
from captures.simulated.faults.registry import FaultKind, Play, fault
from captures.simulated.stack.mac import TURNAROUND
from captures.simulated.stack.network import Role
from dissectors.zigbee import assemble

__all__: list[str] = []


@fault(
    "jamming",
    "Somebody jams the channel: most frames arrive damaged, signal strength unchanged",
    attack="A10",
)
def jamming(play: Play) -> Wait:
    disturbance = play.interfere(lambda sent, receiver: min(0.95, 0.6 * play.strength))
    yield play.wait(150, 240)
    play.stop_interference(disturbance)


@fault(
    "interference", "Bursts of interference on the channel, as from Wi-Fi next to it", kind=FaultKind.FAULT
)
def interference(play: Play) -> Wait:
    for _ in range(play.count(12)):
        disturbance = play.interfere(lambda sent, receiver: 0.8)
        yield play.wait(3, 12)
        play.stop_interference(disturbance)
        yield play.wait(10, 40)


def _selective(play: Play, chosen: Callable[[FrameTruth], bool]) -> Disturbance:
    """A disturbance that hits the frames that are chosen by what they mean."""

    def applies(sent: Transmission, receiver: Receiver | None) -> float:
        return 0.97 if chosen(sent.truth) else 0.0

    return play.interfere(applies)


@fault("jam-network-update", "Network updates are jammed, so that devices miss a change", attack="A11")
def jam_network_update(play: Play) -> Wait:
    disturbance = _selective(play, lambda truth: truth.get("nwk_command") == 0x0A)
    han, hub = play.han, play.han.hub
    for _ in range(play.count(5)):
        body = bytes([0x0A, 0x01]) + hub.eui64.to_bytes(8, "little") + bytes([han.update_id])
        body += han.pan.to_bytes(2, "little")
        yield from hub.broadcast(body, {"nwk": "command", "nwk_command": 0x0A}, to=0xFFFF, command=True)
        yield play.wait(4, 9)
    play.stop_interference(disturbance)


@fault(
    "jam-rejoin-response",
    "Rejoin responses are jammed: a device tries to rejoin again and again",
    attack="A14",
)
def jam_rejoin_response(play: Play) -> Wait:
    victim, hub = play.victim(Role.PPMID, Role.IHD, Role.CAD, Role.ESME), play.han.hub
    disturbance = _selective(play, lambda truth: truth.get("nwk_command") == 0x07)
    capability = 0x8E if victim.rx_on else 0x80
    for _ in range(play.count(5)):
        fact: FrameTruth = {"nwk": "command", "nwk_command": 0x06}
        yield from victim.send_nwk(hub, bytes([0x06, capability]), fact, command=True, with_eui64=True)
        yield play.wait(0.2, 0.5)
        body = bytes([0x07]) + victim.short.to_bytes(2, "little") + b"\x00"
        fact = {"nwk": "command", "nwk_command": 0x07}
        yield from hub.send_nwk(victim, body, fact, command=True, with_eui64=True)
        yield play.wait(4, 8)
    play.stop_interference(disturbance)


@fault("jam-beacons", "The home's beacons are jammed while others are readable", attack="A15")
def jam_beacons(play: Play) -> Wait:
    han, attacker = play.han, play.intruder()
    home = f"{han.epid:016x}"
    disturbance = _selective(play, lambda truth: truth.get("mac") == "beacon" and truth.get("epid") == home)
    other = play.rng.getrandbits(64)
    for _ in range(play.count(6)):
        octets = assemble.mac_command(attacker.next_mac(), 7, dst_pan=0xFFFF, dst=0xFFFF, ack=False)
        yield from play.send(attacker, octets, mac_command=7)
        yield play.wait(0.01, 0.04)
        octets = assemble.mac_beacon(
            han.hub.next_mac(), han.pan, 0, han.epid, permit_join=False, coordinator=True
        )
        yield from han.hub.put(octets, None, {"mac": "beacon", "epid": home})
        octets = assemble.mac_beacon(
            play.rng.randrange(256), 0x3D21, 0, other, permit_join=False, coordinator=True
        )
        yield from attacker.put(octets, None, {"mac": "beacon", "epid": f"{other:016x}"})
        yield play.wait(3, 8)
    play.stop_interference(disturbance)


@fault("jam-and-acknowledge", "Frames are jammed and acknowledged in the receiver's name", attack="A12")
def jam_and_acknowledge(play: Play) -> Wait:
    victim, attacker, env = (
        play.victim(Role.ESME, Role.PPMID, Role.IHD, Role.CAD),
        play.intruder(),
        play.han.env,
    )
    left = play.count(12)
    ends: simpy.Store = simpy.Store(env)
    hit = 0

    def applies(sent: Transmission, receiver: Receiver | None) -> float:
        nonlocal hit
        if sent.sender is not victim or sent.truth.get("mac") != "data" or not sent.octets[0] & 0x20:
            return 0.0
        if receiver is None and hit < left:
            hit += 1
            ends.put((env.now + play.han.medium.airtime_ns(sent.octets, 0) + TURNAROUND, sent.octets[2]))
        return 1.0 if hit <= left else 0.0

    disturbance = play.interfere(applies)
    over = play.wait(900)
    for _ in range(left):
        item = ends.get()
        yield item | over
        if not item.triggered:
            break
        when, seq = item.value
        yield env.timeout(max(0, when - env.now))
        play.transmit_now(attacker, assemble.mac_ack(seq), mac="ack", mac_seq=seq)
    play.stop_interference(disturbance)


@fault(
    "starved-sleeper", "Acknowledgements that promise data to a sleeping device, and none comes", attack="A13"
)
def starved_sleeper(play: Play) -> Wait:
    victim, attacker, han = play.victim(Role.GSME), play.intruder(), play.han
    for _ in range(play.count(8)):
        seq = victim.next_mac()
        octets = assemble.mac_command(seq, 4, dst_pan=han.pan, dst=0, src=victim.short)
        yield from han.medium.clear_channel(victim.page, victim.channel)
        sent = Transmission(victim, octets, truth={"mac": "command", "mac_command": 4}, faults=play.mark)
        yield han.env.timeout(han.medium.put_on_air(sent))
        yield han.env.timeout(TURNAROUND)
        yield han.env.timeout(
            play.transmit_now(attacker, assemble.mac_ack(seq, pending=True), mac="ack", mac_seq=seq)
        )
        yield play.wait(0.3, 0.8)


@fault(
    "battery-drain",
    "Sleeping devices are fed frames of full length that fail their integrity check",
    attack="A16",
)
def battery_drain(play: Play) -> Wait:
    victim, attacker, han = play.victim(Role.GSME), play.intruder(), play.han
    for _ in range(play.count(6)):
        seq = victim.next_mac()
        octets = assemble.mac_command(seq, 4, dst_pan=han.pan, dst=0, src=victim.short)
        yield from han.medium.clear_channel(victim.page, victim.channel)
        yield han.env.timeout(play.transmit_now(victim, octets, mac="command", mac_command=4))
        yield han.env.timeout(TURNAROUND)
        yield han.env.timeout(play.transmit_now(attacker, assemble.mac_ack(seq, pending=True), mac="ack"))
        yield play.wait(0.004, 0.01)
        junk = _junk(play, victim.short, 125)
        yield from play.send(attacker, junk, victim)
        yield play.wait(60, 200)


@fault("ghost-frames", "Bursts of secured frames with wrong integrity codes keep a device busy", attack="A17")
def ghost_frames(play: Play) -> Wait:
    victim, attacker = play.victim(), play.intruder()
    for _ in range(play.count(60)):
        yield from play.send(attacker, _junk(play, victim.short, play.rng.randrange(40, 90)))
        yield play.wait(0.2, 1.2)


def _junk(play: Play, destination: int, length: int) -> bytes:
    """A secured frame in the hub's name whose cipher text is noise."""
    han = play.han
    header = assemble.nwk_header(destination, 0, play.rng.randrange(256))
    control = bytes([assemble.KEY_NETWORK << 3 | 0x20])
    aux = (han.hub.nwk_counter + 100_000).to_bytes(4, "little") + han.hub.eui64.to_bytes(8, "little")
    head = header + control + aux + bytes([han.key_seq])
    body = play.rng.randbytes(max(8, length - len(head) - 9))
    return assemble.mac_data(play.rng.randrange(256), han.pan, destination, 0, head + body, ack=True)

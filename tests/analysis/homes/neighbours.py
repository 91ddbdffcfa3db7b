"""What else is on the air beside a home: Thread, a ZigBee 3 house with lamps and a touchlink remote, switches of Green Power, and
octets that a radio makes of Wi-Fi."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator

from captures.fcs import fcs16
from dissectors.zigbee import assemble
from tests.analysis.homes.air import Air, Device, Heard, Process
from tests.analysis.homes.speech import Speech, zcl

__all__ = ["green_power", "lamps", "thread", "wifi"]

HOME_AUTOMATION = 0x0104


def _heard(seconds: float, octets: bytes, rssi: float, *, good: bool = True) -> Heard:
    return Heard(seconds, octets + fcs16(octets), round(rssi), good)


def thread(rng: random.Random, seconds: float) -> list[Heard]:
    """A Thread network: routers that advertise, a sleepy child that polls, data, all secured at the MAC (IEEE 802.15.4-2006 7.6)."""
    pan, index = rng.randrange(1, 0xFFF0), rng.randrange(1, 129)
    shorts = rng.sample(range(1, 62), 3)
    nodes = [(one << 10, rng.getrandbits(64), rng.randrange(-90, -50)) for one in shorts]
    counts = {node: rng.randrange(5, 90_000) for node in nodes}
    sequence = {node: rng.randrange(256) for node in nodes}

    def secured(node: tuple[int, int, int], control: int, body: bytes, size: int) -> bytes:
        counts[node] += 1
        sequence[node] = (sequence[node] + 1) % 256
        head = struct.pack("<HB", control, sequence[node]) + body
        return head + struct.pack("<BIB", 0x0D, counts[node], index) + rng.randbytes(size)

    out, now = [], 0.0
    while now < seconds:
        now += rng.expovariate(0.4)
        node, other = rng.sample(nodes, 2)
        kind = rng.random()
        if kind < 0.2:  # MLE Advertisement, in UDP to all, secured by MLE itself
            body = struct.pack("<HHQ", pan, 0xFFFF, node[1]) + bytes.fromhex("7f3b02f04d4c4d4c")
            sequence[node] = (sequence[node] + 1) % 256
            octets = struct.pack("<HB", 0xD841, sequence[node]) + body + rng.randbytes(38)
            out.append(_heard(now, octets, node[2]))
            continue
        if kind < 0.6:  # Data Request of a child
            octets = secured(node, 0x986B, struct.pack("<HHH", pan, other[0], node[0]), 5)
        else:
            octets = secured(node, 0x9869, struct.pack("<HHH", pan, other[0], node[0]), rng.randrange(20, 90))
        out += [
            _heard(now, octets, node[2]),
            _heard(now + 0.003, assemble.mac_ack(octets[2], pending=kind < 0.3), other[2]),
        ]
    return out


def lamps(rng: random.Random, seconds: float) -> list[Heard]:
    """A ZigBee 3 house: a hub, two lamps, a sensor that sleeps, a remote that looks for lamps by touchlink."""
    air = Air(f"lamps {rng.random()}", 1_780_000_000, rng.randrange(1, 0xFFF0), rng.randbytes(16))
    air.devices = [
        Device(
            name,
            rng.getrandbits(40) | 0x001788 << 40,
            short,
            name,
            rng.randrange(-92, -55),
            router=name != "sensor",
            nap=name == "sensor",
            counts={
                "nwk counter": rng.randrange(10, 90_000),
                "mac": rng.randrange(256),
                "nwk": rng.randrange(256),
            },
        )
        for name, short in (("gateway", 0), ("lamp", 0x51A2), ("lamp 2", 0x0E33), ("sensor", 0x7C01))
    ]
    speech = Speech(air, air.devices[0])
    for process in (_switches(air, speech), _senses(air, speech), _touches(air, rng), *_links(air)):
        air.begin(process, rng.uniform(1, 15))
    air.run(seconds)
    return air.heard


def _links(air: Air) -> Iterator[Process]:
    def links(one: Device) -> Process:
        while True:
            yield air.rng.uniform(14, 16)
            near = [d for d in air.devices if d.router and d is not one]
            body = bytes([0x08, 0x60 | len(near)]) + b"".join(struct.pack("<HB", d.short, 0x11) for d in near)
            yield from air.shout(one, body, command=True, radius=1)

    return (links(one) for one in air.devices if one.router)


def _switches(air: Air, speech: Speech) -> Process:
    gateway, lamp = air.devices[:2]
    while True:
        yield air.rng.uniform(20, 200)
        asdu = zcl(air.rng.choice((0, 1, 2)), b"", sequence=gateway.next("zcl"), quiet=False)
        yield from speech.say(gateway, lamp, 6, asdu, profile=HOME_AUTOMATION, link=False)
        back = zcl(0x0B, bytes([asdu[2], 0]), sequence=asdu[1], general=True, to_client=True)
        yield from speech.say(lamp, gateway, 6, back, profile=HOME_AUTOMATION, link=False)


def _senses(air: Air, speech: Speech) -> Process:
    gateway, sensor = air.devices[0], air.devices[3]
    while True:
        yield air.rng.uniform(4, 8)
        yield from air.poll(sensor, gateway)
        if air.rng.random() < 0.05:
            asdu = zcl(0x0A, b"\0\0\x29\x10\x09", sequence=sensor.next("zcl"), general=True, to_client=True)
            yield from speech.say(sensor, gateway, 0x0402, asdu, profile=HOME_AUTOMATION, link=False)


def _touches(air: Air, rng: random.Random) -> Process:
    """Scan Request of touchlink, between PANs (ZCL 07-5123 13.3.2.1.1), and beacon requests of the remote."""
    remote = Device("remote", rng.getrandbits(64), 0xFFFF, "remote", -60, counts={"mac": 3})
    while True:
        yield air.rng.uniform(600, 2500)
        for _ in range(5):
            apdu = struct.pack("<BHH", 0x0B, 0x1000, 0xC05E)
            asdu = bytes([0x11, remote.next("zcl"), 0]) + rng.randbytes(4) + b"\x05\x12"
            head = struct.pack(
                "<HBHHHQ", 0xC801, remote.next("mac"), 0xFFFF, 0xFFFF, rng.randrange(1, 0xFFF0), remote.eui64
            )
            yield from air.send(remote, head + b"\x0b\x00" + apdu + asdu)
            yield 0.25
        yield from air.send(
            remote, assemble.mac_command(remote.next("mac"), 7, dst_pan=0xFFFF, dst=0xFFFF, ack=False)
        )


def green_power(rng: random.Random, seconds: float) -> list[Heard]:
    """A switch that makes its own current: frames of Green Power to all (14-0563 A.1.4)."""
    source, counter, now, out = rng.getrandbits(32), rng.randrange(1, 9000), 0.0, []
    while now < seconds:
        now += rng.uniform(30, 600)
        counter += 1
        body = struct.pack("<BBII", 0x8C, 0x30, source, counter) + rng.randbytes(1) + rng.randbytes(4)
        for copy in range(3):
            octets = struct.pack("<HBHH", 0x0801, counter & 0xFF, 0xFFFF, 0xFFFF) + body
            out.append(_heard(now + copy * 0.005, octets, -70 + rng.gauss(0, 1)))
    return out


def wifi(rng: random.Random, seconds: float) -> list[Heard]:
    """Bursts in which a radio takes noise for frames: random octets, whose check sequence is wrong."""
    now, out = 0.0, []
    while now < seconds:
        now += rng.expovariate(1 / 90)
        for _ in range(rng.randrange(1, 12)):
            now += rng.uniform(0.001, 0.05)
            octets = rng.randbytes(rng.randrange(3, 120))
            out.append(Heard(now, octets, rng.randrange(-96, -70), good=False))
    return out

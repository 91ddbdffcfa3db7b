"""How a device comes into a home: association, network key, key establishment, partner keys."""

from __future__ import annotations

import struct
from typing import Any

from dissectors.crypto import aes_mmo
from dissectors.zigbee import assemble
from tests.analysis.homes.air import Air, Device, Process
from tests.analysis.homes.life import Home

__all__ = ["announce", "come_in", "network_key"]

CBKE, TUNNEL = 0x0800, 0x0704


def announce(home: Home, device: Device) -> Process:
    number = device.next("zdp")
    asdu = struct.pack("<BHQB", number, device.short, device.eui64, 0x80 if device.nap else 0x8E)
    header = assemble.aps_data(0x0013, 0, 0, 0, device.next("aps"), broadcast=True)
    return (yield from home.air.shout(device, header + asdu))


def come_in(home: Home, role: str, values: dict[Any, Any]) -> Process:
    """A device associates, gets the network key, agrees on a link key, and begins to live."""
    air, hub, rng = home.air, home.hub, home.air.rng
    device = Device(
        role, rng.getrandbits(40) | 0x0022A3 << 40, rng.randrange(1, 0xFFF0), f"new {role}", -55, router=role == "ESME",
        joined=False, counts={"nwk counter": 0, "aps counter": 0},
    )  # fmt: skip
    device.values = values
    yield from associate(home, device)
    first = rng.randbytes(16)
    pair_of(home, device, first)
    air.devices.append(device)
    home.devices[device.name] = device
    yield 0.05
    yield from transport_key(home, device, first)
    device.joined = True
    yield 0.3
    yield from announce(home, device)
    yield 1.0
    yield from agree(home, device)
    if role == "ESME":
        yield 5.0
        request, answer = struct.pack("<BHBH", 6, 0xFFFF, 0, 1500), struct.pack("<HBH", 1, 0, 1500)
        yield from home.speech.ask(hub, device, TUNNEL, 0, request, answer, 0)
        if home.remote is not None and "not commissioned" not in home.more:  # alert 0x8F69 to the supplier
            home.remote.meet(device.eui64.to_bytes(8, "big"))
            yield from home.remote.tell(device, home.remote.alert(device, 0x8F69))
    home.live(device)
    return True


def associate(home: Home, device: Device) -> Process:
    """Joining is opened, the device scans, asks, fetches its answer (IEEE 802.15.4-2011 5.1.3.1)."""
    air, hub = home.air, home.hub
    yield from permit(home, 200)
    yield 4.0
    scan = assemble.mac_command(device.next("mac"), 7, dst_pan=0xFFFF, dst=0xFFFF, ack=False)
    yield from air.send(device, scan)
    yield 0.01
    beacon = assemble.mac_beacon(
        hub.next("beacon"), air.pan, 0, hub.eui64, permit_join=True, coordinator=True, update_id=0
    )
    yield from air.send(hub, beacon)
    yield 0.5
    ask = assemble.mac_command(
        device.next("mac"),
        1,
        b"\x8e",
        dst_pan=air.pan,
        dst=0,
        src=device.eui64,
        src_pan=0xFFFF,
        src_extended=True,
    )
    yield from air.send(device, ask, hub)
    yield 0.4
    poll = assemble.mac_command(
        device.next("mac"), 4, dst_pan=air.pan, dst=0, src=device.eui64, src_extended=True
    )
    yield from air.send(device, poll, hub, more=True)
    answer = assemble.mac_command(
        hub.next("mac"), 2, struct.pack("<HB", device.short, 0), dst_pan=air.pan, dst=device.eui64, src=hub.eui64,
        dst_extended=True, src_extended=True,
    )  # fmt: skip
    yield from air.send(hub, answer, device)
    return True


def permit(home: Home, seconds: int) -> Process:
    """Mgmt_Permit_Joining_req to all (ZigBee PRO 05-3474 2.4.3.3.7)."""
    hub = home.hub
    header = assemble.aps_data(0x0036, 0, 0, 0, hub.next("aps"), broadcast=True)
    return (yield from home.air.shout(hub, header + bytes([hub.next("zdp"), seconds, 1])))


def pair_of(home: Home, device: Device, key: bytes) -> None:
    device.links[home.hub.eui64] = home.hub.links[device.eui64] = key


def transport_key(home: Home, device: Device, link: bytes) -> Process:
    """The network key, under the key-transport key that belongs to the link key (05-3474 4.4.3, 4.5.3)."""
    air, hub = home.air, home.hub
    apdu = network_key(home, device, air.key, air.sequence, link)
    npdu = assemble.nwk_header(device.short, 0, hub.next("nwk"), secured=False) + apdu
    frame = assemble.mac_data(hub.next("mac"), air.pan, device.short, 0, npdu, ack=True)
    return (yield from air.send(hub, frame, device))


def network_key(home: Home, device: Device, key: bytes, sequence: int, link: bytes = b"") -> bytes:
    """Transport Key with a network key, under the key-transport key of the link key with the hub."""
    hub = home.hub
    body = bytes([0x05, 0x01]) + key + bytes([sequence]) + struct.pack("<QQ", device.eui64, hub.eui64)
    header = bytes([1 | 1 << 5, hub.next("aps")])
    keyed = _keyed_hash(link or hub.links[device.eui64], b"\x00")
    counter = hub.next("aps counter", 1 << 32)
    return assemble.secure_aps(
        header, body, keyed, counter=counter, source=hub.eui64, key_id=assemble.KEY_TRANSPORT
    )


def _keyed_hash(key: bytes, text: bytes) -> bytes:
    """HMAC with AES-MMO (05-3474 B.1.4)."""
    inner = aes_mmo(bytes(one ^ 0x36 for one in key) + text)
    return aes_mmo(bytes(one ^ 0x5C for one in key) + inner)


def agree(home: Home, device: Device) -> Process:
    """Key establishment of suite 2 (ZSE 1.2 annex C); what it gives is in the keys."""
    rng, hub, ask = home.air.rng, home.hub, home.speech.ask
    certificates = [_certificate(home.air, one) for one in (device.eui64, hub.eui64)]
    head = struct.pack("<HBB", 2, 10, 10)
    for command, mine, theirs in (
        (0, head + certificates[0], head + certificates[1]),
        (1, b"\x02" + rng.randbytes(36), b"\x03" + rng.randbytes(36)),
        (2, rng.randbytes(16), rng.randbytes(16)),
    ):
        if command == 2 and home.more.get("no agreement"):  # the hub ends it: wrong confirmation
            for _ in range(home.more["no agreement"]):
                yield from ask(device, hub, CBKE, 2, mine, struct.pack("<BBH", 2, 10, 2), 3, link=False)
                yield 15.0
            return False
        yield from ask(device, hub, CBKE, command, mine, theirs, command, link=False)
        yield 0.5
    key = rng.randbytes(16)
    home.more.setdefault("former keys", []).append((device.links[hub.eui64], device.eui64, hub.eui64))
    pair_of(home, device, key)
    for one in home.of("IHD", "PPMID", "CAD", "ESME"):
        meter = home.meter
        if meter.joined and one is not meter and device in (one, meter) and one.joined:
            key = rng.randbytes(16)
            for end, other in ((one, meter), (meter, one)):
                yield from partner_key(home, end, other, key)
            one.links[meter.eui64] = meter.links[one.eui64] = key
    return True


def partner_key(home: Home, device: Device, partner: Device, key: bytes) -> Process:
    """The hub hands out a key for two devices (05-3474 4.4.3: Transport Key of type 3)."""
    hub, link = home.hub, device.links[home.hub.eui64]
    body = bytes([0x05, 0x03]) + key + struct.pack("<QB", partner.eui64, 0)
    header = bytes([1 | 1 << 5, hub.next("aps")])
    counter = hub.next("aps counter", 1 << 32)
    apdu = assemble.secure_aps(
        header, body, _keyed_hash(link, b"\x02"), counter=counter, source=hub.eui64, key_id=assemble.KEY_LOAD
    )
    return (yield from home.air.carry(hub, device, apdu))


def _certificate(air: Air, subject: int) -> bytes:
    """An implicit certificate of suite 2 as far as it can be told from a real one without its authority's key
    (ZSE 1.2 C.4.2.2.3.2)."""
    head = bytes([0]) + air.rng.randbytes(8) + b"\x0d\x08" + struct.pack(">Q", 0x00220080_0000CA00)
    dates = struct.pack(">BI", 0, air.start - 40_000_000) + b"\xff" * 4
    return head + dates + struct.pack(">Q", subject) + b"\x88\x02" + air.rng.randbytes(36)

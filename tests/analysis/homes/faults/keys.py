"""Keys that are missing, old, wrong, or handed out as they must not be."""

from __future__ import annotations

import struct

from dissectors.zigbee import assemble
from tests.analysis.homes.air import Device, Process
from tests.analysis.homes.days import new_key
from tests.analysis.homes.faults.catalogue import fault, much
from tests.analysis.homes.faults.presence import early, faulty
from tests.analysis.homes.joining import come_in, transport_key
from tests.analysis.homes.life import Home

WELL_KNOWN = b"ZigBeeAlliance09"


@fault("a switch keeps the old network key", "keys", "key-update-missed", happens=(new_key,))
def keeps_old(home: Home, strength: float) -> Process:
    one = home.of("HCALCS")[0]
    faulty(home, one)
    one.stale = (home.air.sequence, home.air.key)
    yield 1.0


@fault("a display keeps the old network key", "keys", "key-update-missed", happens=(new_key,))
def display_keeps_old(home: Home, strength: float) -> Process:
    one = home.of("PPMID")[0]
    faulty(home, one)
    one.stale = (home.air.sequence, home.air.key)
    yield 1.0


@fault("a new network key is never taken into use", "keys", "key-update-missed", "network-key-unused")
def no_switch(home: Home, strength: float) -> Process:
    faulty(home, home.hub)
    yield early(home)
    hub, air = home.hub, home.air
    for _ in range(much(2, strength)):
        body = bytes([0x05, 0x01]) + air.rng.randbytes(16) + bytes([(air.sequence + 1) % 256])
        body += struct.pack("<QQ", 0, hub.eui64)
        yield from air.shout(hub, bytes([1 | 2 << 2, hub.next("aps")]) + body)
        yield 400.0


@fault("a device uses another link key after a while", "keys", "mic-fails")
def wrong_link(home: Home, strength: float) -> Process:
    one = home.of("PPMID")[0]
    faulty(home, one)
    yield 10_800 - 4000 * strength**0.5
    one.links[home.meter.eui64] = home.air.rng.randbytes(16)
    home.more["unknown keys"] = {one.links[home.meter.eui64]}


@fault("a switch uses another network key", "keys", "mic-fails")
def wrong_network(home: Home, strength: float) -> Process:
    one = home.of("HCALCS")[0]
    faulty(home, one)
    yield 10_800 - 4000 * strength**0.5
    one.stale = (home.air.sequence, home.air.rng.randbytes(16))


@fault("a meter's readings are under the network key alone", "keys", "smart-energy-without-link-key")
def without_link(home: Home, strength: float) -> Process:
    faulty(home, home.meter, *home.of("PPMID", "IHD"))
    yield 10_800 - 4000 * strength**0.5
    for one in home.of("PPMID", "IHD"):
        home.meter.links.pop(one.eui64, None)
        home.more.setdefault("former keys", []).append(
            (one.links[home.meter.eui64], one.eui64, home.meter.eui64)
        )
        one.links[home.meter.eui64] = None  # type: ignore[assignment]


@fault("a device's counter begins anew", "keys", "nwk-counter-back")
def counter_back(home: Home, strength: float) -> Process:
    one = home.of("HCALCS")[0]
    faulty(home, one)
    one.counts["nwk counter"] += 90_000
    yield 10_800 - 4000 * strength**0.5
    one.counts["nwk counter"] = 1


@fault("a device's APS counter begins anew", "keys", "aps-counter-back")
def aps_counter_back(home: Home, strength: float) -> Process:
    one = home.of("PPMID")[0]
    faulty(home, one)
    one.counts["aps counter"] += 90_000
    yield 10_800 - 4000 * strength**0.5
    one.counts["aps counter"] = 1


def handed(home: Home, key: bytes, sealed: bool) -> Process:
    """The network key on its way to a device, in clear or under a key that everybody knows."""
    hub, one, air = home.hub, home.of("PPMID")[0], home.air
    faulty(home, hub, one)
    yield early(home)
    if sealed:
        yield from transport_key(home, one, key)
        return True
    body = bytes([0x05, 0x01]) + air.key + bytes([air.sequence]) + struct.pack("<QQ", one.eui64, hub.eui64)
    npdu = (
        assemble.nwk_header(one.short, 0, hub.next("nwk"), secured=False) + bytes([1, hub.next("aps")]) + body
    )
    return (
        yield from air.send(
            hub, assemble.mac_data(hub.next("mac"), air.pan, one.short, 0, npdu, ack=True), one
        )
    )


@fault("the network key is sent in clear", "keys", "transport-key-in-clear", strengths=(1.0,))
def in_clear(home: Home, strength: float) -> Process:
    return (yield from handed(home, b"", False))


@fault(
    "the network key is sent under a key that everybody knows",
    "keys",
    "transport-key-well-known",
    strengths=(1.0,),
)
def well_known(home: Home, strength: float) -> Process:
    return (yield from handed(home, WELL_KNOWN, True))


def requests_key(home: Home, one: Device, partner: Device) -> Process:
    """Request Key of type 2 (application link key) with a partner (05-3474 4.4.5)."""
    header = bytes([1 | 1 << 5, one.next("aps")])
    body = struct.pack("<BBQ", 0x08, 2, partner.eui64)
    counter = one.next("aps counter", 1 << 32)
    apdu = assemble.secure_aps(header, body, one.links[home.hub.eui64], counter=counter, source=one.eui64)
    return (yield from home.air.carry(one, home.hub, apdu))


@fault("a display asks for a key with the meter in vain", "keys", "key-request-unanswered")
def key_in_vain(home: Home, strength: float) -> Process:
    one = home.of("PPMID")[0]
    faulty(home, one)
    yield early(home)
    for _ in range(2 + much(2, strength)):
        yield from requests_key(home, one, home.meter)
        yield home.air.rng.uniform(20, 200)


@fault(
    "a new device never gets a key of its own",
    "keys",
    "cbke-terminated",
    "installation-step",
    "smart-energy-without-link-key",
)
def no_agreement(home: Home, strength: float) -> Process:
    home.more["no agreement"] = much(2, strength)
    yield early(home) / 2
    yield from come_in(home, "CAD", {})
    faulty(home, home.devices["new CAD"], home.hub)


@fault("key establishment is ended again and again", "keys", "cbke-terminated", "cbke-flood")
def terminated(home: Home, strength: float) -> Process:
    one, hub = home.of("PPMID")[0], home.hub
    faulty(home, one, hub)
    yield early(home)
    for _ in range(much(3, strength)):
        head = struct.pack("<HBB", 2, 10, 10)
        from tests.analysis.homes.joining import _certificate

        asked = head + _certificate(home.air, one.eui64)
        yield from home.speech.ask(one, hub, 0x0800, 0, asked, struct.pack("<BBH", 1, 10, 2), 3, link=False)
        yield home.air.rng.uniform(60, 300)


@fault("a gas meter reports under the network key alone", "keys", "smart-energy-without-link-key", hours=5)
def gas_without(home: Home, strength: float) -> Process:
    one = home.of("GSME")[0]
    faulty(home, one, home.hub)
    yield 18_000 - 6000 * strength**0.5
    home.more.setdefault("former keys", []).append((one.links[home.hub.eui64], one.eui64, home.hub.eui64))
    one.links[home.hub.eui64] = home.hub.links[one.eui64] = b""

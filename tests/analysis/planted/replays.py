"""Replays and frame counters."""

from __future__ import annotations

import struct

from dissectors.zigbee import assemble
from tests.analysis.planted.catalogue import plant
from tests.analysis.planted.layers import reopened
from tests.analysis.planted.recording import SECOND, Record, Recording, Station
from tests.analysis.planted.speech import forge, say, zcl

TIME, METERING = 0x000A, 0x0702


def secured(recording: Recording, device: Station, *, link: bool = False) -> list[Record]:
    """What a device said under NWK security, in the first half of the capture."""
    rows = recording.packets
    rows = rows[(rows["nwk_sender"] == device.eui64) & (rows["nwk_security"] == "ok") & rows["fcs_ok"]]
    if link:
        rows = rows[rows["aps_security"] == "ok"]
    middle = recording.start + (recording.end - recording.start) // 2
    return [r for r in recording.chosen(rows) if r.frame.time_ns < middle]


@plant("replay of one frame after seconds", "nwk-replay")
def replay_quick(recording: Recording) -> None:
    said = secured(recording, recording.one_of("ESME", "PPMID", "IHD", "CAD", "CHF"))
    for record in recording.rng.sample(said, recording.count(1)):
        again = recording.quiet(record.frame.time_ns + round(recording.rng.uniform(2.5, 9) * SECOND))
        recording.again(record, again, rssi=-80)


@plant("replay much later, last frame first", "nwk-replay")
def replay_reversed(recording: Recording) -> None:
    said = secured(recording, recording.one_of("ESME", "PPMID", "CAD", "HCALCS"))
    at = recording.moment(0.6, 0.9)
    for record in reversed(said[-recording.count(6) :]):
        recording.again(record, at)
        at += round(recording.rng.uniform(0.1, 4) * SECOND)


@plant("replay with another MAC header", "nwk-replay")
def replay_relabelled(recording: Recording) -> None:
    at = recording.moment()
    for record in recording.rng.sample(
        secured(recording, recording.one_of("ESME", "IHD", "CAD")), recording.count(3)
    ):
        octets = bytearray(record.frame.octets[:-2])
        octets[2] = recording.rng.randrange(256)
        recording.put(bytes(octets), at, -50)
        at = recording.quiet(at + recording.rng.randrange(1, 60) * SECOND)


@plant("an old APS message in a new NWK frame", "aps-replay")
def aps_replay(recording: Recording) -> None:
    device = recording.one_of("PPMID", "IHD", "CAD")
    at = recording.moment(0.7, 0.9)
    for record in recording.rng.sample(secured(recording, device, link=True), recording.count(2)):
        found = reopened(record.frame.octets[:-2], recording.network_keys, {})
        assert found is not None
        to = struct.unpack_from("<H", found.head, found.mac_octets + 2)[0]
        forge(recording, device, to, at, found.apdu, found.counter + 100_000)
        at = recording.quiet(at + 20 * SECOND)


@plant("a counter goes back by one", "nonce-reuse", "nwk-counter-back")
def counter_back_by_one(recording: Recording) -> None:
    device = recording.one_of("ESME", "PPMID", "IHD", "CAD", "HCALCS")
    for record in secured(recording, device)[-recording.count(2) :]:
        found = reopened(record.frame.octets[:-2], recording.network_keys, {})
        assert found is not None
        payload = assemble.aps_data(TIME, 0x0109, 1, 1, 77) + zcl(0, b"\x00\x00", general=True)
        at = recording.quiet(record.frame.time_ns + 30 * SECOND)
        forge(recording, device, 0, at, payload, found.counter, rssi=device.rssi)


@plant("a counter falls far and counts on from there", "nwk-counter-back", "counter-lockout", "nonce-reuse")
def counter_falls(recording: Recording) -> None:
    device = recording.one_of("ESME", "PPMID", "IHD", "CAD", "HCALCS")
    at = recording.moment()
    counter = recording.rng.randrange(3)
    for _ in range(recording.count(4)):
        forge(recording, device, 0, at, b"\x03\x00", counter, command=True, rssi=device.rssi)
        counter += 1
        at = recording.quiet(at + recording.rng.randrange(1, 30) * SECOND)


@plant("a counter runs over its end", "nwk-counter-back", "counter-near-exhaustion", "counter-jump")
def counter_wraps(recording: Recording) -> None:
    device = recording.one_of("PPMID", "IHD", "CAD")
    at, counter = recording.moment(0.9, 0.95), (1 << 32) - recording.count(3)
    for _ in range(recording.count(6)):
        forge(recording, device, 0, at, b"\x03\x00", counter & 0xFFFFFFFF, command=True, rssi=device.rssi)
        counter += 1
        at = recording.quiet(at + 10 * SECOND)


@plant("a counter leaps ahead and stays there", "counter-jump", "counter-near-exhaustion")
def counter_leaps(recording: Recording) -> None:
    device = recording.one_of("ESME", "PPMID", "IHD", "CAD")
    rows = recording.packets
    late = rows[(rows["nwk_sender"] == device.eui64) & (rows["frame"] > len(rows) // 2)]
    leap = round(3_000_000 * recording.strength)
    for record in recording.chosen(late):
        found = reopened(record.frame.octets[:-2], recording.network_keys, {})
        if found is not None:
            octets = found.closed(found.counter + leap)
            record.frame = recording.captured(octets, record.frame.time_ns, record.frame.rssi or -60)
            record.planted = True


@plant("two messages under one APS nonce", "nonce-reuse")
def aps_nonce(recording: Recording) -> None:
    device, hub = recording.one_of("PPMID", "IHD", "CAD"), recording["CHF"]
    key = recording.link_key(device, hub)
    assert key is not None
    at = recording.moment()
    counter = 900_000
    for attribute in range(2 * recording.count(1)):
        header = assemble.aps_data(TIME, 0x0109, 1, 1, 50 + attribute, secured=True)
        body = zcl(0, struct.pack("<H", attribute), general=True, sequence=attribute)
        apdu = assemble.secure_aps(header, body, key, counter=counter, source=device.eui64)
        forge(recording, device, 0, at, apdu, 3_000_000 + attribute, rssi=device.rssi)
        at = recording.quiet(at + 15 * SECOND)


@plant(
    "commands in a device's name from elsewhere, its counter far ahead", "counter-lockout", "cloned-address"
)
def forged_ahead(recording: Recording) -> None:
    device = recording.one_of("PPMID", "IHD", "CAD")
    at = recording.moment()
    last = int(recording.packets[recording.packets["nwk_sender"] == device.eui64]["nwk_counter"].max())
    for step in range(recording.count(3)):
        payload = assemble.aps_data(TIME, 0x0109, 1, 1, 90 + step) + zcl(
            2, b"\x00\x00\xe2\x00\x00\x00\x00", general=True
        )
        forge(recording, device, 0, at, payload, last + 700 + step, rssi=-85)
        at = recording.quiet(at + recording.rng.randrange(2, 40) * SECOND)


@plant("one forged frame in the trust centre's name", "counter-lockout", "nonce-reuse", "nwk-counter-back")
def forged_hub(recording: Recording) -> None:
    hub = recording["CHF"]
    last = int(recording.packets[recording.packets["nwk_sender"] == hub.eui64]["nwk_counter"].max())
    device = recording.one_of("PPMID", "IHD")
    payload = assemble.aps_data(METERING, 0x0109, 1, 1, 9) + zcl(0, b"\x00\x00", general=True)
    forge(recording, hub, device.short, recording.moment(), payload, last + 2000, rssi=-82)


@plant("an honest device writes the time of the hub", "type-2-writes", "time-source")
def honest_write(recording: Recording) -> None:
    device = recording.one_of("IHD", "CAD")
    at = recording.moment()
    for _ in range(recording.count(2)):
        asdu = zcl(2, b"\x00\x00\xe2\x11\x22\x33\x2a", general=True, sequence=7)
        say(recording, device, recording["CHF"], at, TIME, asdu)
        at = recording.quiet(at + 5 * SECOND)

"""Joining, leaving, beacons and keys on the air."""

from __future__ import annotations

import struct

from dissectors.zigbee import assemble
from dissectors.zigbee.security.link_keys import key_transport_key
from tests.analysis.planted.catalogue import plant
from tests.analysis.planted.recording import SECOND, Recording, Station
from tests.analysis.planted.speech import forge, say, shout, tell, zcl

WELL_KNOWN = b"ZigBeeAlliance09"
ASSOCIATE, ANSWER, LEAVE_MAC, POLL, ORPHAN, SCAN, REALIGN = 1, 2, 3, 4, 6, 7, 8
LEAVE, REJOIN, REPORT, UPDATE = 4, 6, 9, 10


def stranger(recording: Recording) -> int:
    return recording.rng.getrandbits(64) | 1


def transport(recording: Recording, to: int, *, kind: int = 1, key: bytes | None = None) -> bytes:
    """The body of a Transport-Key command (05-3474 clause 4.4.9.1)."""
    body = bytes([5, kind]) + (key or recording.key)
    tail = struct.pack("<BQQ", recording.key_sequence, to, recording["CHF"].eui64)
    return body + (tail if kind == 1 else struct.pack("<QB", recording["CHF"].eui64, 0))


def command_apdu(
    recording: Recording, body: bytes, key: bytes | None, *, key_id: int = assemble.KEY_TRANSPORT
) -> bytes:
    header = assemble.aps_header_command(recording.rng.randrange(256), secured=key is not None)
    if key is None:
        return header + body
    counter = recording.rng.randrange(500_000, 600_000)
    return assemble.secure_aps(
        header, body, key, counter=counter, source=recording["CHF"].eui64, key_id=key_id
    )


@plant("the network key in clear to a device that is in", "transport-key-in-clear")
def key_in_clear(recording: Recording) -> None:
    device = recording.one_of("PPMID", "IHD", "CAD", "GSME")
    at = recording.moment(0.1, 0.9)
    for _ in range(recording.count(1)):
        apdu = command_apdu(recording, transport(recording, device.eui64), None)
        forge(recording, recording["CHF"], device.short, at, apdu, 0, secured=False, rssi=-45)
        at = recording.quiet(at + 30 * SECOND)


@plant("the network key under the well-known key", "transport-key-well-known")
def key_well_known(recording: Recording) -> None:
    device, at = recording.one_of("PPMID", "ESME", "CAD"), recording.moment(0.1, 0.9)
    for _ in range(recording.count(1)):
        apdu = command_apdu(recording, transport(recording, device.eui64), key_transport_key(WELL_KNOWN))
        forge(recording, recording["CHF"], device.short, at, apdu, 0, secured=False, rssi=-48)
        at = recording.quiet(at + 30 * SECOND)


@plant("a link key under the network key alone", "transport-key-network-only", strengths=(1.0,))
def key_network_only(recording: Recording) -> None:
    device = recording.one_of("PPMID", "IHD")
    apdu = command_apdu(recording, transport(recording, device.eui64, kind=3, key=bytes(range(16))), None)
    tell(recording, recording["CHF"], device.short, recording.moment(), apdu, command=False, receiver=device)


@plant("a network key under the network key", "transport-key-key-id", strengths=(1.0,))
def key_of_wrong_kind(recording: Recording) -> None:
    device = recording.one_of("PPMID", "IHD")
    counter = recording.rng.randrange(500_000, 600_000)
    apdu = assemble.secure_nwk(  # the auxiliary header of a network key, behind an APS header
        assemble.aps_header_command(7, secured=True), transport(recording, device.eui64), recording.key,
        counter=counter, source=recording["CHF"].eui64, key_seq=recording.key_sequence,
    )  # fmt: skip
    tell(recording, recording["CHF"], device.short, recording.moment(), apdu, command=False, receiver=device)


@plant("a Request-Key under the well-known key", "well-known-key-opens-frames", strengths=(1.0,))
def command_well_known(recording: Recording) -> None:
    device = recording.one_of("PPMID", "IHD")
    apdu = command_apdu(recording, b"\x08\x04", WELL_KNOWN, key_id=assemble.KEY_LINK)
    tell(recording, recording["CHF"], device.short, recording.moment(), apdu, command=False, receiver=device)


@plant("data under the key-load key", "smart-energy-key-id", strengths=(1.0,))
def data_under_key_load(recording: Recording) -> None:
    device, at = recording.one_of("PPMID", "IHD"), recording.moment()
    asdu = zcl(0, b"\x00\x00", general=True)
    say(recording, device, recording["ESME"], at, 0x0702, asdu, key_id=assemble.KEY_LOAD)


@plant("keys to a joiner that never comes in", "join-fails")
def install_code_wrong(recording: Recording) -> None:
    joiner, at = stranger(recording), recording.moment(0.3, 0.6)
    short = recording.rng.randrange(0x1000, 0xF000)
    wrong = recording.rng.randbytes(16)
    for _ in range(3 + recording.count(2)):
        hub = recording["CHF"]
        ask = assemble.mac_command(
            7, ASSOCIATE, b"\x80", dst_pan=recording.pan, dst=0, src_pan=0xFFFF, src=joiner, src_extended=True
        )
        yes = assemble.mac_command(
            8, ANSWER, struct.pack("<HB", short, 0), dst_pan=recording.pan, dst=joiner, dst_extended=True,
            src=hub.eui64, src_extended=True,
        )  # fmt: skip
        shout(recording, at, [ask], (1, 1), -66)
        shout(recording, at + SECOND // 2, [yes], (1, 1), hub.rssi)
        apdu = command_apdu(recording, transport(recording, joiner), key_transport_key(wrong))
        to = Station("", joiner, short, -66)
        forge(recording, hub, to.short, at + SECOND, apdu, 0, secured=False, rssi=hub.rssi)
        at = recording.quiet(at + recording.rng.randrange(12, 30) * SECOND)


def knocks(recording: Recording, status: int | None) -> None:
    """A device asks to associate, waits, asks again; each time the hub answers with `status`, or nobody does."""
    joiner, at, hub = stranger(recording), recording.moment(0.3, 0.6), recording["CHF"]
    for number in range(1 + recording.count(2)):
        ask = assemble.mac_command(
            30 + number, ASSOCIATE, b"\x80", dst_pan=recording.pan, dst=0, src_pan=0xFFFF, src=joiner,
            src_extended=True,
        )  # fmt: skip
        shout(recording, at, [ask], (1, 1), -69)
        if status is not None:
            short = 0xFFFF if status else recording.rng.randrange(0x1000, 0xF000)
            said = assemble.mac_command(
                60 + number, ANSWER, struct.pack("<HB", short, status), dst_pan=recording.pan, dst=joiner,
                dst_extended=True, src=hub.eui64, src_extended=True,
            )  # fmt: skip
            shout(recording, at + SECOND // 2, [said], (1, 1), hub.rssi)
        at = recording.quiet(at + recording.rng.randrange(15, 40) * SECOND)


@plant("a device is refused by the hub", "association-fails")
def join_refused(recording: Recording) -> None:
    knocks(recording, 2)


@plant("nobody answers a device that asks to associate", "association-fails")
def join_unanswered(recording: Recording) -> None:
    knocks(recording, None)


@plant("a device is associated and never given a key", "association-fails")
def join_without_key(recording: Recording) -> None:
    knocks(recording, 0)


@plant("rejoins again and again", "rejoin-loop")
def rejoin_storm(recording: Recording) -> None:
    device, hub = recording.one_of("PPMID", "IHD", "CAD"), recording["CHF"]
    at = recording.moment(0.2, 0.5)
    for _ in range(2 + recording.count(4)):
        tell(recording, device, hub.short, at, bytes([REJOIN, 0x80]), receiver=hub)
        at = recording.quiet(at + recording.rng.randrange(3, 40) * SECOND)


@plant("rejoins every few minutes for hours", "rejoin-loop", base="evening", strengths=(1.0, 2.0))
def rejoin_slow(recording: Recording) -> None:
    device, hub = recording.one_of("PPMID", "IHD", "CAD"), recording["CHF"]
    at = recording.moment(0.1, 0.2)
    for _ in range(recording.count(12)):
        tell(recording, device, hub.short, at, bytes([REJOIN, 0x80]), receiver=hub)
        at = recording.quiet(at + recording.rng.randrange(360, 700) * SECOND)


@plant("unsecured rejoins in a device's name", "rejoin-loop", "rejoin-unsecured", "nwk-unsecured-frame")
def rejoin_unsecured(recording: Recording) -> None:
    device, at = recording.one_of("PPMID", "IHD", "CAD"), recording.moment()
    for _ in range(recording.count(4)):
        forge(recording, device, 0, at, bytes([REJOIN, 0x80]), 0, command=True, secured=False)
        at = recording.quiet(at + 20 * SECOND)


@plant("beacons of ever new networks", "beacon-flood", "beacon-two-voices")
def beacon_flood(recording: Recording) -> None:
    beacons = [
        assemble.mac_beacon(
            recording.rng.randrange(256), recording.rng.randrange(1, 0xFFF0), 0, stranger(recording),
            permit_join=bool(n % 2), coordinator=True,
        )
        for n in range(recording.count(60))
    ]  # fmt: skip
    shout(recording, recording.moment(), beacons, (0.05, 0.6))


@plant("beacons with the home's PAN ID from another coordinator", "pan-id-conflict", "beacon-two-voices")
def beacon_conflict(recording: Recording) -> None:
    epid = stranger(recording)
    beacons = [
        assemble.mac_beacon(n, recording.pan, 0, epid, permit_join=False, coordinator=True)
        for n in range(recording.count(6))
    ]
    # the home's own beacons, as an answer to a scan: without them nobody can tell which is whose
    own = assemble.mac_beacon(
        9, recording.pan, 0, recording["CHF"].eui64, permit_join=False, coordinator=True
    )
    shout(recording, recording.moment(0.1, 0.2), [own], (1, 1), recording["CHF"].rssi)[0].planted = False
    shout(recording, recording.moment(), beacons, (0.4, 20))


@plant("scans without end", "beacon-request-scan")
def scan_flood(recording: Recording) -> None:
    asks = [
        assemble.mac_command(n, SCAN, dst_pan=0xFFFF, dst=0xFFFF, ack=False)
        for n in range(recording.count(150))
    ]
    shout(recording, recording.moment(), asks, (0.1, 0.5))


@plant(
    "strangers ask to associate, one every few minutes",
    "association-flood",
    base="evening",
    strengths=(1.0, 2.0),
)
def association_slow(recording: Recording) -> None:
    at = recording.moment(0.1, 0.2)
    for n in range(recording.count(30)):
        ask = assemble.mac_command(
            n,
            ASSOCIATE,
            b"\x8e",
            dst_pan=recording.pan,
            dst=0,
            src_pan=0xFFFF,
            src=stranger(recording),
            src_extended=True,
        )
        recording.put(ask, at, -80)
        at = recording.quiet(at + recording.rng.randrange(60, 200) * SECOND)


@plant("strangers ask to associate in a burst", "association-flood")
def association_burst(recording: Recording) -> None:
    asks = [
        assemble.mac_command(
            n,
            ASSOCIATE,
            b"\x8e",
            dst_pan=recording.pan,
            dst=0,
            src_pan=0xFFFF,
            src=stranger(recording),
            src_extended=True,
        )
        for n in range(recording.count(30))
    ]
    shout(recording, recording.moment(), asks, (0.02, 0.3))


@plant("one child is told to leave, over and over", "leave-flood", "leave-unsecured")
def leave_flood(recording: Recording) -> None:
    device, hub, at = recording.one_of("PPMID", "IHD", "CAD"), recording["CHF"], recording.moment()
    last = int(recording.packets[recording.packets["nwk_sender"] == hub.eui64]["nwk_counter"].max())
    for n in range(4 + recording.count(6)):
        forge(recording, hub, device.short, at, bytes([LEAVE, 0x40]), last + 5000 + n, command=True)
        at += round(recording.rng.uniform(0.5, 5) * SECOND)


@plant("a display tells others to leave", "leave-source", strengths=(1.0, 2.0))
def leave_by_display(recording: Recording) -> None:
    device, at = recording.one_of("IHD", "PPMID", "CAD"), recording.moment()
    other = recording.one_of("ESME", "HCALCS")
    for _ in range(recording.count(2)):
        tell(recording, device, other.short, at, bytes([LEAVE, 0x40]), receiver=other)
        at = recording.quiet(at + 20 * SECOND)


@plant(
    "a Management Leave request from a display",
    "network-management-source",
    strengths=(1.0,),
)
def zdp_leave(recording: Recording) -> None:
    device, hub = recording.one_of("IHD", "CAD"), recording["ESME"]
    header = assemble.aps_data(0x0034, 0, 0, 0, 33)
    body = struct.pack("<BQB", 5, recording["HCALCS"].eui64, 0x00)
    tell(recording, device, hub.short, recording.moment(), header + body, command=False, receiver=hub)


@plant(
    "a display opens the network for joining",
    "network-management-source",
)
def zdp_permit(recording: Recording) -> None:
    device, at = recording.one_of("IHD", "CAD"), recording.moment()
    for _ in range(recording.count(1)):
        header = assemble.aps_data(0x0036, 0, 0, 0, 34, broadcast=True)
        tell(recording, device, 0xFFFC, at, header + bytes([9, 0xFE, 1]), command=False)
        at = recording.quiet(at + 60 * SECOND)


@plant("disassociations of one child", "disassociation", "leave-flood")
def disassociate(recording: Recording) -> None:
    device, hub = recording.one_of("PPMID", "CAD", "GSME"), recording["CHF"]
    octets = [
        assemble.mac_command(
            n, LEAVE_MAC, b"\x02", dst_pan=recording.pan, dst=device.short, src=hub.eui64, src_extended=True
        )
        for n in range(recording.count(3))
    ]
    shout(recording, recording.moment(), octets, (1, 30))


@plant("orphan notifications in a device's name", "orphan-forged")
def orphan(recording: Recording) -> None:
    device = recording.one_of("ESME", "CAD")
    octets = [
        assemble.mac_command(
            n,
            ORPHAN,
            dst_pan=0xFFFF,
            dst=0xFFFF,
            src_pan=0xFFFF,
            src=device.eui64,
            src_extended=True,
            ack=False,
        )
        for n in range(recording.count(2))
    ]
    shout(recording, recording.moment(), octets, (5, 20), -85)


@plant("realignments to another channel", "realignment-forged")
def realign(recording: Recording) -> None:
    body = struct.pack("<HHBH", recording.pan, 0, 11, 0xFFFF)
    octets = [
        assemble.mac_command(
            n, REALIGN, body, dst_pan=0xFFFF, dst=0xFFFF, src_pan=recording.pan, src=0, ack=False
        )
        for n in range(recording.count(2))
    ]
    shout(recording, recording.moment(), octets, (2, 9))


@plant("a device that is no hub changes the PAN ID", "network-update-source")
def update_by_display(recording: Recording) -> None:
    device, at = recording.one_of("IHD", "CAD", "ESME"), recording.moment()
    body = bytes([UPDATE, 1]) + struct.pack("<QBH", recording["CHF"].eui64, 3, 0x2222)
    for _ in range(recording.count(1)):
        tell(recording, device, 0xFFFF, at, body)
        at = recording.quiet(at + 30 * SECOND)


@plant("reports of a PAN ID conflict that nobody heard", "pan-id-conflict-report")
def report(recording: Recording) -> None:
    device, hub = recording.one_of("ESME", "HCALCS"), recording["CHF"]
    body = bytes([REPORT, 1]) + struct.pack("<QH", hub.eui64, 0x1111)
    at = recording.moment()
    for _ in range(recording.count(1)):
        tell(recording, device, hub.short, at, body, receiver=hub)
        at = recording.quiet(at + 30 * SECOND)


@plant("a switch to a key that was never distributed", "key-sequence-unannounced")
def switch_key(recording: Recording) -> None:
    new, hub, at = recording.rng.randbytes(16), recording["CHF"], recording.moment()
    for counter in range(recording.count(6)):
        header = assemble.nwk_header(0xFFFC, 0, recording.rng.randrange(256), command=True, radius=1)
        npdu = assemble.secure_nwk(header, b"\x08\x60", new, counter=counter, source=hub.eui64, key_seq=1)
        recording.put(assemble.mac_data(counter, recording.pan, 0xFFFF, 0, npdu), at, hub.rssi)
        at = recording.quiet(at + 15 * SECOND)

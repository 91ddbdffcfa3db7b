"""The air: jamming, spoofed acknowledgements, floods, strength, silence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dissectors.zigbee import assemble
from tests.analysis.planted.catalogue import plant
from tests.analysis.planted.layers import Secured, reopened
from tests.analysis.planted.recording import SECOND, Record, Recording, frames_like
from tests.analysis.planted.speech import forge, say, tell, zcl

KEEP_ALIVE, METERING, TIME, PRICE = 0x0025, 0x0702, 0x000A, 0x0700


def within(recording: Recording, rows, low: float, high: float):
    """Rows between two parts of the capture."""
    span = recording.end - recording.start
    ns = rows["time"].astype("int64") - recording.start
    return rows[(ns > low * span) & (ns < high * span)]


@plant("all frames of one device are jammed", "jamming-of-device", base="hour")
def jam_device(recording: Recording) -> None:
    device = recording.one_of("ESME", "CAD", "HCALCS")
    rows = frames_like(recording.packets, nwk_sender=device.eui64)
    start = recording.rng.uniform(0.1, 0.3)
    for record in recording.chosen(
        within(recording, rows, start, start + min(0.6, 0.4 * recording.strength))
    ):
        if recording.rng.random() < 0.9:
            recording.damage(record)


@plant("all link status frames are jammed", "jamming-by-length", "bad-fcs-share")
def jam_kind(recording: Recording) -> None:
    rows = frames_like(recording.packets, nwk_command=8)
    start = recording.rng.uniform(0.2, 0.4)
    for record in recording.chosen(within(recording, rows, start, start + 0.25 * recording.strength)):
        recording.damage(record)


@plant("frames of one length are jammed", "jamming-by-length")
def jam_length(recording: Recording) -> None:
    rows = recording.packets[recording.packets["nwk_type"].notna()]
    sizes = rows["length"].value_counts()
    common = [
        int(size) for size, number in sizes.items() if number > 20 and int(size) < int(rows["length"].max())
    ]
    rows = rows[rows["length"] == recording.rng.choice(common[:4])]
    start = recording.rng.uniform(0.1, 0.2)
    chosen = recording.chosen(within(recording, rows, start, start + min(0.75, 0.5 * recording.strength)))
    for record in chosen:
        if recording.rng.random() < 0.9:
            recording.damage(record)


@plant("everything is jammed for minutes", "bad-fcs-share")
def jam_all(recording: Recording) -> None:
    start = recording.rng.uniform(0.2, 0.5)
    for record in recording.chosen(within(recording, recording.packets, start, start + 0.2)):
        if recording.rng.random() < 0.5 * recording.strength:
            recording.damage(record)


@plant("damaged frames are acknowledged, and do not get through", "ack-after-damaged-frame")
def ack_spoof(recording: Recording) -> None:
    packets = recording.packets
    rows = packets[(packets["mac_ack_request"] == True) & (packets["mac_type"].shift(-1) == "ack")]  # noqa: E712
    rows = rows[packets["aps_type"].reindex(rows.index) == "data"]
    rows = rows[rows["length"] == rows["length"].mode()[0]]
    rows = within(recording, rows, 0.1, 0.9)[: recording.count(12)]
    answers = [_answers(packets, row) for row in rows.itertuples()]
    gone = [record for part in answers for record in recording.chosen(part)]
    jammed = recording.chosen(rows)
    recording.remove(gone)
    for record in jammed:
        found = reopened(record.frame.octets[:-2], recording.network_keys, recording.link_keys)
        assert found is not None
        recording.damage(record)
        _say_again(recording, record, found)


def _answers(packets: Any, row: Any) -> Any:
    """What the receiver of a frame says to its sender just after it."""
    late = packets["seconds"] - row.seconds
    back = (packets["nwk_src"] == row.nwk_dst) & (packets["nwk_dst"] == row.nwk_src)
    return packets[back & (late > 0) & (late < 1.6)]


def _say_again(recording: Recording, record: Record, found: Secured) -> None:
    """The sender, which waits in vain, says the same once more: the same APS counter, new numbers below."""
    at = recording.quiet(record.frame.time_ns + round(1.7 * SECOND))
    sequence = (found.head[2] + 128) & 0xFF
    head = found.head[:2] + bytes([sequence]) + found.head[3:]
    again = replace(found, head=head)
    recording.add(
        Record(
            recording.captured(b"", at, record.frame.rssi or -60), planted=True, build=again.closed,
            sender=found.sender, aps=found.aps_counter is not None,
        )
    )  # fmt: skip
    recording.put(assemble.mac_ack(sequence), at + 4_000_000, -60)


@plant("every frame of a device is acknowledged twice", "ack-twice")
def ack_twice(recording: Recording) -> None:
    packets = recording.packets
    device = recording.one_of("CAD", "PPMID", "IHD")
    mine = packets[
        (packets["nwk_sender"] == device.eui64) & (packets["mac_ack_request"] == True)  # noqa: E712
        & (packets["mac_type"].shift(-1) == "ack")
    ]  # fmt: skip
    for record in recording.chosen(mine)[-recording.count(8) :]:
        octets = assemble.mac_ack(record.frame.octets[2])
        recording.put(octets, record.frame.time_ns + 700_000 + 900_000, -50)


@plant("acknowledgements vanish, frames are repeated", "missing-acknowledgements", "retry-copies")
def acks_missing(recording: Recording) -> None:
    packets = recording.packets
    device = recording.one_of("CAD", "ESME", "PPMID")
    asked = packets[(packets["nwk_sender"] == device.eui64) & (packets["mac_ack_request"] == True)]  # noqa: E712
    asked = within(recording, asked, 0.1, 0.9)
    records = recording.chosen(asked)
    acks = [recording.records[int(f)] for f in asked["frame"] if int(f) < len(recording.records)]
    recording.remove([a for a in acks if len(a.frame.octets) == 5])
    for record in records:
        record.planted = True
        for attempt in range(1, 4):
            recording.again(record, record.frame.time_ns + attempt * 4_000_000)


@plant("junk with a device's name and a wrong integrity code", "junk-frames", "mic-fails")
def junk(recording: Recording) -> None:
    device, at = recording.one_of("ESME", "PPMID"), recording.moment()
    for n in range(recording.count(6)):
        record = forge(
            recording, device, recording["CHF"].short, at, recording.rng.randbytes(60), 9_000_000 + n
        )
        octets = bytearray(record.frame.octets[:-2])
        octets[-1] ^= 0x55
        record.frame = recording.captured(bytes(octets), at, -80)
        at = recording.quiet(at + recording.rng.randrange(1, 20) * SECOND)


@plant("a device repeats one frame dozens of times", "retry-copies")
def copies(recording: Recording) -> None:
    device, hub = recording.one_of("PPMID", "IHD", "CAD"), recording["CHF"]
    at = recording.moment()
    first = say(recording, device, hub, at, TIME, zcl(0, b"\x00\x00", general=True), acked=True)
    for n in range(1, 8 + recording.count(12)):
        recording.again(first, at + n * 5_000_000)


@plant("a request, hundreds of times", "request-flood")
def request_flood(recording: Recording) -> None:
    device, hub, at = recording.one_of("PPMID", "IHD", "CAD"), recording["CHF"], recording.moment(0.2, 0.5)
    for n in range(30 + recording.count(100)):
        say(recording, device, hub, at, PRICE, zcl(0, b"\x01", sequence=n))
        at += round(recording.rng.uniform(0.1, 0.6) * SECOND)


@plant("broadcasts without end", "broadcast-flood", "request-flood")
def broadcast_flood(recording: Recording) -> None:
    device, at = recording.one_of("PPMID", "IHD", "CAD"), recording.moment(0.2, 0.5)
    for n in range(20 + recording.count(100)):
        body = (
            assemble.aps_data(0x0000, 0, 0, 0, n, broadcast=True)
            + bytes([n & 0xFF])
            + recording.rng.randbytes(10)
        )
        tell(recording, device, 0xFFFD, at, body, command=False)
        at += round(recording.rng.uniform(0.1, 0.5) * SECOND)


@plant("a device steps to another strength", "rssi-changed", base="hour")
def rssi_step(recording: Recording) -> None:
    device = recording.one_of("ESME", "HCALCS", "CAD")  # a display may be carried about
    drop = round(11 + 6 * recording.strength)
    rows = within(
        recording, frames_like(recording.packets, nwk_sender=device.eui64), recording.rng.uniform(0.3, 0.6), 1
    )
    for record in recording.chosen(rows):
        record.frame = replace(record.frame, rssi=max(-100, (record.frame.rssi or 0) - drop))
        record.planted = True


@plant("a device's strength sinks slowly", "rssi-changed", "rssi-drifts", base="hour", strengths=(1.0, 2.0))
def rssi_drift(recording: Recording) -> None:
    device = recording.one_of("ESME", "CAD")
    span = recording.end - recording.start
    for record in recording.chosen(frames_like(recording.packets, nwk_sender=device.eui64)):
        part = (record.frame.time_ns - recording.start) / span
        record.frame = replace(
            record.frame, rssi=max(-100, (record.frame.rssi or 0) - round(20 * recording.strength * part))
        )
        record.planted = True


@plant("a device falls silent", "device-silent", base="evening", silent=True)
def silence(recording: Recording) -> int:
    device = recording.one_of("PPMID", "HCALCS", "ESME")  # others may be carried about and switched off
    rows = frames_like(recording.packets, nwk_sender=device.eui64)
    low = recording.rng.uniform(0.35, 0.6) if recording.strength >= 1 else recording.rng.uniform(0.7, 0.8)
    recording.remove(recording.chosen(within(recording, rows, low, 1)))
    return device.eui64


@plant("the gas meter polls at ten times its pace", "poll-interval-changed", "gas-fast-wake", base="evening")
def polls(recording: Recording) -> None:
    meter, hub = recording["GSME"], recording["CHF"]
    at, pace = recording.moment(0.2, 0.3), 180 / recording.strength
    while at < recording.end - 60 * SECOND:
        number = recording.rng.randrange(256)
        poll = assemble.mac_command(number, 4, dst_pan=recording.pan, dst=hub.short, src=meter.short)
        recording.put(poll, at, meter.rssi)
        recording.put(assemble.mac_ack(number), at + 900_000, hub.rssi).planted = False
        at = recording.quiet(at + round(recording.rng.uniform(0.9, 1.1) * pace * SECOND))


@plant("a poll is promised data that never comes", "pending-without-data", base="evening")
def promises(recording: Recording) -> None:
    meter, hub = recording["GSME"], recording["CHF"]
    at = recording.moment(0.3, 0.6)
    for _ in range(4 + recording.count(4)):
        number = recording.rng.randrange(256)
        poll = assemble.mac_command(number, 4, dst_pan=recording.pan, dst=hub.short, src=meter.short)
        recording.put(poll, at, meter.rssi)
        recording.put(assemble.mac_ack(number, pending=True), at + 900_000, -55)
        at = recording.quiet(at + recording.rng.randrange(1, 9) * SECOND)

"""What stops, or begins again and again: frames taken away, and frames of devices that start anew."""

from __future__ import annotations

import struct
from typing import Any

from dissectors.zigbee import assemble
from tests.analysis.planted.catalogue import plant
from tests.analysis.planted.recording import SECOND, Recording, Station
from tests.analysis.planted.speech import BROADCAST, say, shout, tell, zcl

OTA, KEEP_ALIVE = 0x0019, 0x0025
LINK_STATUS, POLL, ORPHAN, BEACON_REQUEST = 0x08, 0x04, 0x06, 0x07


def without(recording: Recording, rows: Any, start: float, end: float = float("inf")) -> None:
    """Takes away those of `rows` (of the packets table) between two times in seconds."""
    seconds = (rows["time"].astype("int64") - recording.start) / SECOND
    recording.remove(recording.chosen(rows[(seconds >= start) & (seconds < end)]))


@plant("a router sends data but no link status", "link-status-stops", base="hour", silent=True)
def no_links(recording: Recording) -> int:
    router, rows = recording["ESME"], recording.packets
    mine = (rows["nwk_src_eui64"] == router.eui64) & (rows["nwk_command"] == LINK_STATUS)
    without(recording, rows[mine.fillna(False)], 1000, 1000 + 900 * recording.strength)
    return router.eui64


@plant("the whole home moves to another channel", "network-silent", base="hour", silent=False)
def moved(recording: Recording) -> None:
    hub, rows = recording["CHF"], recording.packets
    without(recording, rows, 1500)
    at = recording.start + 1495 * SECOND
    header = assemble.aps_data(0x0038, 0, 0, 0, 7, broadcast=True)
    asdu = struct.pack("<BIBB", 9, 1 << 20, 0xFE, 3)
    tell(recording, hub, BROADCAST, at, header + asdu, command=False)
    scans = [
        assemble.mac_command(n, BEACON_REQUEST, dst_pan=0xFFFF, dst=0xFFFF, ack=False)
        for n in range(recording.count(25))
    ]
    shout(recording, at + 30 * SECOND, scans, (20, 30))


@plant("keep-alive is read no more", "keep-alive-cadence", base="evening", silent=True)
def no_keep_alive(recording: Recording) -> int:
    device, rows = recording.one_of("PPMID", "IHD", "CAD", "ESME"), recording.packets
    of_it = (rows["nwk_src_eui64"] == device.eui64) | (rows["nwk_dst_eui64"] == device.eui64)
    mine = (rows["aps_cluster"] == KEEP_ALIVE) & of_it
    without(recording, rows[mine.fillna(False)], 5000 / recording.strength**0.5)
    return device.eui64


def announce(recording: Recording, device: Station, at: int, n: int) -> None:
    header = assemble.aps_data(0x0013, 0, 0, 0, n & 0xFF, broadcast=True)
    asdu = struct.pack("<BHQB", n & 0xFF, device.short, device.eui64, 0x8E)
    tell(recording, device, BROADCAST, at, header + asdu, command=False)


@plant("a device announces itself every quarter of an hour", "rejoin-loop", base="evening")
def announces(recording: Recording) -> None:
    device, at = recording.one_of("PPMID", "IHD", "CAD", "HCALCS"), recording.moment(0.1, 0.2)
    for n in range(4 + recording.count(4)):
        announce(recording, device, at, n)
        at = recording.quiet(at + 590 * SECOND)


@plant("an image is begun again and again", "ota-restarts", base="hour")
def begins(recording: Recording) -> None:
    device, hub, at = (
        recording.one_of("PPMID", "ESME", "HCALCS"),
        recording["CHF"],
        recording.moment(0.1, 0.2),
    )
    for n in range(2 + recording.count(2)):
        for block in range(4):
            ask = b"\x00" + struct.pack("<HHIIB", 0x1234, 1, 0x00050000, 50 * block, 50)
            say(recording, device, hub, at, OTA, zcl(3, ask, sequence=8 * n + block))
            at = recording.quiet(at + 2 * SECOND)
        at = recording.quiet(at + 60 * SECOND)


@plant("the gas meter polls no more but reports", "polling-stops", base="evening")
def polls_end(recording: Recording) -> None:
    gas, hub, rows = recording["GSME"], recording["CHF"], recording.packets
    mine = (rows["mac_command"] == POLL) & (rows["mac_src"] == gas.short)
    without(recording, rows[mine.fillna(False)], 7300)
    at = recording.start + 7600 * SECOND
    while at < recording.end - 300 * SECOND:
        asdu = zcl(0x0A, struct.pack("<HBB", 0x0200, 0x18, 0), to_client=True, general=True)
        at = recording.quiet(at)
        say(recording, gas, hub, at, 0x0702, asdu)
        at += round(500 * SECOND / recording.strength)


@plant("the hub acknowledges the gas meter's polls no more", "polls-unacknowledged", base="hour")
def in_vain(recording: Recording) -> None:
    gas, at = recording["GSME"], recording.moment(0.2, 0.4)
    for n in range(5 + recording.count(3)):
        poll = assemble.mac_command(n, POLL, dst_pan=recording.pan, dst=0, src=gas.short)
        shout(recording, recording.quiet(at), [poll] * 4, (0.003, 0.006), gas.rssi)
        at += 30 * SECOND


@plant("a gas meter that came in never polls", "sleeper-never-polls", base="installed", silent=True)
def never_polls(recording: Recording) -> int:
    gas, rows = recording["GSME"], recording.packets
    mine = (rows["mac_command"] == POLL) & (rows["mac_src"] == gas.short)
    without(recording, rows[mine.fillna(False)], 0)
    return gas.eui64

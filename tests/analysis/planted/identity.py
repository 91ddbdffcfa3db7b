"""Who is who: another hub, firmware that falls back, another supplier."""

from __future__ import annotations

import struct
from dataclasses import replace

from tests.analysis.planted.catalogue import plant
from tests.analysis.planted.recording import SECOND, Recording
from tests.analysis.planted.speech import BROADCAST, say, tell, zcl

OTA = 0x0019


@plant("somebody else is the hub in the end", "hub-changed", base="hour")
def other_hub(recording: Recording) -> None:
    hub, rows = recording["CHF"], recording.packets
    seconds = (rows["time"].astype("int64") - recording.start) / SECOND
    mine = (rows["nwk_sender"] == hub.eui64).fillna(False) & (seconds > 2000)
    recording.remove(recording.chosen(rows[mine]))
    other = replace(hub, eui64=recording.rng.getrandbits(64) | 1)
    at = recording.quiet(recording.start + 2010 * SECOND)
    for _ in range(8 + recording.count(10)):
        tell(recording, other, BROADCAST, at, bytes([0x08, 0x60]))
        at = recording.quiet(at + 15 * SECOND)


@plant("firmware falls back", "firmware-went-back")
def falls_back(recording: Recording) -> None:
    device, hub, at = (
        recording.one_of("PPMID", "ESME", "HCALCS"),
        recording["CHF"],
        recording.moment(0.2, 0.4),
    )
    for version in [7] * recording.count(1) + [6] * recording.count(1):
        ask = b"\x00" + struct.pack("<HHI", 0x1234, 1, version)
        say(recording, device, hub, at, OTA, zcl(1, ask))
        at = recording.quiet(at + 40 * SECOND)


@plant(
    "the supplier that came is not the one of keys.toml",
    "party-certificate",
    base="supplier",
    silent=True,
    least="info",
)
def other_supplier(recording: Recording) -> str:
    assert recording.records
    return "message"

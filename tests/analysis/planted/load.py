"""Load that stays below a burst, in frames that are built here."""

from __future__ import annotations

import struct

from dissectors.zcl.build import build_payload
from tests.analysis.planted.catalogue import plant
from tests.analysis.planted.recording import SECOND, Recording
from tests.analysis.planted.speech import BROADCAST, say, tell, zcl

PRICE, MESSAGING, TUNNEL = 0x0700, 0x0703, 0x0704


@plant("a display asks for its price every ten seconds", "request-load", base="hour")
def prices(recording: Recording) -> None:
    display, meter, at = recording.one_of("PPMID", "IHD"), recording["ESME"], recording.moment(0.05, 0.15)
    for n in range(recording.count(80)):
        say(recording, display, meter, at, PRICE, zcl(0, b"\x01", sequence=n))
        at = recording.quiet(at + 10 * SECOND)


@plant("the hub sends message after message", "request-load", base="hour")
def texts(recording: Recording) -> None:
    hub, display, at = recording["CHF"], recording.one_of("PPMID", "IHD"), recording.moment(0.05, 0.1)
    for n in range(12 + recording.count(8)):
        values = {
            "message_id": n, "message_control": 0, "start_time": 0, "duration_in_minutes": 60, "message": "Hello",
            "optional_extended_message_control": 0,
        }  # fmt: skip
        say(
            recording,
            hub,
            display,
            at,
            MESSAGING,
            zcl(0, build_payload(MESSAGING, "to-client", 0, values), to_client=True),
        )
        at = recording.quiet(at + 20 * SECOND)


@plant("a device looks for descriptors without end", "request-load", base="hour")
def descriptors(recording: Recording) -> None:
    device, hub, at = recording.one_of("CAD", "HCALCS"), recording["CHF"], recording.moment(0.05, 0.15)
    for n in range(recording.count(70)):
        asdu = struct.pack("<BHB", n & 0xFF, hub.short, 1)
        say(recording, device, hub, at, 0x0004, asdu, profile=0, endpoints=(0, 0), link=False)
        at = recording.quiet(at + 11 * SECOND)


@plant("tunnels of the hub that stay open", "tunnels-left-open", base="hour")
def open_tunnels(recording: Recording) -> None:
    hub, meter, at = recording["CHF"], recording["ESME"], recording.moment(0.1, 0.2)
    for n in range(2 + recording.count(2)):
        say(recording, hub, meter, at, TUNNEL, zcl(0, struct.pack("<BHBH", 6, 0xFFFF, 0, 1500), sequence=n))
        at = recording.quiet(at + SECOND // 2)
        answer = zcl(0, struct.pack("<HBH", 0x90 + n, 0, 1500), to_client=True, sequence=n)
        say(recording, meter, hub, at, TUNNEL, answer)
        at = recording.quiet(at + 120 * SECOND)


@plant("an address is said to be used twice", "address-conflict", base="hour")
def conflict(recording: Recording) -> None:
    router, at = recording.one_of("ESME", "HCALCS"), recording.moment(0.1, 0.2)
    for _ in range(1 + recording.count(2)):
        tell(recording, router, BROADCAST, at, struct.pack("<BBH", 3, 0x0D, recording["PPMID"].short))
        at = recording.quiet(at + 100 * SECOND)


@plant("a device says that its parent holds frames for a child in vain", "links-fail", base="hour")
def expired(recording: Recording) -> None:
    router, hub, at = recording["HCALCS"], recording["CHF"], recording.moment(0.1, 0.2)
    status = recording.rng.choice((0x00, 0x02, 0x05, 0x06, 0x09, 0x0C, 0x12))
    for _ in range(5 + recording.count(3)):
        told = struct.pack("<BBH", 3, status, recording["GSME"].short)
        tell(recording, router, hub.short, at, told, receiver=hub)
        at = recording.quiet(at + 60 * SECOND)

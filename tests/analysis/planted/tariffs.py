"""Calendars and prices of a tariff with several tiers, and keys that are asked for, built here."""

from __future__ import annotations

import struct

from tests.analysis.planted.catalogue import plant
from tests.analysis.planted.recording import SECOND, Recording, Station
from tests.analysis.planted.speech import say, tell, zcl
from tests.analysis.planted.values import now

CALENDAR, PRICE = 0x0707, 0x0700
HALF_HOUR = 30


def calendar(
    recording: Recording, meter: Station, display: Station, at: int, switches: list[tuple[int, int]]
) -> int:
    """Publish Calendar in UTC, one kind of day and the week of it (ZSE 1.2 D.9.2.4); when the next can be said."""
    head = struct.pack("<III", 0, 5, 9)
    rates = b"".join(struct.pack("<HB", *one) for one in switches)
    for command, body in (
        (0, struct.pack("<IBB", now(at) - 500_000, 0, 0) + b"\x04Days\x01\x01\x01"),
        (1, struct.pack("<BBBBB", 7, len(switches), 0, 1, 0) + rates),
        (2, bytes([1] + [7] * 7)),
    ):
        say(
            recording,
            meter,
            display,
            at,
            CALENDAR,
            zcl(command, head + body, to_client=True, sequence=command),
            planted=False,
        )
        at = recording.quiet(at + 2 * SECOND)
    return at


def price(recording: Recording, meter: Station, display: Station, at: int, tier: int, amount: int) -> int:
    """Publish Price of a tier; when the next can be said."""
    label = b"Two rate"
    body = struct.pack("<I", 0) + bytes([len(label)]) + label
    body += struct.pack("<IIBHBB", 5, now(at), 0, 826, 0x50 | tier, 0x20 | tier)
    body += struct.pack("<IHI", now(at) - now(at) % 1800, HALF_HOUR, amount)
    say(recording, meter, display, at, PRICE, zcl(0, body, to_client=True))
    return recording.quiet(at + 90 * SECOND)


@plant("prices go on with the night's tier in the morning", "tariff-switch-time", base="hour")
def late(recording: Recording) -> None:
    meter, display, at = recording["ESME"], recording.one_of("PPMID", "IHD"), recording.moment(0.1, 0.2)
    at = calendar(recording, meter, display, at, [(0, 2), (720, 1)])
    for _ in range(2 + recording.count(4)):
        at = price(recording, meter, display, at, 1, 12_000)


@plant("a price of nothing under a calendar that is kept", "price-implausible", base="hour", strengths=(1.0,))
def kept(recording: Recording) -> None:
    meter, display, at = recording["ESME"], recording.one_of("PPMID", "IHD"), recording.moment(0.1, 0.2)
    at = calendar(recording, meter, display, at, [(0, 1), (720, 2)])
    for _ in range(4):
        at = price(recording, meter, display, at, 1, 0)


@plant("an access device asks for a key with the meter, in vain", "key-request-unanswered", base="hour")
def asks(recording: Recording) -> None:
    device, hub, meter = recording.one_of("CAD", "IHD"), recording["CHF"], recording["ESME"]
    at = recording.moment(0.1, 0.3)
    for number in range(1 + recording.count(3)):
        body = bytes([1, 60 + number, 0x08, 0x02]) + struct.pack("<Q", meter.eui64)
        tell(recording, device, hub.short, at, body, command=False, receiver=hub)
        at = recording.quiet(at + 47 * SECOND)

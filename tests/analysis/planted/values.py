"""Values that are wrong, said in frames that are built here and not by the simulator."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from dissectors.zcl.build import build_payload
from tests.analysis.planted.catalogue import plant
from tests.analysis.planted.recording import SECOND, Recording, Station
from tests.analysis.planted.speech import say, zcl

POWER, TIME, PRICE, METERING, PREPAYMENT, MEASUREMENT = 0x0001, 0x000A, 0x0700, 0x0702, 0x0705, 0x0B04
EPOCH_2000 = 946_684_800
Record = tuple[int, int, int, int]
"""An attribute, its data type, how many octets it has, and its value."""


def tell(
    recording: Recording, server: Station, client: Station, at: int, cluster: int, records: Iterable[Record]
) -> int:
    """A report of attributes; returns a time at which the next one can be."""
    payload = b""
    for attribute, kind, octets, value in records:
        payload += struct.pack("<HB", attribute, kind) + (value & (1 << 8 * octets) - 1).to_bytes(
            octets, "little"
        )
    say(recording, server, client, at, cluster, zcl(0x0A, payload, to_client=True, general=True))
    return recording.quiet(at + 20 * SECOND)


def now(at: int) -> int:
    return at // SECOND - EPOCH_2000


@plant("a tier of the meter leaps by a thousand units", "register-leaps")
def tier_leaps(recording: Recording) -> None:
    meter, display, at = recording["ESME"], recording.one_of("PPMID", "IHD"), recording.moment(0.2, 0.4)
    values = [4_000_000, 4_000_001, 4_000_001 + recording.count(200_000)]
    for value in values:
        at = tell(recording, meter, display, at, METERING, [(0x0100, 0x25, 6, value)])


@plant("the register of the meter goes back by a little", "consumption-sample")
def tier_falls(recording: Recording) -> None:
    meter, display, at = recording["ESME"], recording.one_of("PPMID", "IHD"), recording.moment(0.2, 0.4)
    for value in (4_000_000, 4_000_001, 4_000_001 - recording.count(40)):
        at = tell(recording, meter, display, at, METERING, [(0x0102, 0x25, 6, value)])


@plant("one reading all the time, though power is used", "register-frozen", base="hour")
def frozen(recording: Recording) -> None:
    meter, display = recording["ESME"], recording.one_of("PPMID", "IHD")
    rows = recording.packets
    mine = (
        (rows["nwk_src_eui64"] == meter.eui64)
        & (rows["aps_cluster"] == METERING)
        & (rows["zcl_attribute"] == 0)
    )
    recording.remove(recording.chosen(rows[mine.fillna(False)]))
    at = recording.start + 5 * SECOND
    while at < recording.end - 30 * SECOND:
        tell(recording, meter, display, at, METERING, [(0x0000, 0x25, 6, 9_500_000)])
        at = recording.quiet(at + round(400 * SECOND / recording.strength))


@plant("a demand of a factory", "demand-beyond-fuse")
def factory(recording: Recording) -> None:
    meter, display, at = recording["ESME"], recording.one_of("PPMID", "IHD"), recording.moment()
    for _ in range(recording.count(2)):
        at = tell(
            recording, meter, display, at, METERING, [(0x0400, 0x2A, 3, round(90_000 * recording.strength))]
        )


@plant("the demand does not change any more", "demand-frozen", base="evening")
def stuck(recording: Recording) -> None:
    meter, display = recording["ESME"], recording.one_of("PPMID", "IHD")
    rows = recording.packets
    seconds = (rows["time"].astype("int64") - recording.start) / SECOND
    mine = (rows["nwk_src_eui64"] == meter.eui64) & (rows["aps_cluster"] == METERING) & (seconds > 4000)
    recording.remove(recording.chosen(rows[mine.fillna(False) & (seconds < 4000 + 3500)]))
    at = recording.quiet(recording.start + 4010 * SECOND)
    while at < recording.start + 7400 * SECOND:
        tell(recording, meter, display, at, METERING, [(0x0400, 0x2A, 3, 333)])
        at = recording.quiet(at + 25 * SECOND)


@plant("a register without a value", "invalid-value")
def no_register(recording: Recording) -> None:
    meter, display, at = recording["ESME"], recording.one_of("PPMID", "IHD"), recording.moment(0.3, 0.5)
    for _ in range(1 + recording.count(2)):
        at = tell(recording, meter, display, at, METERING, [(0x0000, 0x25, 6, -1)])


@plant("a credit without a value", "invalid-value", base="prepayment")
def no_credit(recording: Recording) -> None:
    meter, display, at = recording["ESME"], recording["PPMID"], recording.moment(0.3, 0.5)
    for _ in range(1 + recording.count(2)):
        at = tell(recording, meter, display, at, PREPAYMENT, [(0x0001, 0x2B, 4, -0x8000_0000)])


@plant("the unit becomes cubic metres", "scale-changed")
def other_unit(recording: Recording) -> None:
    meter, display, at = recording["ESME"], recording.one_of("PPMID", "IHD"), recording.moment()
    for _ in range(recording.count(1)):
        at = tell(recording, meter, display, at, METERING, [(0x0300, 0x30, 1, 1)])


@plant("a divisor of zero", "scale-changed")
def no_divisor(recording: Recording) -> None:
    meter, display, at = recording["ESME"], recording.one_of("PPMID", "IHD", "CAD"), recording.moment()
    for _ in range(recording.count(1)):
        at = tell(recording, meter, display, at, METERING, [(0x0302, 0x22, 3, 0)])


def price(recording: Recording, at: int, amount: int, begins: int = 0, clock: int = 0) -> int:
    time = now(at) + clock
    values = {
        "provider_id": 7, "rate_label": b"Day", "issuer_event_id": 99, "current_time": time, "unit_of_measure": 0,
        "currency": 826, "price_trailing_digit_and_price_tier": 0x52, "number_of_price_tiers_and_register_tier": 0x22,
        "start_time": time + begins, "duration_in_minutes": 60, "price": amount, "price_ratio": 0xFF,
        "generation_price": 0xFFFFFFFF, "generation_price_ratio": 0xFF, "alternate_cost_delivered": 0xFFFFFFFF,
        "alternate_cost_unit": 0xFF, "alternate_cost_trailing_digit": 0xFF, "number_of_block_thresholds": 0xFF,
        "price_control": 0,
    }  # fmt: skip
    meter, display = recording["ESME"], recording.one_of("PPMID", "IHD")
    say(recording, display, meter, at, PRICE, zcl(0, b"\x01", sequence=77))
    at = recording.quiet(at + SECOND // 2)
    say(
        recording,
        meter,
        display,
        at,
        PRICE,
        zcl(0, build_payload(PRICE, "to-client", 0, values), to_client=True, sequence=77),
    )
    return recording.quiet(at + 30 * SECOND)


@plant("a price of a hundredth", "price-implausible")
def cheap(recording: Recording) -> None:
    at = recording.moment(0.2, 0.5)
    for _ in range(recording.count(1)):
        at = price(recording, price(recording, at, 31_070), 310)


@plant("energy for nothing", "price-implausible")
def free(recording: Recording) -> None:
    at = recording.moment()
    for _ in range(recording.count(1)):
        at = price(recording, at, 0)


@plant("a price of next week", "price-not-current")
def next_week(recording: Recording) -> None:
    at = recording.moment()
    for _ in range(recording.count(1)):
        at = price(recording, at, 28_350, begins=round(7 * 86_400 * recording.strength))


@plant("a meter that lives in another time", "publisher-clock")
def other_time(recording: Recording) -> None:
    at = recording.moment()
    for _ in range(recording.count(1)):
        at = price(recording, at, 28_350, clock=-round(86_400 * recording.strength))


@plant("credit that is gone", "credit-jumps", base="prepayment")
def gone(recording: Recording) -> None:
    meter, display, at = recording["ESME"], recording["PPMID"], recording.moment(0.6, 0.7)
    at = tell(recording, meter, display, at, PREPAYMENT, [(0x0001, 0x2B, 4, 1_500_000)])
    for _ in range(recording.count(1)):
        at = tell(recording, meter, display, at, PREPAYMENT, [(0x0001, 0x2B, 4, -4_000_000)])


@plant("a snapshot of yesterday", "reading-stale")
def yesterday(recording: Recording) -> None:
    hub, display, at = recording["CHF"], recording.one_of("PPMID", "IHD", "CAD"), recording.moment()
    for _ in range(1 + recording.count(1)):
        taken = now(at) - round(86_400 * recording.strength)
        at = tell(recording, hub, display, at, METERING, [(0x0000, 0x25, 6, 1234), (0x0007, 0xE2, 4, taken)])


@plant("summer time of another country", "local-time-wrong")
def other_summer(recording: Recording) -> None:
    hub, display, at = recording["CHF"], recording.one_of("PPMID", "IHD", "CAD"), recording.moment()
    for _ in range(recording.count(1)):
        at = tell(
            recording,
            hub,
            display,
            at,
            TIME,
            [(0x0003, 0x23, 4, now(at) + 20 * 86_400), (0x0002, 0x2B, 4, 3600)],
        )


@plant("too little voltage on one phase", "mains-voltage")
def brown(recording: Recording) -> None:
    meter, display, at = recording["ESME"], recording.one_of("PPMID", "IHD", "CAD"), recording.moment()
    for _ in range(recording.count(2)):
        at = tell(recording, meter, display, at, MEASUREMENT, [(0x0505, 0x21, 2, 198)])


@plant("a battery near its end", "battery-weak")
def empty(recording: Recording) -> None:
    gas, hub, at = recording["GSME"], recording["CHF"], recording.moment()
    for _ in range(recording.count(1)):
        at = tell(recording, gas, hub, at, METERING, [(0x0201, 0x20, 1, 4)])


@plant("a cover was taken off", "alarm-bits")
def cover(recording: Recording) -> None:
    gas, hub, at = recording["GSME"], recording["CHF"], recording.moment()
    for _ in range(recording.count(1)):
        at = tell(recording, gas, hub, at, METERING, [(0x0204, 0x1F, 8, 0x0100_0000)])

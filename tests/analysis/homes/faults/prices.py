"""Prices that are wrong, late, or not there."""

from __future__ import annotations

import struct

from tests.analysis.homes.air import Process
from tests.analysis.homes.days import calendar, refused
from tests.analysis.homes.faults.catalogue import fault
from tests.analysis.homes.faults.presence import early, faulty
from tests.analysis.homes.life import PRICE, Home

OFTEN = {"pace": {"prices": 300.0}}
NOT_FOUND, WAIT = 0x8B, 0x97


def priced(home: Home, factor: float, strength: float) -> Process:
    faulty(home, home.meter)
    yield early(home)
    true = home.price
    home.price = round(true * factor)
    yield 1500 * strength
    home.price = true


@fault("a price of ten times", "price", "price-implausible", **OFTEN)
def ten(home: Home, strength: float) -> Process:
    return (yield from priced(home, 10, strength))


@fault("a price of a hundredth", "price", "price-implausible", **OFTEN)
def hundredth(home: Home, strength: float) -> Process:
    return (yield from priced(home, 0.01, strength))


@fault("a price of nothing", "price", "price-implausible", **OFTEN)
def nothing(home: Home, strength: float) -> Process:
    return (yield from priced(home, 0, strength))


@fault("a price of three pounds", "price", "price-implausible", **OFTEN)
def dear(home: Home, strength: float) -> Process:
    faulty(home, home.meter)
    yield 1.0
    home.price = round(300_000 * max(1.0, strength))


@fault("a price that goes to and fro", "price", "price-restless", **OFTEN)
def to_and_fro(home: Home, strength: float) -> Process:
    faulty(home, home.meter)
    yield early(home)
    true = home.price
    for _ in range(round(8 * strength) + 4):
        home.price = round(true * 1.7)
        yield 320.0
        home.price = true
        yield 320.0


class Spoiled:
    """Prices as the meter makes them, with one field that is another."""

    def __init__(self, home: Home, **fields: int) -> None:
        self.home, self.fields, self.true = home, fields, home.price_now

    def __call__(self) -> bytes:
        home, fields = self.home, self.fields
        now, label = home.air.utc, b"Std"
        begins = now - now % 1800 + fields.get("later", 0)
        out = struct.pack("<I", fields.get("provider", 0x10)) + bytes([len(label)]) + label
        tier, tiers = fields.get("tier", 1), fields.get("tiers", 1)
        out += struct.pack("<IIB", home.tariff, now + fields.get("clock", 0), 0)
        out += struct.pack(
            "<HBB", fields.get("currency", 826), fields.get("digits", 0x50) | tier, tiers << 4 | tier
        )
        out += struct.pack("<IHI", begins, fields.get("minutes", 30), home.price)
        return out + struct.pack("<BIBIBBBB", 0xFF, 0xFFFFFFFF, 0xFF, 0xFFFFFFFF, 0xFF, 0xFF, 0xFF, 0)


def spoiled(home: Home, **fields: int) -> Process:
    faulty(home, home.meter)
    yield early(home)
    made = Spoiled(home, **fields)

    def ask(device, meter):
        return (yield from home.speech.ask(device, meter, PRICE, 0x00, b"\x01", made()))

    home.more["ask price"] = ask


@fault("a price of next week", "price", "price-not-current", **OFTEN)
def next_week(home: Home, strength: float) -> Process:
    return (yield from spoiled(home, later=round(86_400 * 7 * strength)))


@fault("a price of last week", "price", "price-not-current", **OFTEN)
def last_week(home: Home, strength: float) -> Process:
    return (yield from spoiled(home, later=-round(86_400 * 7 * strength)))


@fault("a publisher that lives in another time", "price", "publisher-clock", **OFTEN)
def other_clock(home: Home, strength: float) -> Process:
    return (yield from spoiled(home, clock=round(7200 * strength)))


@fault("a price in another currency", "price", "price-fields", "scale-changed", "price-implausible", **OFTEN)
def euro(home: Home, strength: float) -> Process:
    return (yield from spoiled(home, currency=978))


@fault("a price with other trailing digits", "price", "price-fields", "price-implausible", **OFTEN)
def digits(home: Home, strength: float) -> Process:
    return (yield from spoiled(home, digits=0x30))


@fault("a price of a tier that is not there", "price", "price-fields", **OFTEN)
def tier(home: Home, strength: float) -> Process:
    return (yield from spoiled(home, tier=4, tiers=2))


@fault("no price is found", "price", "reports-refused", "service-refused", **OFTEN)
def none_found(home: Home, strength: float) -> Process:
    faulty(home, home.meter, *home.of("PPMID", "IHD"))
    yield 10_800 - 4500 * strength**0.5

    def ask(device, meter):
        return (yield from refused(home, device, meter, PRICE, 0, b"\x01", NOT_FOUND))

    home.more["ask price"] = ask


@fault("prices are not answered", "price", "request-unanswered", **OFTEN)
def unanswered(home: Home, strength: float) -> Process:
    faulty(home, home.meter, *home.of("PPMID", "IHD"))
    yield 10_800 - 4500 * strength**0.5

    def ask(device, meter):
        return (yield from home.speech.ask(device, meter, PRICE, 0, b"\x01", None))

    home.more["ask price"] = ask


@fault(
    "two displays are told two prices",
    "price",
    "price-restless",
    **OFTEN,
    strengths=(1.0, 2.0),
)
def two_prices(home: Home, strength: float) -> Process:
    faulty(home, home.meter)
    yield early(home)
    odd, true = home.of("PPMID", "IHD")[0], home.price

    def ask(device, meter):
        home.price = round(true * (1 + 0.4 * strength)) if device is odd else true
        return (yield from home.speech.ask(device, meter, PRICE, 0, b"\x01", home.price_now()))

    home.more["ask price"] = ask


@fault(
    "the tariff switches late",
    "price",
    "tariff-switch-time",
    "price-implausible",
    happens=(calendar,),
    hours=6,
    pace={"prices": 300.0},
)
def late(home: Home, strength: float) -> Process:
    faulty(home, home.meter)
    home.more["late"] = 1800.0 * strength
    yield 1.0

"""What is used in the home and what it costs: electricity and gas meters, prices, credit, and what tells of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from captures.simulated.air.medium import Wait
from captures.simulated.air.truth import Reading
from captures.simulated.stack.attributes import hold, say
from captures.simulated.stack.clusters import METERING, PREPAYMENT, PRICE
from captures.simulated.stack.node import Node

__all__ = [
    "PER_PENNY",
    "Account",
    "ElectricityMeter",
    "GasMeter",
    "electricity_meter",
    "gas_meter",
    "give_electricity",
    "give_gas",
    "note_reading",
    "publish_price",
]

PER_PENNY = 1000
"""Money in a GB home is in 0.00001 pounds: the templates of GCS01a have price trailing digits 0x50, and credit
has those of the price (ZSE 1.2 D.7.2.2.2)."""
FIRST_CREDIT = 1523 * PER_PENNY
UINT8, UINT16, UINT24, UINT32, UINT48, INT24, INT32 = 0x20, 0x21, 0x22, 0x23, 0x25, 0x2A, 0x2B
BITMAP8, BITMAP16, ENUM8, OCTETS = 0x18, 0x19, 0x30, 0x41

CURRENT_SUMMATION, DAILY, STATUS, UNIT, MULTIPLIER, DIVISOR, FORMATTING, DEVICE_TYPE, DEMAND = (
    0x0000, 0x0401, 0x0200, 0x0300, 0x0301, 0x0302, 0x0303, 0x0306, 0x0400,
)  # fmt: skip


@dataclass(slots=True)
class Account:
    """What a meter knows of money: the number of its tariff, its tier now, the price of a kWh, and the credit that is
    left."""

    tariff: int = 1
    tier: int = 1
    price: int = 28_350
    credit: int = FIRST_CREDIT


class ElectricityMeter:
    """Active power in watts: a base, a day's rhythm, and appliances that come and go; energy is its integral."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.rng = node.han.stream(f"electricity {node.name}")
        self.wh = float(self.rng.randrange(1_000_000, 9_000_000))
        self.day_start = self.wh
        self.last = int(node.han.env.now)
        self.watts = 180.0
        self._switches: list[tuple[int, float]] = []

    def power(self) -> int:
        """Watts now; energy is brought up to date."""
        han = self.node.han
        now = int(han.env.now)
        hours = (now - self.last) / 3.6e12
        self.wh += self.watts * hours
        self.last = now
        of_day = (han.now // 10**9 % 86_400) / 3600
        rhythm = (
            150
            + 250 * math.exp(-(((of_day - 18.5) / 2.5) ** 2))
            + 120 * math.exp(-(((of_day - 7.5) / 1.5) ** 2))
        )
        self._switches = [(until, watts) for until, watts in self._switches if until > now]
        if self.rng.random() < hours * 2.5:
            self._switches.append(
                (now + self.rng.randrange(120, 2400) * 10**9, self.rng.choice((60, 900, 2000, 2900)))
            )
        self.watts = rhythm + sum(w for _, w in self._switches) + self.rng.uniform(-8, 8)
        return round(self.watts)

    def energy(self) -> int:
        """Watt-hours on the register."""
        self.power()
        return int(self.wh)


class GasMeter:
    """Volume in litres; a boiler that runs in bursts."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.rng = node.han.stream(f"gas {node.name}")
        self.litres = float(self.rng.randrange(200_000, 4_000_000))
        self.last = int(node.han.env.now)

    def volume(self) -> int:
        """Litres on the register."""
        now = int(self.node.han.env.now)
        hours = (now - self.last) / 3.6e12
        self.last = now
        of_day = (self.node.han.now // 10**9 % 86_400) / 3600
        burn = 900 if 6 <= of_day < 9 or 16 <= of_day < 22 else 120
        self.litres += hours * burn * self.rng.uniform(0.6, 1.3)
        return int(self.litres)


def electricity_meter(node: Node) -> ElectricityMeter:
    """The register of an electricity meter; ValueError where there is none."""
    found = node.find(ElectricityMeter)
    if found is None:
        raise ValueError(f"{node.name} is no electricity meter")
    return found


def gas_meter(node: Node) -> GasMeter:
    """The register of a gas meter; ValueError where there is none."""
    found = node.find(GasMeter)
    if found is None:
        raise ValueError(f"{node.name} is no gas meter")
    return found


def give_electricity(node: Node) -> ElectricityMeter:
    """Make `node` an electricity meter: register in Wh (kWh with divisor 1000), demand in W."""
    meter = node.attach(ElectricityMeter(node))
    hold(
        node,
        METERING,
        {
            CURRENT_SUMMATION: (UINT48, meter.energy),
            STATUS: (BITMAP8, 0),
            UNIT: (ENUM8, 0x00),
            MULTIPLIER: (UINT24, 1),
            DIVISOR: (UINT24, 1000),
            FORMATTING: (BITMAP8, 0xFB),
            0x0304: (BITMAP8, 0xFB),
            DEVICE_TYPE: (BITMAP8, 0x00),
            DEMAND: (INT24, meter.power),
            DAILY: (UINT24, lambda: max(0, meter.energy() - int(meter.day_start))),
        },
    )
    hold(node, PREPAYMENT, {0x0000: (BITMAP16, 0x0002), 0x0001: (INT32, FIRST_CREDIT), 0x0005: (INT32, 0)})
    return meter


def give_gas(node: Node) -> GasMeter:
    """Make `node` a gas meter: register in litres (m3 with divisor 1000)."""
    meter = node.attach(GasMeter(node))
    hold(
        node,
        METERING,
        {
            CURRENT_SUMMATION: (UINT48, meter.volume),
            STATUS: (BITMAP8, 0),
            UNIT: (ENUM8, 0x01),
            MULTIPLIER: (UINT24, 1),
            DIVISOR: (UINT24, 1000),
            FORMATTING: (BITMAP8, 0xFB),
            DEVICE_TYPE: (BITMAP8, 0x01),
        },
    )
    return meter


def note_reading(node: Node, what: str, raw: int, unit: str, divisor: int) -> None:
    """A reading that went over the air, for the truth."""
    node.han.note(Reading(node.address, what, raw, unit, raw / divisor))


def publish_price(
    meter: Node, display: Node, seq: int | None = None, *, clock: int = 0, begins: int = 0
) -> Wait:
    """Publish Price as it stands, by a clock that is so many seconds ahead; it begins so many seconds later."""
    now, account = meter.han.utc + clock, meter.part(Account)
    values = {
        "provider_id": 0x00010000, "rate_label": b"Standard", "issuer_event_id": account.tariff,
        "current_time": now, "unit_of_measure": 0, "currency": 826,
        "price_trailing_digit_and_price_tier": 0x50 | account.tier,
        "number_of_price_tiers_and_register_tier": 0x11, "start_time": now - now % 1800 + begins,
        "duration_in_minutes": 30,
        "price": account.price, "price_ratio": 0xFF, "generation_price": 0xFFFFFFFF,
        "generation_price_ratio": 0xFF, "alternate_cost_delivered": 0xFFFFFFFF, "alternate_cost_unit": 0xFF,
        "alternate_cost_trailing_digit": 0xFF, "number_of_block_thresholds": 0xFF, "price_control": 0,
    }  # fmt: skip
    yield from say(meter, display, PRICE, 0x00, values, seq=seq, truth={"price": account.price})

"""Tariffs that are not kept."""

from __future__ import annotations

from captures.simulated.air.medium import Wait
from captures.simulated.devices import metering
from captures.simulated.devices.behaviour import displays
from captures.simulated.faults.registry import FaultKind, Play, fault
from captures.simulated.stack.attributes import say
from captures.simulated.stack.clusters import CALENDAR
from captures.simulated.stack.network import Role

__all__: list[str] = []

DAY_PROFILE, HALF_HOUR = 0x01, 1800
NIGHT, DAY = 1, 2
FIRST_TIER, TWO_TIERS = 0x50, 0x20


@fault("tariff-switches-late", "The electricity meter's price changes at another time than its calendar says",
       kind=FaultKind.FAULT, needs=(Role.ESME,))  # fmt: skip
def tariff_switches_late(play: Play) -> Wait:
    meter = play.victim(Role.ESME)
    account = meter.part(metering.Account)
    minute = play.han.now // 10**9 % 86_400 // 60
    # the calendar has had the day's tier for two hours, and the meter goes on with the night's
    switches = sorted({0: NIGHT, max(minute - 120, 1): DAY, min(minute + 600, 1439): NIGHT}.items())
    entries = [
        {"start_time": at, "active_price_tier_or_friendly_credit_enable": tier} for at, tier in switches
    ]
    values = {
        "provider_id": 0x10, "issuer_event_id": account.tariff, "issuer_calendar_id": 3, "day_id": 1,
        "total_number_of_schedule_entries": len(entries), "command_index": 0, "total_number_of_commands": 1,
        "calendar_type": 0, "day_schedule_entries": entries,
    }  # fmt: skip
    for display in displays(play.han):
        yield from say(meter, display, CALENDAR, DAY_PROFILE, values)
    account.tier = NIGHT
    yield play.wait(60, 120)
    for display in list(displays(play.han)) * play.count(3):
        with play.marking(meter):
            yield from metering.publish_price(meter, display)
        yield play.wait(200, 300)

"""More kinds of clean homes: what else stands and sends around them, how else they are captured, whose keys are known."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.analysis.homes import (
    credentials,
    days,
    households,
    images,
    money,
    neighbours,
    network_days,
    remote,
    sub_ghz,
)
from tests.analysis.homes.files import KNOWN, Ear
from tests.analysis.homes.kind import Kind

__all__ = ["BELOW_1_GHZ", "HEARD_OTHERWISE", "HOUSEHOLDS", "NETWORKS", "PAID", "PARTIES"]

HEARD_OTHERWISE: dict[str, Kind] = {
    "a Thread network beside it": Kind((remote.asks,), around=(neighbours.thread,)),
    "lamps and remotes beside it": Kind(
        (remote.asks,), around=(neighbours.lamps, neighbours.green_power), ear=Ear(0.01)
    ),
    "all kinds of neighbours, badly heard": Kind(
        (remote.asks,),
        neighbour=True,
        around=(neighbours.thread, neighbours.lamps, neighbours.green_power, neighbours.wifi),
        ear=Ear(0.08, 0.01, noise=2),
    ),
    "neighbours whom nobody knows, without keys": Kind(
        keys=False, around=(neighbours.thread, neighbours.lamps, neighbours.wifi), ear=Ear(0.03)
    ),
    "Wi-Fi in the next room": Kind(
        (remote.asks,), around=(neighbours.wifi,), ear=Ear(0.04, 0.02), loss=0.1, hours=3
    ),
    "frames that stand there twice": Kind((remote.asks,), ear=Ear(0.02, twice=0.6)),
    "every frame twice": Kind((remote.asks, days.joins), ear=Ear(0.0, twice=1.0)),
    "a sniffer whose clock gains": Kind((remote.asks, days.reads_time), hours=6, ear=Ear(0.01, drift=8e-5)),
    "a sniffer whose clock loses": Kind((remote.asks, days.reads_time), hours=6, ear=Ear(0.01, drift=-6e-5)),
    "times that begin at nothing": Kind(
        (remote.asks, days.reads_time), hours=3, ear=Ear(0.01, no_date=True), devices=("PPMID",)
    ),
    "times that begin at nothing, prepayment": Kind(
        (remote.prepays, days.top_ups, days.calendar), hours=3, ear=Ear(0.01, no_date=True)
    ),
    "a sniffer far away from the hub": Kind((remote.asks,), hours=3, ear=Ear(0.02, deaf=("CHF",))),
    "a sniffer far away from the gas meter": Kind(
        (remote.asks,), hours=3, ear=Ear(0.02, deaf=("GSME",)), devices=("GSME",)
    ),
    "a sniffer far away from displays": Kind(
        (remote.asks, days.top_ups), hours=3, ear=Ear(0.02, deaf=("PPMID", "IHD", "CAD"))
    ),
    "a sniffer far away from the electricity meter": Kind((remote.asks,), hours=3, ear=Ear(0.02, deaf=("ESME",))),
    "a capture in ZEP": Kind((remote.asks,), form="zep", ear=Ear(0.02)),
    "a capture in TAP without check sequences": Kind((remote.asks,), form="tap without check sequence"),
    **{f"only {known} known": Kind((remote.asks,), only=known, ear=Ear(0.01), devices=("PPMID",)) for known in KNOWN},
    "only the network key known, a device comes in": Kind((days.joins,), only="the network key"),
    "the year's first minutes": Kind(
        (remote.midnight, remote.asks, days.reads_time, days.calendar),
        start=datetime(2026, 12, 31, 23, 20, tzinfo=UTC),
        hours=2,
        devices=("PPMID",),
    ),
    "the clocks change, with a calendar and parties": Kind(
        (days.reads_time, days.calendar, remote.midnight, remote.asks),
        start=datetime(2026, 10, 24, 23, 10, tzinfo=UTC),
        hours=4,
    ),
    "summer begins, with a calendar and parties": Kind(
        (days.reads_time, days.calendar, remote.midnight, remote.asks),
        start=datetime(2027, 3, 27, 23, 10, tzinfo=UTC),
        hours=4,
        devices=("IHD",),
    ),
    "a leap day": Kind((days.reads_time, remote.midnight), start=datetime(2028, 2, 28, 23, 20, tzinfo=UTC)),
    "it begins in a firmware download": Kind((days.firmware,), hours=1.0, since=0.25, ear=Ear(0.01)),
    "a week in which little is asked for": Kind(
        (network_days.renews_tunnels,),
        hours=168,
        pace={"demand": 300.0, "registers": 3600.0, "prices": 14_400.0, "credit": 7200.0, "cad": 900.0, "links": 600.0,
              "gas_polls": 1800.0, "time": 43_200.0},
    ),
    "a long evening": Kind((remote.asks, days.carried, days.top_ups, days.switched_off), hours=14, devices=("IHD",)),
}  # fmt: skip

PARTIES: dict[str, Kind] = {
    "parties replace their certificates": Kind((credentials.new_party_certificates,), hours=2.5),
    "parties replace theirs, a sniffer that hears badly": Kind(
        (credentials.new_party_certificates,), hours=3, ear=Ear(0.06, 0.01)
    ),
    "a meter gets certificates of its own": Kind((credentials.new_device_certificates,), hours=2.5),
    "another supplier": Kind((credentials.another_supplier,), hours=2, devices=("PPMID",)),
    "another supplier, a sniffer that hears badly": Kind(
        (credentials.another_supplier, days.new_tariff), hours=2.5, devices=("IHD",), ear=Ear(0.07, 0.01)
    ),
    "another tenant": Kind((credentials.another_tenant, days.new_tariff), hours=2, devices=("PPMID",)),
}

NETWORKS: dict[str, Kind] = {
    "a network key for who sleeps": Kind((network_days.key_for_sleepers, remote.asks), hours=2.5),
    "a network key for who sleeps, badly heard": Kind(
        (network_days.key_for_sleepers,), hours=3, ear=Ear(0.08, 0.01), devices=("GSME",)
    ),
    "other channels in order": Kind((network_days.another_channel_in_order, remote.asks), hours=2.5),
    "another PAN identifier": Kind((network_days.another_pan, remote.asks), hours=2.5),
    "a gas meter that wakes by its clock": Kind((remote.asks,), hours=6, before=(network_days.by_the_clock,)),
    "a gas meter that wakes by its clock, badly heard": Kind(
        hours=8, before=(network_days.by_the_clock,), ear=Ear(0.12), devices=("GSME",)
    ),
    "displays of many habits": Kind(
        (remote.asks,),
        hours=2.5,
        devices=("IHD", "PPMID", "CAD", "IHD"),
        before=(network_days.habits_of_their_own,),
    ),
    "two electricity meters": Kind((remote.asks,), devices=("ESME", "HCALCS"), hours=2.5),
    "devices that are not there": Kind(
        (remote.asks,), devices=("IHD", "GSME", "CAD"), before=(network_days.away_for_good,), hours=3
    ),
    "a display that is unplugged often": Kind((network_days.restarts_often,), hours=4, ear=Ear(0.01)),
    "a hub that looks around": Kind((network_days.looks_around,), devices=("CAD",), hours=2),
    "clusters of makers": Kind((network_days.makers_own,), hours=2),
    "clusters of makers, without keys": Kind((network_days.makers_own,), hours=2, keys=False),
    "reports that a display asked for": Kind((network_days.rings_its_links,), hours=2),
    "firmware with long pauses": Kind((images.long_pauses,), hours=4),
    "firmware that is broken off": Kind((images.broken_off,), hours=3),
    "firmware that is broken off, badly heard": Kind((images.broken_off,), hours=3, ear=Ear(0.1, 0.01)),
    "firmware for two at once": Kind((images.two_at_once,), hours=2),
    "firmware at a measured pace": Kind((images.with_delays,), hours=2),
    "firmware for a gas meter": Kind((images.to_a_gas_meter,), hours=3),
    "the middle of a firmware download": Kind((images.broken_off, images.two_at_once), hours=0.6, since=0.3),
}

PAID: dict[str, Kind] = {
    "emergency credit": Kind((money.emergency_credit,), hours=2.5, devices=("PPMID",)),
    "friendly credit": Kind((money.friendly_credit, days.calendar), hours=2, devices=("PPMID",)),
    "prices in blocks": Kind((money.blocks_of_prices,), hours=2.5, devices=("IHD",)),
    "prices that are taken back": Kind((money.taken_back,), hours=2.5, devices=("IHD",)),
    "loads that are switched": Kind((money.loads, remote.asks), hours=2.5, devices=("HCALCS",)),
    "all kinds of commands": Kind((money.all_kinds_of_commands,), hours=4),
    "a day with everything": Kind(
        (remote.asks, money.blocks_of_prices, money.taken_back, days.carried, days.new_key, images.long_pauses, days.joins,
         network_days.looks_around),
        hours=6, devices=("PPMID", "IHD", "HCALCS"), ear=Ear(0.03, 0.005, noise=1), around=(neighbours.thread,),
    ),
    "the middle of a day with everything": Kind(
        (remote.asks, days.carried, days.new_key, images.two_at_once, days.joins, credentials.new_party_certificates),
        hours=1.2, since=0.4, devices=("PPMID", "IHD"), ear=Ear(0.08, 0.01),
    ),
}  # fmt: skip

_BELOW = {"form": "tap", "before": (sub_ghz.below,)}
BELOW_1_GHZ: dict[str, Kind] = {
    "a gas meter below 1 GHz": Kind((remote.asks, sub_ghz.sub_ghz_day, sub_ghz.link_is_reported), hours=4, **_BELOW),
    "a gas meter below 1 GHz, badly heard": Kind(
        (remote.asks, sub_ghz.sub_ghz_day), hours=5, ear=Ear(0.08, 0.01, noise=1), loss=0.12, devices=("GSME",), **_BELOW
    ),
    "a gas meter below 1 GHz, unheard": Kind(
        (remote.asks, sub_ghz.sub_ghz_day), hours=3, ear=Ear(0.01, band="2.4 GHz"), **_BELOW
    ),
    "only what is below 1 GHz": Kind(
        (remote.asks, sub_ghz.sub_ghz_day, sub_ghz.link_is_reported), hours=5, ear=Ear(0.02, band="below 1 GHz"),
        devices=("GSME",), **_BELOW,
    ),
    "displays below 1 GHz": Kind(
        (remote.asks, sub_ghz.sub_ghz_day, days.top_ups), hours=3, devices=("PPMID", "IHD"), form="tap",
        before=(sub_ghz.displays_below,),
    ),
    "a gas meter is suspended for some minutes": Kind(
        (remote.asks, sub_ghz.suspended), hours=4, pace={"gas_polls": 300.0}, **_BELOW
    ),
    "another channel below 1 GHz": Kind(
        (sub_ghz.moves_in_order, remote.asks), hours=3.5, devices=("GSME",), pace={"gas_polls": 300.0}, **_BELOW
    ),
    "no keys, below 1 GHz": Kind((sub_ghz.sub_ghz_day,), keys=False, hours=3, **_BELOW),
}  # fmt: skip

HOUSEHOLDS: dict[str, Kind] = {
    "panels on the roof": Kind((households.export_is_read, remote.asks), hours=6, before=(households.sun,)),
    "panels on the roof, badly heard": Kind(
        (households.export_is_read,), hours=6, before=(households.sun,), ear=Ear(0.1, 0.01), devices=("PPMID", "CAD")
    ),
    "a battery in the cellar": Kind((households.export_is_read,), hours=4, before=(households.battery,)),
    "a car and a shower": Kind(hours=5, before=(households.car_and_shower,), devices=("CAD",)),
    "nobody is at home": Kind((remote.asks,), hours=10, before=(households.nobody_there,), devices=("CAD",)),
    "today and yesterday": Kind(
        (households.day_by_day,), hours=3, start=datetime(2026, 5, 9, 22, 20, tzinfo=UTC), devices=("IHD",)
    ),
    "hours that cost nothing": Kind(
        (days.calendar,), hours=6, pace={"prices": 600.0}, before=(households.free_hours,), devices=("IHD",)
    ),
    "no power for a minute": Kind((households.power_cut, remote.asks), hours=3.5, devices=("HCALCS",)),
    "an installer next door": Kind((households.installer_next_door, remote.asks), devices=("HCALCS",)),
    "whoever listens falls asleep": Kind((remote.asks, days.carried), hours=4, ear=Ear(0.01, asleep=(5000.0, 2400.0))),
    "whoever listens sleeps long": Kind((remote.asks,), hours=8, ear=Ear(0.03, asleep=(7000.0, 14_000.0)), devices=("PPMID",)),
}  # fmt: skip

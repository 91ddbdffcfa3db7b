"""Rules on values: what breaks each of them, and what keeps it."""

from typing import Any

import pytest

from analysis.engine.checking import check
from analysis.features.names import UnknownName
from analysis.features.quantities import kind_of, places_of
from tests.analysis.compliance.rows import EPOCH_NOW, METERING, Rows, attribute, command, home
from tests.analysis.frames import GAS, HUB, METER, smart_energy
from tests.analysis.verdicts import Case, each_of, passes

POWER, TIME, PRICE, PREPAYMENT, MEASUREMENT = 0x0001, 0x000A, 0x0700, 0x0705, 0x0B04
SUMMER_BEGINS, SUMMER_ENDS = 733_107_600, 751_856_400  # 2023-03-26 and 2023-10-29, 01:00 UTC


def told(
    cluster: int, number: int, *values: float | None, source: int = METER, every: float = 60, start: float = 0,
    scale: float | None = 0.001, unit: str = "kWh", **more: Any,
) -> Rows:  # fmt: skip
    """Values of one attribute in time; None is the invalid marker."""
    out = []
    for n, value in enumerate(values):
        row = attribute(
            start + n * every, cluster, number, 0 if value is None else value, source, endpoint=1, **more
        )
        row |= {"attribute_name": f"0x{number:04x}", "frame": 2000 + len(out) + int(start) + number}
        if value is None:
            row |= {"number": None, "meaning": "invalid"}
        elif scale:
            row |= {"scaled": value * scale, "unit": unit}
        out.append(row)
    return out


def mirrored(*given: float) -> Any:
    """A gas meter that reports every half hour, and what its mirror gives between."""
    reports = told(METERING, 0, 5000, 5100, 5200, source=GAS, every=1800, scale=None, command=0x0A)
    for row in reports:
        row["destination"] = HUB
    served = told(METERING, 0, *given, source=HUB, start=100, every=1800, scale=None)
    return home(attributes=[*reports, *served])


def readings(*values: float | None, **more: Any) -> Any:
    return home(attributes=told(METERING, 0, *values, **more))


def used(watts: float, reading: list[float]) -> Any:
    """A register beside a demand that is told every 20 s for an hour."""
    demand = told(METERING, 0x0400, *([watts, watts + 1] * 90), every=20, unit="kW")
    return home(attributes=[*told(METERING, 0, *reading, every=300), *demand])


def demand(*watts: float) -> Any:
    return home(attributes=told(METERING, 0x0400, *watts, every=20, unit="kW"))


def priced(*prices: float, begins: int = 0, clock: int = 0, **more: int) -> Any:
    rows: Rows = []
    for n, price in enumerate(prices):
        rows += command(10 + n * 60, PRICE, 0, HUB, METER, direction="to-server")
        now = EPOCH_NOW + 10 + n * 60 + clock
        fields = {"current_time": now, "start_time": now + begins, "price": int(price), **more}
        said = command(
            11 + n * 60, PRICE, 0, METER, HUB, direction="to-client", command_name="Publish Price", **fields
        )
        for row in said:
            if row["field"] == "price":
                row |= {"scaled": price / 1e5, "unit": "GBP/kWh"}
        rows += [{k: v for k, v in row.items() if row.get("field") != "command_name"} for row in said]
    return home(commands=[{**r, "command_name": "Publish Price"} for r in rows if r.get("field") != "command_name"],
                attributes=told(TIME, 0, EPOCH_NOW, source=HUB, scale=None))  # fmt: skip


def credit(*pounds: float) -> Any:
    return home(attributes=told(PREPAYMENT, 1, *(p * 1e5 for p in pounds), every=900, scale=1e-5, unit="GBP"))


def zone(number: int, value: float) -> Any:
    return home(attributes=told(TIME, number, value, source=HUB, scale=None))


def snapshot(age: float) -> Any:
    return home(attributes=[*told(TIME, 0, EPOCH_NOW, source=HUB, scale=None),
                            *told(METERING, 7, EPOCH_NOW - age, source=HUB, scale=None)])  # fmt: skip


def tiered(tier: int, times: int = 4) -> Any:
    """A calendar that has tier 1 all day, and prices of a tier."""
    day = {
        "day_id": 1, "calendar_type": 0, "day_schedule_entries[0].start_time": 0,
        "day_schedule_entries[0].active_price_tier_or_friendly_credit_enable": 1,
    }  # fmt: skip
    rows = command(5, 0x0707, 1, METER, HUB, direction="to-client", **day)
    for n in range(times):
        fields = {"price_trailing_digit_and_price_tier": 0x50 | tier, "current_time": EPOCH_NOW + 10 + n * 60}
        rows += command(10 + n * 60, PRICE, 0, METER, HUB, direction="to-client", **fields)
    return home(until=3600, commands=rows)


def of_tier(tier: int, currency: int = 826) -> dict[str, int]:
    """What stands beside a price: its tier of two."""
    return {
        "currency": currency, "price_trailing_digit_and_price_tier": 0x50 | tier, "number_of_price_tiers_and_register_tier": 0x21,
    }  # fmt: skip


CASES: dict[str, Case] = {
    "tariff-switch-time": (lambda: tiered(2), lambda: tiered(1)),
    "consumption-sample": (lambda: readings(100, 101, 40), lambda: readings(100, 100, 101)),
    "register-leaps": (lambda: readings(1000, 1001, 90_000), lambda: readings(1000, 1010, 1030)),
    "register-frozen": (lambda: used(500, [7000] * 12), lambda: used(500, [7000 + 42 * n for n in range(12)])),
    "register-and-demand": (
        lambda: used(500, [7000] * 12),
        lambda: used(500, [7000 + 42 * n for n in range(12)]),
    ),
    "price-fields": (lambda: priced(28_350, **of_tier(1, 978)), lambda: priced(28_350, **of_tier(1))),
    "price-restless": (lambda: priced(*[20_000, 30_000] * 4), lambda: priced(20_000, 20_000, 30_000)),
    "demand-beyond-fuse": (lambda: demand(300, 40_000), lambda: demand(300, 9_000, -3_600)),
    "demand-frozen": (
        lambda: demand(*range(100, 150), *([444] * 120)),
        lambda: demand(*(100 + n % 7 for n in range(170))),
    ),
    "invalid-value": (lambda: readings(100, None, None, None, 101), lambda: readings(100, 101)),
    "scale-changed": (
        lambda: home(attributes=told(METERING, 0x0302, 1000, 1)),
        lambda: home(attributes=told(METERING, 0x0302, 1000, 1000)),
    ),
    "price-implausible": (lambda: priced(28_350, 283_500), lambda: priced(28_350, 9_000)),
    "price-not-current": (lambda: priced(28_350, begins=86_400), lambda: priced(28_350, begins=-600)),
    "publisher-clock": (lambda: priced(28_350, clock=-4000), lambda: priced(28_350, clock=4)),
    "credit-jumps": (lambda: credit(15, 14.9, -40), lambda: credit(15, 14.2, 13.1)),
    "reading-stale": (lambda: snapshot(30_000), lambda: snapshot(1500)),
    "mirror-differs": (lambda: mirrored(5000, 9900, 5200), lambda: mirrored(5000, 5100, 5200)),
    "local-time-wrong": (lambda: zone(4, SUMMER_ENDS - 86_400 * 7), lambda: zone(4, SUMMER_ENDS)),
    "mains-voltage": (
        lambda: home(attributes=told(MEASUREMENT, 0x0505, 240, 262, scale=1, unit="V")),
        lambda: home(attributes=told(MEASUREMENT, 0x0505, 240, 0, 251, scale=1, unit="V")),
    ),
    "battery-weak": (
        lambda: home(attributes=told(POWER, 0x20, 36, 35, 28, source=GAS, scale=0.1, unit="V")),
        lambda: home(attributes=told(POWER, 0x20, 36, 36, 35, source=GAS, scale=0.1, unit="V")),
    ),
    "alarm-bits": (
        lambda: home(attributes=told(METERING, 0x0200, 0, 2, source=GAS, scale=None, meaning="lowBattery")),
        lambda: home(attributes=told(METERING, 0x0200, 0, 0x40, source=GAS, scale=None)),
    ),
}  # fmt: skip

test_broken_and_kept = each_of(CASES)


def severities(rule: str, tables: Any) -> list[str]:
    return [finding.severity for finding in check(tables, rules=[rule]).findings]


@pytest.mark.parametrize(("number", "value", "wrong"), [
    (2, 0, False), (2, 3600, True), (5, 3600, False), (5, 7200, True), (3, SUMMER_BEGINS, False), (3, 0xFFFFFFFF, False),
    (3, SUMMER_BEGINS + 3600, True), (7, EPOCH_NOW, False), (7, EPOCH_NOW + 3600, True),
])  # fmt: skip
def test_each_part_of_local_time_is_judged_by_the_date(number: int, value: int, wrong: bool) -> None:
    assert bool(severities("local-time-wrong", zone(number, value))) == wrong


def test_a_tier_above_their_number_and_a_price_that_ended_are_told() -> None:
    [one] = check(priced(28_350, **of_tier(3)), rules=["price-fields"]).findings
    assert "of tier 3, which is above the number of tiers" in one.evidence
    [one] = check(
        priced(28_350, begins=-86_400, duration_in_minutes=30), rules=["price-not-current"]
    ).findings
    assert "the first ended 84,601 s before" in one.evidence
    assert not check(
        priced(28_350, begins=-86_400, duration_in_minutes=0xFFFF), rules=["price-not-current"]
    ).findings


def test_the_sniffer_s_clock_that_is_set_forward_is_no_step_of_the_hub_s() -> None:
    """Nobody sends for an hour, and the time that the hub serves goes on as if it had not been."""
    times = [*range(0, 1200, 60), *range(4800, 6000, 60)]
    rows = [smart_energy(when, METER, HUB, nwk_counter=n) for n, when in enumerate(times)]
    served = [(60, 60), (600, 600), (1140, 1140), (4860, 1260), (5400, 1800)]
    answers = [attribute(when, TIME, 0, EPOCH_NOW + told, HUB) for when, told in served]
    [one] = check(home(*rows, attributes=answers), rules=["time-step"]).findings
    assert one.severity == "info" and "the sniffer's clock was set forward by 3,600 s" in one.evidence
    answers = [attribute(when, TIME, 0, EPOCH_NOW + told - 400 * (when > 4000), HUB) for when, told in served]
    assert check(home(*rows, attributes=answers), rules=["time-step"]).findings[0].severity == "error"


def test_a_mirror_that_waits_for_its_meter_is_no_leap() -> None:
    litres = [5000, 5000, 5000, 5900, 5900, 6700]
    assert not severities("register-leaps", readings(*litres, source=HUB, unit="m3", every=600))
    assert severities("register-leaps", readings(5000, 5000, 95_000, source=HUB, unit="m3", every=600))


def test_an_empty_mirror_is_no_reading() -> None:
    tables = readings(0, 0, 700_000, 0, 700_001, source=HUB, unit="m3", every=600)
    assert not severities("consumption-sample", tables) and not severities("register-leaps", tables)


def test_a_unit_that_nobody_said_is_that_of_gbcs() -> None:
    result = check(readings(1000, 1001, 90_000, scale=None), rules=["register-leaps"])
    assert "usual divisor of 1000" in result.findings[0].evidence


def test_what_never_had_a_value_only_informs_but_for_the_meter() -> None:
    assert severities("invalid-value", readings(None, None, None, source=HUB)) == ["info"]
    assert severities("invalid-value", readings(None, None, None)) == ["warning"]
    assert severities("invalid-value", readings(1, None, 2, every=10)) == ["info"]


def test_a_divisor_of_zero_is_an_error() -> None:
    assert severities("scale-changed", home(attributes=told(METERING, 0x0302, 0))) == ["error"]


def test_a_mirror_that_serves_what_is_older_than_what_was_reported() -> None:
    assert severities("reading-stale", mirrored(5000, 5000, 5000)) == ["warning"]
    assert not severities("reading-stale", mirrored(5000, 5100, 5200))


def test_a_mirror_gives_no_more_than_its_meter_reports_before_or_after() -> None:
    """What follows the last report may be a report that was not heard; a meter that itself falls accuses no mirror."""
    assert not severities("mirror-differs", mirrored(5000, 5100, 9900))
    assert not severities("mirror-differs", mirrored(5000, 5200, 5200))
    assert severities("mirror-differs", mirrored(5000, 5201, 5200)) == ["warning"]


def test_credit_that_a_top_up_could_be_only_informs() -> None:
    assert severities("credit-jumps", credit(5, 25)) == ["info"]
    assert severities("credit-jumps", credit(5, 700)) == ["warning"]


def test_quantities_name_what_the_tables_have() -> None:
    assert kind_of(METERING, 0x0400) and not kind_of(METERING, 0x0306)
    assert {place.kind for place in places_of("total", "price")} == {"total", "price"}
    with pytest.raises(UnknownName):
        places_of("weather")


def test_prices_for_later_make_no_restless_price() -> None:
    """A price of now, and one that is announced, in turn."""
    tables = priced(*[20_000, 30_000] * 6)
    rows = tables["commands"]
    later = rows["frame"].isin(rows["frame"][(rows["field"] == "price") & (rows["number"] == 30_000)])
    begins = later & (rows["field"] == "start_time")
    moved = rows.assign(number=rows["number"].where(~begins, rows["number"] + 7200))
    passes("price-restless", {**tables, "commands": moved})

"""Values in their units, once the device has said its scaling; null before, never a guess."""

from typing import Any

import pytest

from dissectors.layout.tables import table
from dissectors.model.context import HanContext
from dissectors.model.cursor import Cursor
from dissectors.model.frame import Dissection, Envelope
from dissectors.zcl import build_attribute_records, build_command, dissect
from dissectors.zcl.scaling import Scales, scale_attributes
from tests.dissectors.zcl.support import HUB, METER, read


def report(*values: tuple[int, int, Any]) -> bytes:
    """A report of (attribute, type, value), from the server."""
    records = [{"attribute": a, "type": t, "value": v} for a, t, v in values]
    return build_attribute_records(0x0A, records, direction="to-client")


GAS = ((0x0300, 0x30, 0x01), (0x0301, 0x22, 1), (0x0302, 0x22, 1000), (0x0303, 0x18, 0xFB))
ELECTRICITY = ((0x0300, 0x30, 0x00), (0x0301, 0x22, 1), (0x0302, 0x22, 1000))


def test_a_reading_in_cubic_metres() -> None:
    context = HanContext()
    before = read(report((0, 0x25, 12345678)), 0x0702, context).attributes[0]
    assert (before["number"], before["scaled"], before["unit"]) == (12345678, None, None)
    read(report(*GAS), 0x0702, context)
    out = read(report((0, 0x25, 12345678)), 0x0702, context)
    row = out.attributes[0]
    assert (row["attribute_name"], row["value"], row["scaled"], row["unit"]) == (
        "CurrentSummationDelivered",
        "12345678",
        12345.678,
        "m3",
    )
    value = out.fields[0].find("value")
    assert value is not None and value.meaning == "12345.678 m3"


def test_what_one_frame_says_of_itself_counts() -> None:
    out = read(report((0, 0x25, 5009), (0x0400, 0x2A, -1250), *ELECTRICITY), 0x0702)
    rows = {row["attribute"]: row for row in out.attributes}
    assert (rows[0]["scaled"], rows[0]["unit"]) == (5.009, "kWh")
    assert (rows[0x0400]["scaled"], rows[0x0400]["unit"]) == (-1.25, "kW")


def test_each_endpoint_of_a_hub_mirrors_its_own_meter() -> None:
    context = HanContext()
    read(report(*GAS), 0x0702, context, endpoint=10)
    read(report(*ELECTRICITY), 0x0702, context, endpoint=11)
    gas = read(report((0, 0x25, 1000)), 0x0702, context, endpoint=10).attributes[0]
    electricity = read(report((0, 0x25, 1000)), 0x0702, context, endpoint=11).attributes[0]
    assert (gas["unit"], electricity["unit"]) == ("m3", "kWh")


def test_a_meter_is_scaled_as_its_mirror_says() -> None:
    context = HanContext()
    scaling_ = report(*GAS)
    mirror = Envelope(
        frame=1, source=HUB, destination=0x77, cluster=0x0702, source_endpoint=22, destination_endpoint=1
    )
    dissect(Cursor(scaling_), "frame", mirror, context, Dissection())
    reading = report((0, 0x25, 1000))
    rows = []
    for endpoint in (22, 23):
        meter = mirror._replace(
            source=METER, destination=HUB, source_endpoint=1, destination_endpoint=endpoint
        )
        out = Dissection()
        dissect(Cursor(reading), "frame", meter, context, out)
        rows.append(out.attributes[0]["unit"])
    assert rows == ["m3", None]


def test_an_invalid_reading_is_no_number() -> None:
    row = read(report((0, 0x25, 0xFFFFFFFFFFFF), *ELECTRICITY), 0x0702).attributes[0]
    assert (row["number"], row["scaled"], row["meaning"]) == (None, None, "invalid")


def test_binary_coded_decimals() -> None:
    values = ((0, 0x25, 0x001234), (0x0300, 0x30, 0x81), (0x0301, 0x22, 1), (0x0302, 0x22, 100))
    row = read(report(*values), 0x0702).attributes[0]
    assert (row["scaled"], row["unit"]) == (12.34, "m3")


PRICE = {
    "provider_id": 1,
    "rate_label": b"Day",
    "issuer_event_id": 2,
    "current_time": 0x2A000000,
    "unit_of_measure": 0,
    "currency": 826,
    "price_trailing_digit_and_price_tier": 0x51,
    "number_of_price_tiers_and_register_tier": 0x21,
    "start_time": 0,
    "duration_in_minutes": 30,
    "price": 15320,
    "price_ratio": 0xFF,
    "generation_price": 0xFFFFFFFF,
    "generation_price_ratio": 0xFF,
}


def test_a_price_teaches_the_currency() -> None:
    context = HanContext()
    out = read(build_command(0x0700, "to-client", 0x00, PRICE), 0x0700, context)
    rows = {row["field"]: row for row in out.commands}
    assert (rows["price"]["scaled"], rows["price"]["unit"]) == (0.1532, "GBP/kWh")
    assert rows["rate_label"]["value"] == b"Day".hex() and rows["rate_label"]["meaning"] == "Day"
    assert rows["current_time"]["value"] == "2022-04-30T14:11:12Z"
    assert (rows["duration_in_minutes"]["scaled"], rows["duration_in_minutes"]["unit"]) == (30, "min")
    credit = report((0x0000, 0x19, 0x0003), (0x0001, 0x2B, -150000))
    row = read(credit, 0x0705, context).attributes[1]
    assert (row["scaled"], row["unit"]) == (-1.5, "GBP")


def test_a_unit_account_counts_units() -> None:
    context = HanContext()
    read(report(*ELECTRICITY), 0x0702, context)
    row = read(report((0x0000, 0x19, 0x0043), (0x0001, 0x2B, 2500)), 0x0705, context).attributes[1]
    assert (row["scaled"], row["unit"]) == (2.5, "kWh")


def test_profile_intervals_are_scaled() -> None:
    context = HanContext()
    read(report(*ELECTRICITY), 0x0702, context)
    values = {
        "end_time": 0x2A000000,
        "status": 0,
        "profile_interval_period": 1,
        "number_of_periods_delivered": 2,
        "intervals": [250, 0xFFFFFF],
    }
    out = read(build_command(0x0702, "to-client", 0x00, values), 0x0702, context)
    row = next(row for row in out.commands if row["field"] == "intervals[0]")
    assert (row["scaled"], row["unit"]) == (0.25, "kWh")
    missing = next(row for row in out.commands if row["field"] == "intervals[1]")
    assert (missing["number"], missing["scaled"], missing["meaning"]) == (None, None, "invalid")


@pytest.mark.parametrize(
    ("cluster", "attribute", "kind", "value", "scaled", "unit"),
    [
        (0x0402, 0, 0x29, 2137, 21.37, "°C"),
        (0x0001, 0x0020, 0x20, 29, 2.9, "V"),
        (0x0001, 0x0021, 0x20, 199, 99.5, "%"),
        (0x0025, 0x0001, 0x21, 300, 300, "s"),
    ],
)
def test_fixed_units(cluster: int, attribute: int, kind: int, value: int, scaled: float, unit: str) -> None:
    row = read(report((attribute, kind, value)), cluster).attributes[0]
    assert (row["scaled"], row["unit"]) == (scaled, unit)


def test_a_divisor_of_zero_scales_nothing() -> None:
    values = ((0, 0x25, 1), (0x0300, 0x30, 0), (0x0301, 0x22, 1), (0x0302, 0x22, 0))
    assert read(report(*values), 0x0702).attributes[0]["scaled"] is None


def test_scales_tell_when_they_learn() -> None:
    context = HanContext()
    read(report(*GAS), 0x0702, context)
    scales = context.state(Scales)
    revision = scales.revision
    assert scales.get(METER, 1, (0x0702, 0x0302)) == 1000 and revision == 4 - 1
    read(report(*GAS), 0x0702, context)
    assert scales.revision == revision


def test_the_table_refers_to_what_is_taught() -> None:
    assert {(0x0702, 0x0301), (0x0702, 0x0300), (0x0700, 0x0617), (0x0705, 0x0000)} <= scale_attributes()
    assert all(row["source"] for row in table("zcl", "scaling"))

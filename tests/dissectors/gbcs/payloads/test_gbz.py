"""GBZ components on the ZCL's engine: names, units, what is not in the tables, and every cut."""

import pytest

from dissectors.gbcs.payloads.building import ZclCommand, gbz_payload
from dissectors.gbcs.payloads.gbz import build_zcl, command_name, read_zcl, values_of
from dissectors.gbcs.payloads.gbz_description import describe
from dissectors.gbcs.payloads.payload import Payload
from dissectors.model.cursor import Cursor

CHARGE = {
    "provider_id": 0, "issuer_event_id": 1, "issuer_tariff_id": 1, "start_time": 0, "tariff_type_charging_scheme": 0,
    "tariff_label": b"day", "number_of_price_tiers_in_use": 1, "number_of_block_thresholds_in_use": 0,
    "unit_of_measure": 1, "currency": 826, "price_trailing_digit": 0x50, "standing_charge": 22465,
    "tier_block_mode": 0xFF, "block_threshold_multiplier": 1, "block_threshold_divisor": 1000,
}  # fmt: skip
SUMMATION = {
    "records": [
        {"attribute": 0x0000, "status": 0, "type": 0x25, "value": 123456},
        {"attribute": 0x0307, "status": 0x86},
        {"attribute": 0x0300, "status": 0, "type": 0x30, "value": 1},
        {"attribute": 0x0301, "status": 0, "type": 0x22, "value": 1},
        {"attribute": 0x0302, "status": 0, "type": 0x22, "value": 1000},
    ]
}


def described(*commands: ZclCommand):
    octets = gbz_payload(commands)
    return describe(Payload(octets, 0, len(octets), 1), ())


def test_a_field_has_its_zcl_name_and_stands_in_its_unit() -> None:
    rows = {row["object"]: row for row in described(ZclCommand(0x0700, 0x09, 4, CHARGE)).items()}
    charge = rows["Publish Tariff Information: standing_charge"]
    assert (charge["value"], charge["number"], charge["unit"]) == (22465, 0.22465, "GBP/day")
    assert rows["Publish Tariff Information: start_time"]["value"] == "now"
    assert rows["Publish Tariff Information: tariff_label"]["value"] == "day"


def test_an_attribute_is_scaled_by_what_stands_behind_it() -> None:
    rows = described(ZclCommand(0x0702, 0x18, 1, SUMMATION)).items()
    first, refused = rows[:2]
    assert (first["object"], first["attribute"]) == ("CurrentSummationDelivered", 0)
    assert (first["value"], first["number"], first["unit"]) == (123456, 123.456, "m3")
    assert (refused["object"], refused["value"], refused["result"]) == (
        "SiteId",
        None,
        "UNSUPPORTED_ATTRIBUTE",
    )


def test_a_default_response_names_what_it_answers() -> None:
    (row,) = described(ZclCommand(0x0705, 0x18, 0x0B, {"command": 0x04, "status": 0})).items()
    assert (row["object"], row["result"]) == ("Consumer Top Up", "SUCCESS")


def test_a_command_is_known_although_its_direction_bit_is_wrong() -> None:
    assert command_name(0x0708, 0x01, 6) == "Update CIN" == command_name(0x0708, 0x09, 6)


def test_what_no_table_knows_stays_as_octets_with_a_note() -> None:
    found = described(ZclCommand(0x0705, 0x01, 0x7F, content=b"\x01\x02"))
    assert [i.severity for i in found.fields()[1]] == ["note"] and found.items()[0]["object"] == "command 7f"
    behind = described(ZclCommand(0x0708, 0x09, 5, content=bytes.fromhex("0081 aabb")))
    assert [(i.severity, i.offset) for i in behind.fields()[1]] == [("warning", 13)]


@pytest.mark.parametrize(
    ("cluster", "control", "command", "values"), [(0x0700, 9, 4, CHARGE), (0x0702, 0x18, 1, SUMMATION)]
)
def test_built_again_and_cut_at_every_octet(cluster, control, command, values) -> None:
    octets = build_zcl(cluster, control, command, values)
    found = values_of(read_zcl(Cursor(octets), cluster, control, command))
    assert found is not None and build_zcl(cluster, control, command, found) == octets
    for end in range(len(octets)):
        zcl = read_zcl(Cursor(octets[:end]), cluster, control, command)
        assert sum(f.length for f in zcl.fields) == end

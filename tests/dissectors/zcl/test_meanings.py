"""Bitmaps by bit, enumerations by name, times as times; what has no name is said to have none."""

import pytest

from dissectors.zcl import build_attribute_records, build_command
from dissectors.zcl.meanings import bit_fields, label_of, snake, special, utc_text
from tests.dissectors.zcl.support import read


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("Status", 0x86, "UNSUPPORTED_ATTRIBUTE"),
        ("Status", 0x42, "unknown 0x42"),
        ("AmiUnitOfMeasure", 0xFF, "invalid"),
        ("PriceControlMask", 0x03, "PriceAcknowledgementRequired, TotalTiersExceeds15"),
        ("PriceControlMask", 0, "none"),
        ("PriceTrailingDigit", 0x50, "TrailingDigit 5"),
        # An enumeration inside a bitmap: its values count in place, or shifted down.
        ("BlockPeriodDurationType", 0x13, "Timebase Months, Control EndOfTimebase"),
        ("MessagingControlMask", 0x8C, "transMechanism normal, messageUrgency critical, messageConfirmation"),
        ("EventConfiguration", 0x09, "LogAction LogAsTamper, PushEventToWAN"),
        ("BillingPeriodDuration", 0xC00003, "Duration 3, Units Months"),
        ("DeviceEvent", 0x0208, "MeterCoverRemoved"),
        ("TunnelProtocol", 6, "GB-HRGP"),
        ("Currency", 826, "GBP"),
        ("Status", -2, "unknown 0xFE"),
        ("no such name", 1, ""),
    ],
)
def test_labels(name: str, value: int, text: str) -> None:
    assert label_of(name, value) == text


def test_bits_are_fields_and_unnamed_ones_are_told() -> None:
    fields = bit_fields("TimeStatusMask", 0x85, 10, 1, "frame")
    assert [(f.name, f.value, f.bits) for f in fields] == [
        ("master_clock", True, (0, 1)),
        ("synchronized", False, (1, 1)),
        ("master_zone_dst", True, (2, 1)),
        ("superseding", False, (3, 1)),
        ("reserved", 1, (7, 1)),
    ]
    assert fields[-1].meaning is None and all((f.offset, f.length) == (10, 1) for f in fields)


def test_field_names_of_labels() -> None:
    assert snake("NewOtaFirmware") == "new_ota_firmware"
    assert snake("hvacCompressorOrFurnace") == "hvac_compressor_or_furnace"
    assert snake("IEC 61107") == "iec_61107"


def test_values_that_say_something_else() -> None:
    assert special(0x0700, "start_time", 0) == "now"
    assert special(0x0702, "intervals", 0xFFFFFF) == "invalid"
    assert special(0x0702, "intervals", 5) is None and special(0x0700, "no such field", 0) is None


def test_times_in_rows_are_iso_8601() -> None:
    record = {"attribute": 0x0000, "type": 0xE2, "value": 0x2A000000}
    (row,) = read(build_attribute_records(0x0A, [record], direction="to-client"), 0x000A).attributes
    assert (row["value"], row["number"]) == (utc_text(0x2A000000), float(0x2A000000))


def test_rows_of_structures_carry_their_place() -> None:
    values = {
        "command_index": 0,
        "total_number_of_commands": 1,
        "top_up_payload": [
            {"top_up_code": b"1234", "top_up_amount": 1000, "top_up_time": 0},
            {"top_up_code": b"5678", "top_up_amount": -5, "top_up_time": 1},
        ],
    }
    out = read(build_command(0x0705, "to-client", 0x05, values), 0x0705)
    rows = {row["field"]: row["number"] for row in out.commands}
    assert rows["top_up_payload[0].top_up_amount"] == 1000
    assert rows["top_up_payload[1].top_up_amount"] == -5


def test_the_meter_says_what_is_wrong_with_it() -> None:
    record = {"attribute": 0x0200, "type": 0x18, "value": 0x06}
    out = read(build_attribute_records(0x0A, [record], direction="to-client"), 0x0702)
    assert out.attributes[0]["meaning"] == "lowBattery, tamperDetect"
    bit = out.fields[0].find("tamper_detect")
    assert bit is not None and bit.value is True and bit.bits == (2, 1)


def test_mirror_answers_name_the_functional_flags() -> None:
    values = {"notification_scheme": 1, "functional_notification_flags": 0x00200001}
    out = read(build_command(0x0702, "to-server", 0x09, values), 0x0702)
    row = next(row for row in out.commands if row["field"] == "functional_notification_flags")
    assert "NewOtaFirmware" in row["meaning"] and "TunnelMessagePending" in row["meaning"]

"""Where a payload may end: fields that ZCL, ZSE or GBCS let be absent are missed by nobody, the others are."""

import pytest

from dissectors.model.cursor import Cursor
from dissectors.zcl import build_command, catalogue
from dissectors.zcl.catalogue import Command
from dissectors.zcl.command import read_command
from dissectors.zcl.expression import compiled
from dissectors.zcl.stateful.ota_image import build_image, read_image
from tests.dissectors.zcl.support import read

ENDS = {
    (0x0705, "to-server", 0x00): ("05000000 01", "07000000 02 00", "07000000 02 0161 00"),
    (0x0700, "to-server", 0x03): ("00000000 02", "00000000 02 00"),
    (0x0700, "to-server", 0x09): ("00000000 00000000 01",),
    (0x0700, "to-server", 0x0B): ("00000000 00000000 01",),
    (0x0700, "to-server", 0x0C): ("00000000 00000000 01",),
    (0x0703, "to-client", 0x02): ("01000000 00 00000000 0100 026162", "01000000 00 00000000 0100 026162 00"),
    (0x0701, "to-server", 0x00): ("01000000 02 00000000 01 0080 0080 80 ff 00 00",),
    (0x0008, "to-server", 0x04): ("80 0a00", "80 0a00 01 01"),
    (0x0008, "to-server", 0x05): ("00 10", "00 10 01 01"),
    (0x0008, "to-server", 0x06): ("00 10 0a00", "00 10 0a00 01 00"),
    (0x0008, "to-server", 0x07): ("", "01 01"),
    (0x001A, "to-client", 0x01): ("00", "01 01 00"),
}
MISSED = {
    (0x0705, "to-server", 0x00): "05000000",
    (0x0700, "to-server", 0x06): "00000000 00000000 01",
    (0x0701, "to-server", 0x00): "01000000 02 00000000 01 0080 0080 80 ff 00 01",
    (0x001A, "to-client", 0x01): "01",
}


def issues(key: tuple[int, str, int], payload: str) -> list[str]:
    command = catalogue.command(key[0], key[1], key[2])
    assert isinstance(command, Command)
    return [issue.text for issue in read_command(Cursor(bytes.fromhex(payload)), command).issues]


@pytest.mark.parametrize("key", ENDS, ids=str)
def test_payload_may_end_here(key: tuple[int, str, int]) -> None:
    for payload in ENDS[key]:
        assert issues(key, payload) == []


@pytest.mark.parametrize("key", MISSED, ids=str)
def test_payload_may_not_end_here(key: tuple[int, str, int]) -> None:
    (text,) = issues(key, MISSED[key])
    assert text.startswith("the payload ends before")


def test_price_ends_behind_each_optional_field() -> None:
    head = "00000100 00 05000000 00000000 00 3a03 51 11 00000000 1e00 b26e0000"
    for tail in ("", "ff", "ff ffffffff", "ff ffffffff ff", "ff ffffffff ff 00000000 00 00"):
        assert issues((0x0700, "to-client", 0x00), head + tail) == []


def test_expressions_of_the_tables_can_be_read() -> None:
    for command in catalogue.commands():
        for spec in (s for _, specs in (("", command.fields), *command.others) for s in specs):
            assert not spec.optional or compiled(spec.optional)({}) in (0, 1), (command.name, spec.name)


def test_sub_device_of_a_scan_response() -> None:
    lead = "01000000 00 00 00 0000 02000000 0807060504030201 00 0b 621a 0000"
    key = (0x1000, "to-client", 0x01)
    assert issues(key, f"{lead} 00 00") == [] == issues(key, f"{lead} 01 00 01 5ec0 0001 02 00")
    assert issues(key, f"{lead} 01 00") == ["the payload ends before endpoint_id"]


def test_tariff_type_stands_in_the_low_nibble() -> None:
    out = read(bytes.fromhex("010706 00000000 00000000 01 f1"), 0x0700)
    assert out.issues == []
    (row,) = [row for row in out.commands if row["field"] == "tariff_type"]
    assert row["meaning"] == "ReceivedTariff" and row["value"] == "241"


def test_credit_may_be_negative() -> None:
    values = {"result_type": 0, "top_up_value": 500_000, "source_of_top_up": 2, "credit_remaining": -250_000}
    out = read(build_command(0x0705, "to-client", 0x03, values), 0x0705)
    assert {row["field"]: row["number"] for row in out.commands}["credit_remaining"] == -250_000


def test_image_ends_at_its_size() -> None:
    octets = build_image({"manufacturer_id": 1}, b"code", elements=((0xF000, b"more"),))
    for filling, severity in ((b"\0" * 40, "note"), (b"\xff" * 3, "note"), (b"junk" * 3, "warning")):
        image = read_image(octets + filling)
        assert image.kind == "zcl" and image.payload == b"code"
        assert [issue.severity for issue in image.issues] == [severity]
        assert image.fields[-1].name == "padding" and image.fields[-1].value == filling


def test_signature_behind_the_size_is_the_images() -> None:
    image = read_image(build_image({"total_image_size": 60}, b"code", signature=bytes(range(64))))
    assert image.kind == "gbcs" and image.payload == b"code"

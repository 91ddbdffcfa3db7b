"""A newcomer adds a manufacturer's cluster with one CSV block: the one in docs/adding_things.md."""

import csv
import re
from pathlib import Path

import pytest

from dissectors.zcl import build_attribute_records, build_command, catalogue
from tests.dissectors.zcl.support import read

DOCUMENT = Path(__file__).parents[3] / "docs" / "adding_things.md"


@pytest.fixture
def block(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The block of the document, added to tables that are thrown away afterwards."""
    text = re.search(r"```csv \S+\n(# Example.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    assert text is not None
    rows = list(csv.DictReader(line for line in text[1].splitlines() if not line.startswith("#")))
    fresh = catalogue._tables.__wrapped__()
    monkeypatch.setattr(catalogue, "_tables", lambda: fresh)
    catalogue._only_manufacturer.cache_clear()
    catalogue.add_block(rows)
    return rows


def test_the_block_names_a_command(block: list[dict[str, str]]) -> None:
    octets = build_command(
        0xFC10, "to-server", 0x01, {"state": 1, "delay": 30}, sequence=3, manufacturer=0x1A2B
    )
    assert octets.hex() == "052b1a0301011e00"
    out = read(octets, 0xFC10)
    assert out.columns["summary"] == "Valve: Set Valve"
    rows = {row["field"]: row for row in out.commands}
    assert rows["state"]["meaning"] == "Open" and rows["delay"]["number"] == 30
    assert rows["state"]["cluster_name"] == "Valve"
    assert not read(octets[:-2], 0xFC10).issues  # the delay is optional


def test_the_block_names_an_attribute(block: list[dict[str, str]]) -> None:
    record = {"attribute": 0, "type": 0x30, "value": 0}
    octets = build_attribute_records(0x0A, [record], direction="to-client", manufacturer=0x1A2B)
    (row,) = read(octets, 0xFC10).attributes
    assert (row["attribute_name"], row["meaning"]) == ("ValveState", "Closed")


def test_another_manufacturer_is_not_mistaken_for_it(block: list[dict[str, str]]) -> None:
    out = read(bytes.fromhex("05 9999 03 01 01 1e00".replace(" ", "")), 0xFC10)
    assert out.commands[0]["command_name"] is None
    assert [issue.severity for issue in out.issues] == ["note"]


def test_a_wrong_row_is_refused(block: list[dict[str, str]]) -> None:
    with pytest.raises(ValueError, match="a block row is"):
        catalogue.add_block([{**block[0], "kind": "colour"}])
    with pytest.raises(KeyError):
        catalogue.add_block([{**block[3], "type": "uint9"}])


def test_blocks_of_the_package_are_read() -> None:
    octets = bytes.fromhex("1d 0b10 0a 00 01 000030 00 21 05 00".replace(" ", ""))
    out = read(octets, 0xFC00)
    assert out.columns["summary"] == "Hue Button: Button Notification"
    assert next(row for row in out.commands if row["field"] == "event")["meaning"] == "Pressed"

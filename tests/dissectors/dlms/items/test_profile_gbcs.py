"""What departs from GBCS is reported, and what RTDS sends is not."""

import json
from pathlib import Path

import pytest

from dissectors.dlms import dissect_message


def rules(octets: str) -> set[str]:
    issues = dissect_message(bytes.fromhex(octets), transport="apdu", profile="gbcs").issues
    return {issue.text.split("[")[0][:28] for issue in issues if issue.layer == "dlms.gbcs"}


@pytest.mark.parametrize(
    ("octets", "begins"),
    [
        ("601da109060760857405080101be10040e01000000065f1f0400007e1f04b0", "opens or closes"),
        ("c001c100080000010000ff0200", "a service that"),
        ("050102fa00", "short-name"),
        ("c8122001234567411312ff935a47566827c467bc", "glo-, ded-"),
        ("dd0101000000000011110000000000" + "00" * 11, "general-ciphering with a hea"),
        ("d940000001000101000801010b0000ff020100", "long-invoke-id whose top"),
        ("d9200000010c07e40a1907141e0000ffc4800101000b00000b0000ff020100", "a date-time in the access"),
        ("d92000000100010300120000 2c0000ff010100".replace(" ", ""), "image transfer"),
        ("d920000001000102006f0000130000ff02010 0".replace(" ", ""), "writes the active account"),
    ],
)
def test_departures_are_named(octets: str, begins: str) -> None:
    assert any(text.startswith(begins[:28]) for text in rules(octets))


@pytest.mark.shared
def test_rtds_payloads_depart_in_nothing(shared: Path) -> None:
    lines = (shared / "vectors" / "dlms" / "vectors.jsonl").read_text("utf-8").splitlines()
    for vector in map(json.loads, lines):
        if "GBCS" in vector.get("note", "") and vector["transport"] == "apdu":
            message = dissect_message(bytes.fromhex(vector["hex"]), transport="apdu", profile="gbcs")
            wrong = [
                issue for issue in message.issues if issue.layer == "dlms.gbcs" and issue.severity != "note"
            ]
            assert not wrong, (vector["id"], wrong)

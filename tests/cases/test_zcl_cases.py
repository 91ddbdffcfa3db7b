"""The frames and firmware files of the field in ``cases/zcl``: what each says, in a tree and in columns."""

import json
from pathlib import Path
from typing import Any

import pytest

from analysis.pipeline.decode import decode
from dissectors import dissect_frame
from dissectors.model.context import HanContext
from dissectors.model.frame import Dissection, RawFrame
from dissectors.model.keyring import Keyring
from dissectors.zcl.stateful.ota_image import read_image

FRAMES: dict[str, dict[str, Any]] = {
    "select-emergency-credit-5": {"command_issue_date_time": 0, "originating_device": 0},
    "publish-price-ends-at-price": {"price": 0x2580},
    "publish-price-ends-at-generation-price": {"generation_price": 0xFFFFFFFF},
    "get-block-periods-no-tariff-type": {"number_of_events": 2},
    "get-billing-period-no-tariff-type": {"number_of_commands": 1},
    "get-co2-no-tariff-type": {"number_of_commands": 1},
    "display-protected-message-no-extension": {"message_id": 1},
    "drlc-report-event-status-no-signature": {"signature_type": 0},
    "ieee-joining-list-empty": {"total": 0},
    "touchlink-scan-response-no-sub-device": {"number_of_sub_devices": 0},
    "level-move-to-level-onoff-options": {"option_mask": 0, "option_override": 1},
    "daily-schedule-cancel": {"command": "Cancel Schedule"},
    "daily-schedule-get-cancellation": {"command": "Get Schedule Cancellation"},
    "device-management-0114": {"attribute": "ProposedProviderContactDetails"},
    "device-management-0134": {"attribute": "ReceivedProposedProviderContactDetails"},
    "tunnel-protocol-9": {"protocol_id": "null"},
    "ke-terminate-status-0": {"status_code": "Reserved"},
    "tariff-type-reserved-nibble": {"tariff_type": "ReceivedTariff"},
}
ABSENT = {
    "ieee-joining-list-empty": ("start_index", "entry_count"),
    "touchlink-scan-response-no-sub-device": ("endpoint_id", "group_id_count"),
    "select-emergency-credit-5": ("site_id", "meter_serial_number"),
}


def frames(shared: Path) -> dict[str, bytes]:
    lines = (shared / "cases/zcl/cases.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return {row["id"]: bytes.fromhex(row["frame"]) for row in rows}


def dissected(octets: bytes) -> Dissection:
    return dissect_frame(RawFrame(octets), HanContext(Keyring()))


@pytest.mark.parametrize("name", FRAMES)
def test_frame_says_what_it_says(shared: Path, name: str) -> None:
    out = dissected(frames(shared)[name])
    assert [i for i in out.issues if name != "daily-schedule-cancel" or i.severity != "note"] == []
    held = {found.name: found for root in out.fields for found in root.walk()}
    for field, wanted in FRAMES[name].items():
        assert wanted in (held[field].value, held[field].meaning), (field, held[field])
    assert not set(ABSENT.get(name, ())) & set(held)


def test_cases_as_a_capture_are_the_same_rows(shared: Path) -> None:
    decoded = decode(str(shared / "cases/zcl/cases.pcap"))
    assert len(decoded.packets) == len(FRAMES)
    assert decoded.packets["issue"].dropna().tolist() == ["3 octets follow the last field that is known"]
    by_frame = decoded.commands.groupby("frame", sort=True)
    for number, octets in enumerate(frames(shared).values(), 1):
        rows = dissected(octets).commands
        if number in by_frame.groups:
            found = by_frame.get_group(number)
            assert found["field"].fillna("").tolist() == [row.get("field") or "" for row in rows]
            assert found["meaning"].fillna("").tolist() == [row.get("meaning") or "" for row in rows]
        else:
            assert rows == []


def test_padded_firmware_ends_at_its_size(shared: Path) -> None:
    padded = read_image((shared / "cases/zcl/ota_padded_zero.ota").read_bytes())
    whole = read_image((shared / "cases/zcl/ota_unpadded_good.ota").read_bytes())
    assert padded.kind == whole.kind == "zcl"
    assert padded.payload == whole.payload == bytes(range(16))
    assert [f.name for f in padded.fields] == ["ota_header", "element", "element", "padding"]
    assert [i.severity for i in padded.issues] == ["note"] and whole.issues == []
    assert whole.sha256 in padded.hashes

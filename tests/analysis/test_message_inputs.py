"""What an input is: several messages in one, and what nothing proves to be one."""

import io
import json

import pytest

from analysis.views.message_inputs import kind_of, split
from analysis.views.messages import run
from dissectors.crypto.crc import crc16
from dissectors.dlms.carriers.hdlc import build_frame

APDU = bytes.fromhex("c001c100080000010000ff0200")
GBCS = bytes.fromhex("dd000000000000 20 1100000000" + "df09" + "00" * 13 + "aa" * 12)


def told(*arguments: str, **options: str) -> tuple[int, list[dict[str, object]]]:
    out = io.StringIO()
    code = run(arguments, jsonl=True, out=out, **options)  # type: ignore[arg-type]
    return code, [json.loads(line) for line in out.getvalue().splitlines()]


def test_messages_one_behind_the_other() -> None:
    assert split(APDU * 3) == [APDU] * 3
    assert split(GBCS + GBCS[:20]) == [GBCS, GBCS[:20]]
    assert split(APDU + b"\x00\x11") == [APDU + b"\x00\x11"]
    frame = build_frame(b"\x03", b"\x21", 0x10, b"\xe6\xe6\x00" + APDU)
    assert split(frame * 2) == [frame * 2]
    assert split(b"") == [b""]
    code, found = told((APDU * 2).hex())
    assert code == 0 and [one["apdus"] for one in found] == [["get-request"]] * 2


def test_one_that_fails_is_told_and_the_others_are_read() -> None:
    code, found = told(APDU.hex(), "2f4142430d0a", "hello there", APDU.hex())
    assert code == 4 and [one["error"] is None for one in found] == [True, False, False, True]
    assert [one["kind"] for one in found] == ["dlms", "unknown", "unknown", "dlms"]


@pytest.mark.parametrize("octets", ["2f45474d35473135", "0306", "ffffffffffff", "40a5", "7f" * 40, "00" * 20])
def test_nothing_is_a_frame_unless_something_proves_it(octets: str) -> None:
    assert kind_of(bytes.fromhex(octets)) == ""


def test_check_sequence_and_headers_prove_a_frame() -> None:
    beacon_request = bytes.fromhex("030807ffffffff07")
    assert kind_of(beacon_request + crc16(beacon_request).to_bytes(2, "little")) == "frame"
    command = "618801621a00003c5a080000003c5a1e0100010007090101090107030000000002"
    assert kind_of(bytes.fromhex(command)) == "frame"
    assert kind_of(bytes.fromhex(command[:-4])) != "frame"
    code, found = told("0306", kind="frame")
    assert found[0]["kind"] == "frame" and code == 4

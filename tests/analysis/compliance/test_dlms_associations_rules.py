"""Rules on dlms associations: what breaks each of them, and what keeps it."""

from typing import Any

import pytest

from analysis.engine.checking import check
from tests.analysis.compliance.gbcs_tables import GAS, Row, broken_and_kept, capture, command, item, response

ASK, ANSWER = "dlms-access-request", "dlms-access-response"
CASES: list[tuple[str, Row, Row]] = [
    ("dlms-to-non-dlms-device", command(to=GAS, payload_kind=ASK), command(payload_kind=ASK)),
    ("dlms-roles-reversed", response(payload_kind=ASK), response(payload_kind=ANSWER)),
    ("dlms-association-attempt", command(kind="dlms", name="aarq"), command(kind="dlms", name="data-notification")),
    ("fixed-classes", command(payload_kind=ASK, departures="class:64"), command(payload_kind=ASK, departures="none")),
]  # fmt: skip


def shown(class_id: int, obis: str) -> Any:
    plain = response(kind="dlms", use_case=None, name="get-response")
    return capture([command(), plain], [item(2, class_id=class_id, obis=obis, value="1", object="x")])


def answered(obis: str) -> Any:
    entry = item(class_id=112, obis=obis, attribute=3, result="success", object="x")
    return capture([response(0x20)], [entry])


def test_public_client() -> None:
    broken_and_kept("public-client", shown(3, "1-0:1.8.0.255"), shown(1, "0-0:42.0.0.255"))


def test_a_plain_meter_is_no_device_of_gbcs() -> None:
    """Nothing is said of its answers; and what has no name is told without "nan"."""
    plain = response(kind="dlms", use_case=None, cra=None, name="get-response")
    entry = item(1, class_id=3, obis="1-0:1.8.0.255", value="1")
    assert not check(capture([plain], [entry]), rules=["public-client"]).findings
    nameless = {**plain, "name": None}
    entry = item(2, class_id=3, obis="1-0:1.8.0.255", value="1")
    (found,) = check(capture([command(), nameless], [entry]), rules=["public-client"]).findings
    assert found.device == "message 2 (unnamed message)"
    assert found.evidence.startswith("object 1-0:1.8.0.255 was answered")


def test_what_a_public_client_writes_is_no_answer() -> None:
    written = response(kind="dlms", use_case=None, name="set-request", payload_kind="dlms-set-request")
    plain = response(kind="dlms", use_case=None, name="get-response", payload_kind="dlms-get-response")
    clock = item(2, class_id=8, obis="0-0:1.0.0.255", value="true", object="Clock")
    named = item(3, class_id=1, obis="0-0:42.0.0.255", value="1", object="x")
    kept = capture([command(), written, plain], [clock, named])
    broken_and_kept("public-client", shown(8, "0-0:1.0.0.255"), kept)


def test_object_outside_use_case() -> None:
    broken_and_kept("object-outside-use-case", answered("0-0:96.1.0.255"), answered("0-0:19.10.1.255"))


@pytest.mark.parametrize(("rule", "bad", "good"), CASES, ids=[c[0] for c in CASES])
def test_messages_broken_and_kept(rule: str, bad: Row, good: Row) -> None:
    broken_and_kept(rule, capture([good, bad, command()]), capture([good, command()]))


@pytest.mark.parametrize("code", [15, 17, 18, 64])
def test_image_transfer_over_dlms(code: int) -> None:
    touched = item(class_id=code, result="success")
    refused = item(class_id=code, result="object-unavailable")
    broken_and_kept(
        "image-transfer-over-dlms", capture([response()], [touched]), capture([response()], [refused])
    )

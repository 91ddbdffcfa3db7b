"""Rules on dlms associations: what breaks each of them, and what keeps it."""

from typing import Any

import pytest

from analysis.engine.checking import check
from tests.analysis.compliance.gbcs_tables import GAS, Row, broken_and_kept, capture, command, item, response
from tests.analysis.frames import smart_energy

ASK, ANSWER = "dlms-access-request", "dlms-access-response"
CASES: list[tuple[str, Row, Row]] = [
    ("dlms-to-non-dlms-device", command(to=GAS, payload_kind=ASK), command(payload_kind=ASK)),
    ("dlms-roles-reversed", response(payload_kind=ASK), response(payload_kind=ANSWER)),
    ("fixed-classes", command(payload_kind=ASK, departures="class:64"), command(payload_kind=ASK, departures="none")),
]  # fmt: skip


def shown(class_id: int, obis: str) -> Any:
    plain = response(kind="dlms", use_case=None, name="get-response", client_sap=16)
    return capture([command(), plain], [item(2, class_id=class_id, obis=obis, value="1", object="x")])


def answered(obis: str) -> Any:
    entry = item(class_id=112, obis=obis, attribute=3, result="success", object="x")
    return capture([response(0x20)], [entry])


def test_public_client() -> None:
    broken_and_kept("public-client", shown(3, "1-0:1.8.0.255"), shown(1, "0-0:42.0.0.255"))


def test_a_plain_meter_is_no_device_of_gbcs() -> None:
    """Nothing is said of its answers; and what has no name is told without "nan"."""
    plain = response(kind="dlms", use_case=None, cra=None, name="get-response", client_sap=16)
    entry = item(1, class_id=3, obis="1-0:1.8.0.255", value="1")
    assert not check(capture([plain], [entry]), rules=["public-client"]).findings
    nameless = {**plain, "name": None}
    entry = item(2, class_id=3, obis="1-0:1.8.0.255", value="1")
    (found,) = check(capture([command(), nameless], [entry]), rules=["public-client"]).findings
    assert found.device == "message 2 (unnamed message)"
    assert found.evidence.startswith("object 1-0:1.8.0.255 was answered")


def test_what_a_public_client_writes_is_no_answer() -> None:
    written = response(
        kind="dlms", use_case=None, name="set-request", payload_kind="dlms-set-request", client_sap=16
    )
    plain = response(
        kind="dlms", use_case=None, name="get-response", payload_kind="dlms-get-response", client_sap=16
    )
    clock = item(2, class_id=8, obis="0-0:1.0.0.255", value="true", object="Clock")
    named = item(3, class_id=1, obis="0-0:42.0.0.255", value="1", object="x")
    kept = capture([command(), written, plain], [clock, named])
    broken_and_kept("public-client", shown(8, "0-0:1.0.0.255"), kept)


def tunnelled(name: str, cluster: int = 0x0704) -> Any:
    frames = [smart_energy(0.0, aps_cluster=cluster), smart_energy(14_400.0)]
    return capture([command(kind="dlms", name=name, use_case=None)], frames=frames)


def test_association_attempt() -> None:
    broken_and_kept("dlms-association-attempt", tunnelled("aarq"), tunnelled("data-notification"))
    (found,) = check(tunnelled("aarq"), rules=["dlms-association-attempt"]).findings
    assert found.evidence == "aarq in a tunnel"


def test_what_came_by_another_way_than_a_tunnel_is_no_attempt() -> None:
    """A meter's serial line or network port that was recorded beside the radio."""
    assert not check(tunnelled("aarq", cluster=0x0702), rules=["dlms-association-attempt"]).findings


@pytest.mark.parametrize("client", [1, 32, None])
def test_an_answer_to_another_client_is_not_judged(client: int | None) -> None:
    """Only the public client (16) is nobody in particular; where the carrier names no client, nothing is known."""
    plain = response(kind="dlms", use_case=None, name="get-response", client_sap=client)
    tables = capture([command(), plain], [item(2, class_id=3, obis="1-0:1.8.0.255", value="1", object="x")])
    assert {v.state for v in check(tables, rules=["public-client"]).verdicts} == {"not seen"}


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

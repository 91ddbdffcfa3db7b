"""Rules on dlms modifications: what breaks each of them, and what keeps it."""

from typing import Any

from tests.analysis.compliance.gbcs_tables import HUB, METER, Row, capture, command, item, response
from tests.analysis.verdicts import Case, each_of, finds, passes

ASK = "dlms-access-request"


def invoked(departures: str) -> Any:
    return capture([command(payload_kind=ASK, departures=departures)])


def named(to: int) -> Any:
    return capture([command(), {**command(), "recipient": f"{to:016x}"}])


def writes(class_id: int, obis: str, attribute: int) -> Any:
    return capture(
        [command(0x19)], [item(class_id=class_id, obis=obis, attribute=attribute, value="1", object="x")]
    )


def results(use_case: str, *shown: str, name: str = "AuxiliaryController[n]: value") -> Any:
    rows: list[Row] = [item(object=name, result=r) | {"item": n} for n, r in enumerate(shown)]
    return capture([response(use_case=use_case)], rows)


def period(start: str, end: str) -> Any:
    rows = [
        item(object="AuxiliaryController: value", value=v) | {"item": n} for n, v in enumerate((start, end))
    ]
    return capture([command(use_case="ECS47a")], rows)


REGISTER = "DeviceLog(CHF): register_device"
CASES: dict[str, Case] = {
    "dlms-invoke-id": (lambda: invoked("invoke-id"), lambda: invoked("none")),
    "system-title-order": (
        lambda: named(int.from_bytes(METER.to_bytes(8, "big"), "little")),
        lambda: named(HUB),
    ),
    "class-9000-parts": (lambda: writes(9000, "0-0:94.44.128.2", 2), lambda: writes(9000, "0-0:94.44.128.2", 4)),
    "active-object-written": (lambda: writes(11, "0-0:11.0.0.255", 2), lambda: writes(11, "0-1:11.0.0.255", 2)),
    "register-device-result": (
        lambda: results("CCS01", "hardware-fault", name=REGISTER),
        lambda: results("CCS01", "success", name=REGISTER),
    ),
    "other-reason-to-the-end": (
        lambda: results("ECS47a", "success", "other-reason", "success"),
        lambda: results("ECS47a", "success", "other-reason", "other-reason"),
    ),
    "controller-period": (
        lambda: period("2030-01-01 00:00:00", "2030-01-02 06:00:00"),
        lambda: period("2030-01-01 00:00:00", "2030-01-01 06:00:00"),
    ),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)


def test_contact_details_have_no_passive_twin() -> None:
    passes("class-9000-parts", writes(9000, "0-0:96.13.0.255", 2))


def test_a_period_that_ends_before_it_starts_is_found() -> None:
    finds("controller-period", period("2030-01-02 00:00:00", "2030-01-01 23:00:00"))

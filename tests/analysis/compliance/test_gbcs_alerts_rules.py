"""Rules on gbcs alerts: what breaks each of them, and what keeps it."""

import pytest

from analysis.engine.checking import check
from tests.analysis.compliance.gbcs_tables import (
    BROKER,
    HUB,
    METER,
    OPERATOR,
    SUPPLIER,
    Row,
    alert,
    broken_and_kept,
    capture,
    command,
    item,
    response,
)
from tests.analysis.compliance.rows import command as han_command
from tests.analysis.compliance.rows import home

Rows = list[Row]
ADD = {"by": HUB, "to": BROKER}


def duty(*codes: int) -> Rows:
    return [alert(0x18, n, by=HUB, alert_code=code) for n, code in enumerate(codes)]


MEANINGS = {
    "power-alert": 0x8F1D, "supply-alert": 0x811A, "battery-alert": 0x8F1F, "valve-alert": 0x81BF, "radio-alert": 0x8F29,
    "join-alert": 0x8F48, "certificate-alert": 0x8F4C, "credit-alert": 0x8F0F, "firmware-alert": 0x8F1C,
    "clock-alert": 0x8F0C, "log-alert": 0x8F0A, "configuration-alert": 0x8F67, "fault-alert": 0x81A0,
    "unknown-alert": 0xEEEE,
}  # fmt: skip
"""A code of each rule about what alerts mean."""

CASES: list[tuple[str, Rows, Rows]] = [
    ("device-log-alert", [response(0x01, **ADD)], [response(0x01, **ADD), alert(0x18, 20, by=HUB)]),
    ("log-only-alert", [alert(alert_code=0x8F43)], [alert(alert_code=0x8F12)]),
    (
        "alert-flood",
        [alert(seconds=9 * n, counter=n, alert_code=0x8002) for n in range(9)],
        [alert(seconds=900 * n, counter=n, alert_code=0x8002) for n in range(9)],
    ),
    ("security-alert", [alert(alert_code=0x8F3F)], [alert(alert_code=0x8F12)]),
    *((rule, [alert(alert_code=code)], [alert(alert_code=0x8F3D)]) for rule, code in MEANINGS.items()),
    ("duty-cycle-alert-order", duty(0x8F20, 0x8F21, 0x8F23), duty(0x8F20, 0x8F21, 0x8F22, 0x8F23)),
    ("firmware-alerts", [command(0x12)], [command(0x12), response(0x12, answers=1)]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "bad", "good"), CASES, ids=[c[0] for c in CASES])
def test_broken_and_kept(rule: str, bad: Rows, good: Rows) -> None:
    broken_and_kept(rule, capture(bad), capture(good))


def test_outage_order() -> None:
    def outage(start: str | None, end: str | None) -> object:
        return capture(
            [alert(0x67)], [item(object="outage_start", value=start), item(object="outage_end", value=end)]
        )

    early, late = "2026-01-01T00:00:00", "2026-01-01T01:00:00"
    broken_and_kept("outage-order", outage(late, early), outage(early, late))
    assert not check(outage(early, None), rules=["outage-order"]).findings
    assert not check(outage(None, late), rules=["outage-order"]).findings


def test_alert_recipient() -> None:
    bad = capture([alert(0x67, alert_code=0x8F36, to=SUPPLIER), alert(0x18, alert_code=0x8145, to=SUPPLIER)])
    good = capture([alert(0x67, alert_code=0x8F36, to=OPERATOR), alert(0x18, alert_code=0x8145, to=SUPPLIER)])
    broken_and_kept("alert-recipient", bad, good)


def test_firmware_receipt() -> None:
    def ended(*codes: int) -> object:
        told = [alert(code, 60 + n) for n, code in enumerate(codes)]
        tables = capture([command(0x27), response(0x27, answers=1), *told])
        heard = home(commands=han_command(5, 0x0019, 0x06, METER, HUB, status=0), until=7200)
        return {**heard, "messages": tables["messages"], "items": tables["items"]}

    broken_and_kept("firmware-receipt", ended(), ended(0xCE))

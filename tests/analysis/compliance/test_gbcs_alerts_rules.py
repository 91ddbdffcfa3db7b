"""Alerts, device log and activations: what breaks each rule is found, what keeps it passes."""

import pytest

from analysis.findings import check
from tests.analysis.compliance.gbcs_tables import (
    BROKER,
    HUB,
    METER,
    Row,
    alert,
    broken_and_kept,
    capture,
    command,
    item,
    response,
)
from tests.analysis.frames import mac_only, smart_energy

Rows = list[Row]
ADD = {"by": HUB, "to": BROKER}
FORGED = command(0x1B, 0, mac="invalid")


def duty(*codes: int) -> Rows:
    return [alert(0x18, n, by=HUB, alert_code=code) for n, code in enumerate(codes)]


CASES: list[tuple[str, Rows, Rows]] = [
    ("device-log-alert", [response(0x01, **ADD)], [response(0x01, **ADD), alert(0x18, 20, by=HUB)]),
    ("log-only-alert", [alert(alert_code=0x8F43)], [alert(alert_code=0x8F12)]),
    ("security-alert", [alert(alert_code=0x8F3F)], [alert(alert_code=0x8F12)]),
    ("bad-command-accepted", [FORGED, response(0x1B, answers=1)], [FORGED, response(0x1B, answers=1, outcome="failure")]),
    ("duty-cycle-alert-order", duty(0x8F20, 0x8F21, 0x8F23), duty(0x8F20, 0x8F21, 0x8F22, 0x8F23)),
    ("firmware-alerts", [command(0x12)], [command(0x12), response(0x12, answers=1)]),
    ("restored-network", [command(0x03, to=HUB)], [command(0x02, to=HUB)]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "bad", "good"), CASES, ids=[c[0] for c in CASES])
def test_broken_and_kept(rule: str, bad: Rows, good: Rows) -> None:
    broken_and_kept(rule, capture(bad), capture(good))


@pytest.mark.parametrize("counter", [7 << 32, (1 << 63) + 1], ids=["short", "beyond a float"])
def test_counter_in_activation_alert(counter: int) -> None:
    def told(named: int) -> object:
        name = "activation_alert.originator_counter"
        shown = item(2, object=name, value=str(named), number=float(named))
        return capture([command(0x12, counter=counter), alert(0xCA)], [shown])

    broken_and_kept("counter-in-activation-alert", told(5 << 32), told(counter))


def test_an_activation_alert_that_names_no_number_is_no_fault_of_the_rule() -> None:
    unread = item(2, object="activation_alert.originator_counter")
    assert not check(capture([command(0x12), alert(0xCA)], [unread])).failures


def test_outage_order() -> None:
    def outage(start: str | None, end: str | None) -> object:
        return capture(
            [alert(0x67)], [item(object="outage_start", value=start), item(object="outage_end", value=end)]
        )

    early, late = "2026-01-01T00:00:00", "2026-01-01T01:00:00"
    broken_and_kept("outage-order", outage(late, early), outage(early, late))
    assert not check(outage(early, None), rules=["outage-order"]).findings
    assert not check(outage(None, late), rules=["outage-order"]).findings


def test_future_dated_not_allowed() -> None:
    later = [item(object="calendar.activate_passive_calendar_time", value="2027-01-01 00:00:00")]
    bad, good = capture([command(0x01)], later), capture([command(0x19)], later)
    broken_and_kept("future-dated-not-allowed", bad, good)


def test_join_window() -> None:
    def joins(seconds: float) -> object:
        answer = mac_only(seconds, "command", mac_command=0x02, mac_dst_mode="extended", mac_dst=METER)
        listed = [item(object="DeviceLog(CHF): join_timeout", value="300", number=300.0)]
        return capture([command(0x01, 0, to=HUB)], listed, [smart_energy(0), answer, smart_energy(2000)])

    broken_and_kept("join-window", joins(1000), joins(200))


def test_join_not_listed() -> None:
    def keyed(listed: int) -> object:
        items = [item(object="DeviceLog(CHF): register_device: ieee_address", value=f"{listed:016x}")]
        key = smart_energy(5, HUB, METER, aps_command=0x05, aps_type="command")
        return capture([command(0x01, 0, to=HUB)], items, [smart_energy(0), key])

    broken_and_kept("join-not-listed", keyed(HUB), keyed(METER))

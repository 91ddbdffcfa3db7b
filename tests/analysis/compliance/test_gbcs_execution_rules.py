"""Rules on gbcs execution: what breaks each of them, and what keeps it."""

import pytest

from analysis.engine.checking import check
from tests.analysis.compliance.gbcs_tables import (
    BROKER,
    Row,
    alert,
    broken_and_kept,
    capture,
    command,
    item,
    response,
)

FORGED = command(0x1B, 0, mac="invalid")
TOP_UP, CLOCK = 0x97, 0x62
Rows = list[Row]
CASES: list[tuple[str, Rows, Rows]] = [
    ("bad-command-accepted", [FORGED, response(0x1B, answers=1)], [FORGED, response(0x1B, answers=1, outcome="failure")]),
    (
        "clock-not-adjusted",
        [response(CLOCK, 0, outcome="failure"), alert(0x1000, 5, alert_code=0x81C6)],
        [response(CLOCK, 0), alert(0x1000, 5, alert_code=0x8145)],
    ),
    ("set-clock-daily", [response(CLOCK, 0), response(CLOCK, 3600)], [response(CLOCK, 0), response(CLOCK, 90_000)]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "bad", "good"), CASES, ids=[c[0] for c in CASES])
def test_broken_and_kept(rule: str, bad: Rows, good: Rows) -> None:
    broken_and_kept(rule, capture(bad), capture(good))


def test_future_dated_not_allowed() -> None:
    later = [item(object="calendar.activate_passive_calendar_time", value="2027-01-01 00:00:00")]
    bad, good = capture([command(0x01)], later), capture([command(0x19)], later)
    broken_and_kept("future-dated-not-allowed", bad, good)


def test_the_time_of_a_billing_calendar_is_no_future_date() -> None:
    """ECS30a (0x00D7) sets when the billing period begins: that is its content, and the table says that it acts at once."""
    first = [item(object="BillingCalendar: execution_time", value="2027-01-01 00:00:00")]
    result = check(capture([command(0xD7, use_case="ECS30a")], first), rules=["future-dated-not-allowed"])
    assert {v.state for v in result.verdicts} == {"not seen"}


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


def test_a_clock_that_two_suppliers_set_informs() -> None:
    twice = capture([response(CLOCK, 0, to=BROKER), response(CLOCK, 3600)])
    assert [one.severity for one in check(twice, rules=["set-clock-daily"]).findings] == ["info"]

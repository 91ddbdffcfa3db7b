"""Rules on gbcs execution: what breaks each of them, and what keeps it."""

import pytest

from tests.analysis.compliance.gbcs_tables import (
    Row,
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
    ("set-clock-daily", [response(CLOCK, 0), response(CLOCK, 3600)], [response(CLOCK, 0), response(CLOCK, 90_000)]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "bad", "good"), CASES, ids=[c[0] for c in CASES])
def test_broken_and_kept(rule: str, bad: Rows, good: Rows) -> None:
    broken_and_kept(rule, capture(bad), capture(good))


def test_future_dated_not_allowed() -> None:
    later = [item(object="calendar.activate_passive_calendar_time", value="2027-01-01 00:00:00")]
    bad, good = capture([command(0x01)], later), capture([command(0x19)], later)
    broken_and_kept("future-dated-not-allowed", bad, good)

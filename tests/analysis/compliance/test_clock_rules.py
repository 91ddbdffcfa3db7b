"""Rules on clock: what breaks each of them, and what keeps it."""

from typing import Any

import pandas as pd

from analysis.engine.checking import check
from tests.analysis.compliance.rows import (
    EPOCH_NOW,
    TIME,
    attribute,
    home,
)
from tests.analysis.frames import HUB, METER, STRANGER
from tests.analysis.verdicts import Case, each_of


def clock(*readings: tuple[float, float], source: int = HUB) -> Any:
    """The hub's time, read at some seconds, and how far it is off."""
    rows = [attribute(t, TIME, 0, EPOCH_NOW + t + off, source, destination=METER) for t, off in readings]
    return home(attributes=rows, until=readings[-1][0])


def drifting(share: float) -> Any:
    return clock(*((t, t * share) for t in range(0, 6000, 300)))


def status(value: int) -> Any:
    return home(attributes=[attribute(1, TIME, 1, value)])


def reads_of_time(every: int) -> Any:
    days = 300_000
    return home(attributes=[attribute(t, TIME, 0, None, METER) for t in range(1, days, every)], until=days)


CASES: dict[str, Case] = {
    "time-source": (lambda: clock((1, 0), source=STRANGER), lambda: clock((1, 0))),
    "time-differs": (lambda: clock((1, 300)), lambda: clock((1, 4))),
    "time-step": (lambda: clock((1, 0), (60, 3600)), lambda: clock((1, 0), (60, 2))),
    "time-drifts": (lambda: drifting(0.002), lambda: drifting(0.00005)),
    "time-status": (lambda: status(0b00), lambda: status(0b01)),
    "time-read-daily": (lambda: reads_of_time(200_000), lambda: reads_of_time(40_000)),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)


def test_a_capture_without_a_date_is_no_clock() -> None:
    """A sniffer that counts from nothing says nothing of the hub's time; whether it jumps is seen all the same."""
    tables = clock((1, 0), (60, 3600))
    for name, column in (("packets", "time"), ("attributes", "time")):
        rows = tables[name]
        tables[name] = rows.assign(**{column: rows[column] - pd.Timedelta(1_700_000_000, unit="s")})
    said = check(tables, rules=["time-differs", "time-step"]).findings
    assert [one.rule for one in said] == ["time-step"]

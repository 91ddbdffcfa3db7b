"""Rules on gbcs calendars: what breaks each of them, and what keeps it."""

from typing import Any

from tests.analysis.compliance.gbcs_tables import Row, capture, command, item, response
from tests.analysis.verdicts import Case, each_of


def days(*starts: int) -> Any:
    names = [("Day ID", 1), *(("Start Time", s) for s in starts)]
    rows: list[Row] = [
        item(object=f"PublishDayProfile[0]: {name}", value=str(v)) | {"item": n}
        for n, (name, v) in enumerate(names)
    ]
    return capture([command(0x6B, use_case="GCS01a")], rows)


def tariff(*published: str) -> Any:
    used = item(object="PublishTariffInformation: Number of Block Thresholds in Use", value="3")
    rows = [used, *(item(object=name, value="1") for name in published)]
    return capture([command(0x6B, use_case="GCS01a")], rows)


def answered(*results: str) -> Any:
    parts = ("PublishCalendar", "PublishDayProfile", "PublishWeekProfile", "PublishSeasons")
    rows = [item(object=name, result=result) for name, result in zip(parts, results, strict=False)]
    return capture([response(0x6B, use_case="GCS01a")], rows)


CASES: dict[str, Case] = {
    "calendar-half-set": (
        lambda: answered("SUCCESS", "SUCCESS", "FAILURE", "SUCCESS"),
        lambda: answered("FAILURE", "FAILURE"),
    ),
    "day-first-trigger": (lambda: days(60, 120), lambda: days(0, 120)),
    "block-thresholds-needed": (lambda: tariff(), lambda: tariff("PublishBlockThresholds: Start Time")),
}


test_broken_and_kept = each_of(CASES)

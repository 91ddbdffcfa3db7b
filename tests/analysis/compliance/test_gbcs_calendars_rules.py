"""Rules on gbcs calendars: what breaks each of them, and what keeps it."""

from typing import Any

from tests.analysis.compliance.gbcs_tables import Row, capture, command, item, response
from tests.analysis.verdicts import Case, each_of


def days(*starts: int) -> Any:
    names = [("day_id", 1), *((f"day_schedule_entries[{n}].start_time", s) for n, s in enumerate(starts))]
    rows: list[Row] = [
        item(object=f"Publish Day Profile: {name}", value=str(v)) | {"item": n}
        for n, (name, v) in enumerate(names)
    ]
    return capture([command(0x6B, use_case="GCS01a")], rows)


def tariff(*published: str) -> Any:
    used = item(object="Publish Tariff Information: number_of_block_thresholds_in_use", value="3")
    rows = [used, *(item(object=name, value="1") for name in published)]
    return capture([command(0x6B, use_case="GCS01a")], rows)


def answered(*results: str) -> Any:
    parts = ("Publish Calendar", "Publish Day Profile", "Publish Week Profile", "Publish Seasons")
    rows = [item(object=name, result=result) for name, result in zip(parts, results, strict=False)]
    return capture([response(0x6B, use_case="GCS01a")], rows)


CASES: dict[str, Case] = {
    "calendar-half-set": (
        lambda: answered("SUCCESS", "SUCCESS", "FAILURE", "SUCCESS"),
        lambda: answered("FAILURE", "FAILURE"),
    ),
    "day-first-trigger": (lambda: days(60, 120), lambda: days(0, 120)),
    "block-thresholds-needed": (lambda: tariff(), lambda: tariff("Publish Block Thresholds: start_time")),
}


test_broken_and_kept = each_of(CASES)

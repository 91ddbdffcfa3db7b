"""The ends of ZSE commands that repeat or depend on a field before them.

Each tail is a generator of (name, type) that is sent every value as it is read, so that a count or a kind
that has just been read decides what comes next; the same generator drives building.

Source: ZigBee Smart Energy 1.2 (07-5356-19), annex D.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

__all__ = ["TAILS", "Tail"]

Tail = Generator[tuple[str, str], Any, None]


def _repeat(*parts: tuple[str, str]) -> Callable[[dict[str, Any]], Tail]:
    def tail(_: dict[str, Any]) -> Tail:
        index = 0
        while True:
            for name, kind in parts:
                yield f"{name}[{index}]", kind
            index += 1

    return tail


_DAY_ENTRY = {3: ("Friendly Credit Enable", "BOOL"), 4: ("Auxiliary Load Switch State", "BITMAP8")}


def _day_entries(values: dict[str, Any]) -> Tail:
    what = _DAY_ENTRY.get(values.get("Calendar Type", 0), ("Price Tier", "UINT8"))
    return _repeat(("Start Time", "UINT16"), what)(values)


def _block_thresholds(_: dict[str, Any]) -> Tail:
    group = 0
    while True:
        count = yield f"Tier / Number of Block Thresholds[{group}]", "BITMAP8"
        for index in range(count & 0x0F):
            yield f"Block Threshold[{group}][{index}]", "UINT48"
        group += 1


def _tiers(prefix: str, count: int) -> Tail:
    for index in range(count):
        yield f"{prefix}[{index + 1}] Summation", "UINT48"


def _blocks() -> Tail:
    nibbles = yield "Number of Tiers and Blocks in Use", "BITMAP8"
    for tier in range(max(1, nibbles >> 4)):
        for block in range(nibbles & 0x0F):
            yield f"Tier[{tier + 1}] Block[{block + 1}] Summation", "UINT48"


_BILLING = (
    ("Bill To Date", "UINT32"),
    ("Bill To Date Time Stamp", "UTCTime"),
    ("Projected Bill", "UINT32"),
    ("Projected Bill Time Stamp", "UTCTime"),
    ("Bill Trailing Digit", "BITMAP8"),
)


def _snapshot(values: dict[str, Any]) -> Tail:
    kind = values.get("Snapshot Payload Type", 0)
    if kind > 7:
        return
    yield "Current Summation", "UINT48"
    if kind < 4:
        yield from _BILLING
    count = yield "Number of Tiers in Use", "UINT8"
    yield from _tiers("Tier", count)
    if kind in (2, 3, 6, 7):
        yield from _blocks()


def _prepay_snapshot(values: dict[str, Any]) -> Tail:
    if values.get("Snapshot Payload Type", 0):
        return
    yield "Accumulated Debt", "INT32"
    for debt in (1, 2, 3):
        yield f"Type {debt} Debt Remaining", "UINT32"
    yield "Emergency Credit Remaining", "INT32"
    yield "Credit Remaining", "INT32"


_EVENTS = _repeat(
    ("Log ID", "UINT8"), ("Event ID", "UINT16"), ("Event Time", "UTCTime"), ("Event Data", "OCTETSTRING")
)


def _event_log(values: dict[str, Any]) -> Tail:
    yield "Log Payload Control", "BITMAP8"
    yield from _EVENTS(values)


def _event_configuration(values: dict[str, Any]) -> Tail:
    control = values.get("Configuration Control", 0)
    if control == 0:
        count = yield "Number of Events", "UINT8"
        for index in range(count):
            yield f"Event ID[{index}]", "UINT16"
    elif control == 1:
        yield "Event Group ID", "UINT16"
    elif control == 2:
        yield "Log ID", "UINT8"
    else:
        yield "Configuration Value Match", "UINT8"


TAILS: dict[str, Callable[[dict[str, Any]], Tail]] = {
    "Publish Event Log": _event_log,
    "PublishDayProfile": _day_entries,
    "PublishSeasons": _repeat(("Season Start Date", "DATE"), ("Week ID Ref", "UINT8")),
    "PublishSpecialDays": _repeat(("Special Day Date", "DATE"), ("Day ID Ref", "UINT8")),
    "PublishBlockThresholds": _block_thresholds,
    "PublishPriceMatrix": _repeat(("Tier / Block ID", "UINT8"), ("Price", "UINT32")),
    "Publish Prepay Snapshot": _prepay_snapshot,
    "Publish Snapshot": _snapshot,
    "Publish Debt Log": _repeat(
        ("Collection Time", "UTCTime"),
        ("Amount Collected", "UINT32"),
        ("Debt Type", "ENUM8"),
        ("Outstanding Debt", "UINT32"),
    ),
    "Publish Top Up Log": _repeat(
        ("Top Up Code", "OCTETSTRING"), ("Top Up Amount", "INT32"), ("Top Up Time", "UTCTime")
    ),
    "GetSampledDataResponse": _repeat(("Sample", "UINT24")),
    "SetEventConfiguration": _event_configuration,
    "Report Event Configuration": _repeat(("Event ID", "UINT16"), ("Event Configuration", "BITMAP8")),
}

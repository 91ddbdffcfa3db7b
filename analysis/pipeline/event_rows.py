"""Entries of devices' own logs that a message read: rows of the table `events`.

Sources: COSEM profile buffers of event logs (IEC 62056-6-2, class 7; the objects are named by the use-case annex of GBCS
4.0); Publish Event Log (ZSE 1.2 annex D.12) in GBZ.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

__all__ = ["event_rows"]

ENTRY = re.compile(
    r"(?P<log>\w*(?:Event|Security)Log)(?:\([^)]*\))?: buffer: \[(?P<entry>\d+)\]\.(?P<field>\w+)$"
    r"|Publish Event Log: log_payload\[(?P<number>\d+)\]\.(?P<part>\w+)$"
)
"""Objects of the table `items` that are a field of an entry."""
TIMES, CODES = ("timestamp", "event_time"), ("logCode", "event_id", "switchNumberAndAction")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def event_rows(message: Mapping[str, Any], items: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The log entries in a message.

    Args:
        message: its row of the table `messages`; `items`: those of `items`.
    """
    if message.get("cra") == "command":
        return
    entries: dict[tuple[str, int], list[tuple[str, Mapping[str, Any]]]] = {}
    for item in items:
        found = ENTRY.match(str(item.get("object") or ""))
        if found is not None:
            key = found["log"] or "EventLog", int(found["entry"] or found["number"] or 0)
            entries.setdefault(key, []).append((found["field"] or found["part"], item))
    for (log, entry), fields in entries.items():
        row = {"device": message.get("originator"), "log": log, "entry": entry, "message": message["message"]}
        yield row | _told(fields)


def _told(fields: list[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    rest = []
    for name, item in fields:
        value = item.get("value")
        if name in TIMES:
            row["time"] = _time_ns(value)
        elif name in CODES:
            number = item.get("number")
            row["code"] = None if number is None or number < 0 else int(number)
            row["name"] = _name(item)
        elif name == "log_id":
            row["log"] = str(item.get("unit") or value)
        elif value is not None:
            rest.append(f"{name} {value}")
    return row | ({"detail": ", ".join(rest)} if rest else {})


def _name(item: Mapping[str, Any]) -> str | None:
    """What an event is called, where the tables know it: else its code stands alone."""
    value = str(item.get("value") or "")
    return None if not value or re.fullmatch(r"(?:event )?[0-9a-fA-F]+", value) else value


def _time_ns(value: Any) -> int | None:
    """A time as items write it, in nanoseconds since 1970; None for one that is not given."""
    try:
        when = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
    return round((when - EPOCH).total_seconds()) * 10**9

"""The table of events: what devices' own logs say, when messages read them."""

from __future__ import annotations

import pandas as pd

from analysis.pipeline.decode import decode
from analysis.pipeline.event_rows import event_rows
from captures.simulated.scenarios import simulate


def test_logs_that_were_read() -> None:
    found = decode(
        simulate("proving-exercise", seconds=60, use_cases=["ECS35a", "ECS35e"]), tables=("events", "items")
    )
    events = found.events
    assert events.groupby("log").size().to_dict() == {"EventLog": 3, "PowerEventLog": 3}
    assert events.code.notna().all() and events.time.notna().all() and events.device.str.len().eq(16).all()
    first, items = events.iloc[0], found.items
    codes = items[(items.message == first.message) & items.object.str.endswith("logCode")]
    assert codes.number.tolist() == events[events.message == first.message].code.tolist()


def test_publish_event_log() -> None:
    message = {"message": 4, "cra": "response", "originator": "00" * 8}
    fields = {
        "log_id": ("1", 1.0),
        "event_id": ("Tamper Detect", 513.0),
        "event_time": ("2026-01-05T00:00:01Z", None),
    }
    items = [
        {"object": f"Publish Event Log: log_payload[0].{name}", "value": value, "number": number}
        for name, (value, number) in {**fields, "event_data": ("0102", None)}.items()
    ]
    (row,) = event_rows(message, items)
    assert (row["code"], row["name"], row["detail"]) == (513, "Tamper Detect", "event_data 0102")
    assert pd.Timestamp(row["time"], tz="UTC") == pd.Timestamp("2026-01-05T00:00:01Z")


def test_a_command_reads_nothing() -> None:
    item = {"object": "EventLog: buffer: [0].logCode", "value": "event 0030", "number": 48.0}
    assert not list(event_rows({"message": 1, "cra": "command"}, [item]))

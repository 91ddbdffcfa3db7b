"""Alerts that must follow and did not: the outcome of a command for later, an event that a device wrote into its log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from analysis.features.identifiers import ALERTS
from analysis.features.judging import mask, plural, stacked
from analysis.features.readings import home_clock
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.rules.compliance.gbcs_execution import DATED
from analysis.rules.compliance.gbcs_messages import carried_out, gbcs, message_items, party
from analysis.rules.registry import rule
from dissectors.gbcs import alert_codes

OUTCOMES = ALERTS.some(
    "Future-date HAN Interface Command Successfully Actioned",
    "Future-date HAN Interface Command not Successfully Actioned",
)
EXECUTED = r"(?:.*\.)?execution_time"
ALERT_FRAMES = 4  # of most alerts, with what carries them
SHARED: dict[str, Any] = {
    "family": "compliance", "area": "alerts", "severity": "warning", "smart_energy": True, "absent": ALERT_FRAMES,
    "cause": "refused command",
}  # fmt: skip


def _ahead(view: View) -> float:
    """Seconds by which the home's clock is ahead of the capture's: as the hub serves it, else by alerts."""
    served = home_clock(view)
    if served is not None:
        return served
    times = message_items(view, ".*", "alert", "alert time")
    offsets = [
        when - view.start_ns / 1e9 - seconds
        for value, seconds in zip(times["value"], times["seconds"], strict=True)
        if (when := _seconds_of(value)) is not None
    ]
    return float(np.median(offsets)) if offsets else 0.0


def _seconds_of(value: Any) -> float | None:
    """Seconds since 1970 of a date as items write it (UTC); None where it is none."""
    text = str(value)
    try:
        when = datetime.strptime(text, "%Y%m%d%H%M%SZ") if text.endswith("Z") and text[:8].isdigit() else (
            datetime.fromisoformat(text)
        )  # fmt: skip
    except ValueError:
        return None
    return (when.replace(tzinfo=UTC) if when.tzinfo is None else when).timestamp()


@rule(
    "dated-command-unreported",
    "A command's later date passed, and its device does not say what came of it",
    finds="""Commands that a device took for a later time, whose date lies in the capture, and no alert of the device that
    they were or were not carried out within two wakes of a gas meter.""",
    matters="The supplier does not know whether the new tariff, payment mode or firmware is in force.",
    example="""Electricity meter (90b3d5fffe0000a0): took ECS01a (message 12) for 2026-01-05 02:00:00, and raised
    neither alert 0x8f66 nor 0x8f67 since""",
    source="GBCS v0.8.1 11.5 (result later), use cases FDR (0x00CC, 0x00CD); alert list (0x8F66, 0x8F67: mandated)",
    confidence="derived",
    advice="Read what is in force (tariff, payment mode, version) and send the command again if it is not",
    needs=("messages", "items"), requires="a command for later that was taken, and an hour behind its date",
    broken_by="ordinary-day --fault dated-command-silent --seconds 9000", **SHARED,
)  # fmt: skip
def dated_command_unreported(view: View, *, seconds: float = 3900.0) -> Iterator[Evidence]:
    """Each command for later whose date has come."""
    dated = [message_items(view, ".*", "command", pattern) for pattern in (DATED, EXECUTED)]
    rows = stacked(dated)
    rows = rows[mask(rows["message"].isin(carried_out(view)))]
    clock = _ahead(view) if len(rows) else 0.0
    alerts = gbcs(view, "alert")
    alerts = alerts[mask(alerts["alert_code"].isin(OUTCOMES))]
    for message, part in rows.groupby("message", sort=False):
        when = [found for value in part["value"] if (found := _seconds_of(value)) is not None]
        due = max(when, default=0.0) - view.start_ns / 1e9 - clock
        row = part.iloc[0]
        if due <= row["seconds"] + 1 or due + seconds > view.duration:
            continue
        told = alerts[mask(alerts["originator"] == row["recipient"])]
        told = told[mask(told["seconds"] >= due - 60) & mask(told["seconds"] <= due + seconds)]
        name = f"{row['use_case']} (message {int(message)}) for {_date(max(when))}"
        if len(told):
            yield kept(party(row["recipient"]), f"took {name}, and said what came of it")
        else:
            text = f"took {name}, and raised neither alert {OUTCOMES[0]:#06x} nor {OUTCOMES[1]:#06x} since"
            yield broken(party(row["recipient"]), text, row["frames"])


def _date(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


@rule(
    "logged-without-alert",
    "A device logged an event and did not raise its alert",
    finds="""Entries of a device's own log, read by a command, of an event that GBCS has an alert for that must be sent;
    the event lies in the capture, and no alert with its code was heard of the device around it.""",
    matters="The party that must act on it (outage, tampering, failed checks) never learns of it.",
    example="""Electricity meter (90b3d5fffe0000a0): 2 events of 0x8f3f "Unauthorised Physical Access - Tamper
    Detect" in its log since 2026-01-05 00:10:00, and no alert of it""",
    source="alert codes of GBCS section 16 (dissectors/gbcs/tables/alert_codes.csv: mandated, wan_alert)",
    confidence="secondary",
    advice="See whether the alert is enabled at the device (event configuration), and whether its tunnel worked then",
    needs=("messages", "items", "events"), requires="a log that was read, with an event of the time of the capture",
    broken_by="ordinary-day --fault logged-not-alerted --seconds 9000", **SHARED,
)  # fmt: skip
def logged_without_alert(view: View, *, before: float = 300.0, after: float = 3900.0) -> Iterator[Evidence]:
    """Each device and code."""
    must = {one.code: one for one in alert_codes().values() if one.must}
    rows = view.tables["events"]
    rows = rows[mask(rows["code"].isin(must)) & mask(rows["time"].notna()) & mask(rows["device"].notna())]
    if not len(rows):
        return
    messages = view.tables["messages"][["message", "seconds", "frames"]].rename(columns={"seconds": "read"})
    clock = _ahead(view)
    at = rows["time"].astype("int64") / 1e9 - view.start_ns / 1e9 - clock
    rows = rows.assign(at=at).merge(messages, on="message")
    rows = rows[
        mask(rows["at"] >= before)
        & mask(rows["at"] + after <= view.duration)
        & mask(rows["at"] <= rows["read"] + 60)
    ]
    alerts = gbcs(view, "alert")
    for (device, code), part in rows.drop_duplicates(["device", "code", "time"]).groupby(
        ["device", "code"], sort=False
    ):
        told = alerts.loc[
            mask(alerts["originator"] == device) & mask(alerts["alert_code"] == code), "seconds"
        ]
        lost = part[[not _around(told, when - before, when + after) for when in part["at"]]]
        name = f'{int(code):#06x} "{must[int(code)].name}"'
        if lost.empty:
            yield kept(
                party(device), f"{plural(len(part), 'event')} of {name} in its log, each with its alert"
            )
            continue
        first = pd.Timestamp(lost["time"].min())
        text = f"{plural(len(lost), 'event')} of {name} in its log since {first:%Y-%m-%d %H:%M:%S}, and no alert of it"
        severity = "info" if must[int(code)].severity == "info" else "warning"
        yield broken(party(device), text, sorted({f for frames in lost["frames"] for f in frames}), severity)


def _around(told: Frame, start: float, end: float) -> bool:
    return bool(((told >= start) & (told <= end)).any())

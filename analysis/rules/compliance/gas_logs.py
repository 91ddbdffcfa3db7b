"""Logs of the gas meter: what it pushes to the gas proxy at midnight, after a top-up, and how it records commands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from analysis.features.identifiers import CLUSTERS, Command, FieldName, enumeration, to_client
from analysis.features.judging import mask
from analysis.features.readings import home_clock, undated
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.compliance.han_commands import (
    ACCEPTED,
    METERING,
    PREPAYMENT,
    READ,
    TO_CLIENT,
    TO_SERVER,
    commands,
    commands_on,
    field_of,
)
from analysis.rules.named_rows import ClusterCommands
from analysis.rules.registry import rules_of

rule = rules_of("compliance", "gas logs")

DAY, WAKE = 86_400.0, 1800.0
EVENTS, DEVICE_MANAGEMENT = CLUSTERS.some("Events", "Device Management")
SNAPSHOT = to_client(METERING, "Publish Snapshot")
PREPAY_SNAPSHOT = to_client(PREPAYMENT, "Publish Prepay Snapshot")
TOP_UP_LOG, TOP_UP_ANSWER = (
    to_client(PREPAYMENT, "Publish Top Up Log"),
    to_client(PREPAYMENT, "Consumer Top Up Response"),
)
RESULT, CAUSE, PREPAY_CAUSE = (
    TOP_UP_ANSWER.field("result_type"), SNAPSHOT.field("snapshot_cause"), PREPAY_SNAPSHOT.field("snapshot_cause"),
)  # fmt: skip
GENERAL = enumeration("SnapshotCause")["General"]  # of the daily snapshot
EVENT, EVENT_LOG = to_client(EVENTS, "Publish Event"), to_client(EVENTS, "Publish Event Log")
EVENT_ID, EVENT_DATA = EVENT.field("event_id"), EVENT.field("event_data")
IN_A_LOG = EVENT_LOG.field(f"log_payload.{EVENT_ID}"), EVENT_LOG.field(f"log_payload.{EVENT_DATA}")
COMMAND_EVENTS = {0x0054, 0x0055}  # immediate or future dated HAN interface command received (or actioned)
GAS: dict[str, Any] = {"smart_energy": True, "needs": ("commands", "devices"), "cause": "silence"}


def _midnights(view: View) -> list[float]:
    """Seconds at which a UTC day begins within the capture; of one whose times are no date, by the hub's clock."""
    ahead = home_clock(view) if undated(view) else 0.0
    if ahead is None:
        return []
    first = DAY - (view.start_ns / 1e9 + ahead) % DAY
    return np.arange(first, view.duration, DAY).tolist()


def _snapshots(view: View, command: Command, cause_field: FieldName, wait: float) -> Iterator[Evidence]:
    """Per gas meter that pushes snapshots: whether one with the general cause follows each midnight."""
    rows = commands(view, command)
    rows = rows[mask(rows["source"].isin(list(view.with_role("GSME"))))]
    cause = field_of(view, rows, cause_field).fillna(0).to_numpy(dtype=float).astype(np.int64)
    rows = rows.assign(daily=cause & GENERAL != 0)
    due = [m for m in _midnights(view) if m + wait <= view.duration]
    for source, part in rows.groupby(rows["source"].astype("UInt64"), sort=False):
        times = part.loc[mask(part["daily"]), "seconds"].to_numpy(dtype=float)
        if not due:
            continue
        missed = [m for m in due if not ((times >= m - 60) & (times <= m + wait)).any()]
        if missed:
            text = f"{len(missed)} of {len(due)} midnights without a snapshot of cause General"
            yield broken(Subject.device(source), text, part["frame"])
        else:
            yield kept(Subject.device(source), f"a snapshot after each of {len(due)} midnights")


@rule(
    "gas-daily-snapshot",
    "The gas meter did not push its snapshot at midnight",
    severity="info",
    source="GBCS v0.8.1 10.4.2.1",
    confidence="text",
    merges=("spec:R059", "disapplied:22"),
    unseen="PublishSnapshot commands of a gas meter (role GSME) in a capture over midnight UTC",
    advice="Billing lacks the reading of that day: see whether the meter woke after midnight",
    **GAS,
)
def gas_daily_snapshot(view: View, *, wait: float = 2.2 * WAKE) -> Iterator[Evidence]:
    """At 00:00 UTC the gas meter takes a snapshot of cause General and pushes it unasked when it next wakes.
    Judged for meters that push snapshots at all within the capture."""
    yield from _snapshots(view, SNAPSHOT, CAUSE, wait)


@rule(
    "gas-prepay-snapshot",
    "The gas meter did not push its prepayment snapshot at midnight",
    severity="info",
    source="GBCS v0.8.1 10.4.2.2",
    confidence="text",
    merges=("spec:R061",),
    unseen="PublishPrepaySnapshot commands of a gas meter (role GSME) in a capture over midnight UTC",
    advice="Only meters in prepayment mode do: see its payment mode, then whether it woke after midnight",
    **GAS,
)
def gas_prepay_snapshot(view: View, *, wait: float = 2.2 * WAKE) -> Iterator[Evidence]:
    """In prepayment mode the gas meter pushes a prepayment snapshot each midnight UTC. A meter that pushes
    such snapshots is taken to be in that mode."""
    yield from _snapshots(view, PREPAY_SNAPSHOT, PREPAY_CAUSE, wait)


@rule(
    "gas-top-up-log",
    "The gas meter did not push its top-up log after a top-up",
    severity="info",
    source="GBCS v0.8.1 10.4.2.5",
    confidence="text",
    merges=("spec:R064",),
    unseen="an accepted top-up of a gas meter (role GSME), and the two wake-ups after it",
    advice="Displays show old top-ups until the log comes: see whether the meter woke since",
    **GAS,
)
def gas_top_up_log(view: View, *, wait: float = 2.2 * WAKE) -> Iterator[Evidence]:
    """After each valid top-up the gas meter pushes its last five top-ups to the gas proxy."""
    answers = commands(view, TOP_UP_ANSWER)
    answers = answers[mask(answers["source"].isin(list(view.with_role("GSME"))))]
    answers = answers[mask(field_of(view, answers, RESULT).isin(ACCEPTED))]
    logs = commands(view, TOP_UP_LOG)
    for row in answers.itertuples():
        if row.seconds + wait > view.duration:
            continue
        mine = logs[mask(logs["source"] == row.source) & mask(logs["seconds"] >= row.seconds)]
        subject = Subject.device(row.source)
        if (mine["seconds"] <= row.seconds + wait).any():
            yield kept(subject, f"pushed its log after the top-up at frame {row.frame}")
        else:
            yield broken(subject, f"no PublishTopUpLog within {wait:,.0f} s", [row.frame])


@rule(
    "command-event-data",
    "A logged command without its message code",
    severity="info",
    source="GBCS v0.8.1 (event codes 0x0054, 0x0055)",
    confidence="text",
    merges=("spec:R075",),
    needs=(ClusterCommands("Events", "to-client"),),
    smart_energy=True,
    unseen="PublishEventLog or PublishEvent commands with an event 0x0054 or 0x0055",
    advice="The log does not tell which command it was: tell the maker of the device",
)
def command_event_data(view: View) -> Iterator[Evidence]:
    """Events 0x0054 and 0x0055 say that a command came in. Their event data is the message code of that
    command: two octets."""
    fields = view.command_rows("zcl", [EVENT.id, EVENT_LOG.id])
    fields = fields.only(cluster=EVENTS, direction=TO_CLIENT)
    if fields.empty:
        return
    names = fields["field"].astype(str)
    entry = fields["frame"].astype(str) + "/" + names.str.replace(r"\.?[^.]*$", "", regex=True)
    event, content = mask(names.str.endswith(EVENT_ID)), mask(names.str.endswith(EVENT_DATA))
    codes = dict(zip(entry[event], fields["number"][event], strict=True))
    data = fields[content]
    data = data[mask([codes.get(e) in COMMAND_EVENTS for e in entry[content]])]
    octets = data["value"].astype(str).str.replace(r"^0x|[: -]", "", regex=True)
    for source, part in data.groupby(data["source"].astype("UInt64"), sort=False):
        here = octets[part.index]
        bad = part[mask(here.str.len() != 4)]
        if len(bad):
            yield broken(
                Subject.device(source), f"{len(bad)} of {len(part)} without two octets", bad["frame"]
            )
        else:
            yield kept(Subject.device(source), f"{len(part)} with the message code")


def _reads(view: View, cluster: int) -> Frame:
    rows = view.attributes
    return rows[mask(rows["cluster"] == cluster) & mask(rows["command"] == READ)]


@rule(
    "change-of-tenancy-read",
    "A display does not ask about a change of tenancy",
    severity="info",
    source="SECMP0056 (later versions of GBCS)",
    confidence="secondary",
    merges=("spec:R179",),
    needs=("packets", "devices"),
    smart_energy=True,
    unseen="a display (role IHD or PPMID) that is heard for more than a day",
    advice="It may show the last tenant's data: see its firmware version",
)
def change_of_tenancy_read(view: View, *, seconds: float = DAY) -> Iterator[Evidence]:
    """Displays ask meters and gas proxy (Device Management cluster, 0x0708) whether the tenant changed, so that
    they hide what came before."""
    packets = view.good
    reads = _reads(view, DEVICE_MANAGEMENT)
    asked = commands_on(view, DEVICE_MANAGEMENT, TO_SERVER)
    for device in sorted(view.with_role("IHD", "PPMID")):
        mine = packets[mask(packets["origin"] == device)]
        if len(mine) < 2 or float(mine["seconds"].iloc[-1] - mine["seconds"].iloc[0]) < seconds:
            continue
        frames = [
            *reads["frame"][mask(reads["source"] == device)],
            *asked["frame"][mask(asked["source"] == device)],
        ]
        if frames:
            yield kept(Subject.device(device), f"asked {len(frames)} times")
        else:
            yield broken(Subject.device(device), "never asked within a day", mine["frame"][:1])

"""Alerts that must follow what is heard on the HAN (`events.csv`), and did not."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np

from analysis.features.completeness import completeness
from analysis.features.identifiers import ALERTS, CLUSTERS, attribute, command
from analysis.features.judging import mask, plural
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.anomalies.message_flow import pieces
from analysis.rules.compliance.gbcs_messages import carried_out, gbcs, station_of
from analysis.rules.registry import rule
from dissectors.layout import rows_in

WAKES = 3900.0  # seconds in which a gas meter wakes twice
BEFORE = 60.0
ALERT_FRAMES, CHANCE = (
    3,
    0.001,
)  # of a signed alert at least, and how probable it may be that none of them was heard


class _Row(NamedTuple):
    """A row of the table, with the codes of its alerts."""

    event: str
    kind: str
    roles: tuple[str, ...]
    cluster: str
    direction: str
    what: str
    field: str
    numbers: tuple[int, ...]
    alerts: tuple[int, ...]
    within: float
    proof: str
    least: str


class _Event(NamedTuple):
    """What happened to whom: from when on an alert counts, when it is due to be there, and the frames that show it."""

    device: int
    since: float
    due: float
    frames: list[int]


@cache
def _rows() -> tuple[_Row, ...]:
    return tuple(
        _Row(
            row["event"], row["kind"], tuple(row["roles"].split("|")), row["cluster"], row["direction"], row["what"],
            row["field"], tuple(int(one) for one in row["numbers"].split("|") if one),
            tuple(ALERTS.some(*row["alerts"].split("|"))), float(row["within"]), row["proof"], row["least"],
        )
        for row in rows_in("analysis.rules.alerts", "events")
    )  # fmt: skip


@rule(
    "alert-not-raised",
    "Something happened, and its alert did not come",
    finds="""A meter that was installed and commissioned, that says by its status that it is tampered with, or that took a
    top-up, and of which no alert that must follow was heard, though other messages of it were.""",
    matters="The party that must act on it never learns of it: its alerts are switched off, or do not get through.",
    example="""Electricity meter (90b3d5fffe0000a0): says that it is tampered with (frame 812), and raised none of
    0x8f3f, 0x8f73, 0x8f74, 0x8f75, 0x8f76, 0x8f77, 0x8f78 within 3,900 s; 4 other messages of it were heard""",
    source="events and their alerts (analysis/rules/alerts/events.csv, source of each)",
    confidence="derived",
    advice="Read the device's event log and its alert settings (ECS25a); see whether its tunnel worked then",
    needs=("packets", "messages"),
    requires="such an event, and its time behind it", hearing=True, family="compliance", area="alerts",
    severity="warning", smart_energy=True, cause="refused command",
    broken_by="home: a tampered meter raises no alert",
)  # fmt: skip
def alert_not_raised(view: View) -> Iterator[Evidence]:
    """Each event of each row. It informs where nothing was heard that would show that alerts get through, and where the
    sniffer may have missed all pieces of one."""
    said = gbcs(view)
    if said.empty:
        return
    stations = [station_of(one) for one in said["originator"]]
    own = said.assign(station=[-1 if one is None else one for one in stations])
    for row in _rows():
        for event in _events(view, row):
            mine = own[mask(own["station"] == event.device) & mask(own["seconds"] >= event.since - BEFORE)]
            if event.due <= view.duration and len(mine):
                yield _judged(view, row, event, mine)


def _judged(view: View, row: _Row, event: _Event, mine: Frame) -> Evidence:
    raised, subject = mine[mask(mine["cra"] == "alert")], Subject.device(event.device)
    right = raised[mask(raised["alert_code"].isin(row.alerts)) & mask(raised["seconds"] <= event.due)]
    if len(right):
        code = int(right["alert_code"].iloc[0])
        return kept(subject, f"{row.event} (frame {event.frames[0]}), and raised {code:#06x}")
    torn = pieces(view, event.device, 0.0).times
    if any(event.since - BEFORE <= when <= event.due for when in torn):
        return kept(subject, f"{row.event}; a piece of a message of it was heard, perhaps of its alert")
    codes = ", ".join(f"{code:#06x}" for code in row.alerts)
    none = "did not raise" if len(row.alerts) == 1 else "raised none of"
    text = (
        f"{row.event} (frame {event.frames[0]}), and {none} {codes} within {event.due - event.since:,.0f} s"
    )
    text += f"; {plural(len(mine), 'other message')} of it {'was' if len(mine) == 1 else 'were'} heard"
    missed = completeness(view).missed(event.device)
    if missed**ALERT_FRAMES >= CHANCE:
        text += f" (the sniffer missed about {missed:.0%} of its frames)"
    proved = len(raised if row.proof == "alert" else mine) > 0 and missed**ALERT_FRAMES < CHANCE
    return broken(subject, text, event.frames, row.least if proved else "info")


def _events(view: View, row: _Row) -> Iterator[_Event]:
    kinds = {"join": _joins, "bit": _bits, "field": _fields}
    for event in kinds[row.kind](view, row):
        role = view.roles.get(event.device)
        if role in row.roles:
            longer = max(event.due, event.since + WAKES) if role == "GSME" else event.due
            yield event._replace(due=longer)


def _joins(view: View, row: _Row) -> Iterator[_Event]:
    """Devices that joined in the capture and carried out the command that follows their alert."""
    rows = view.exchanges
    joins = _known(
        rows[mask(rows["kind"] == "join") & mask(rows["outcome"] == "ok")],
        "initiator",
        "start",
        "first_frame",
    )
    if joins.empty:
        return
    given = gbcs(view, "command")
    given = given[
        mask(given["use_case"].isin(row.what.split("|"))) & mask(given["message"].isin(carried_out(view)))
    ]
    recipients = [station_of(one) for one in given["recipient"]]
    for device, part in joins.groupby("initiator", sort=False):
        start = part["start"].iloc[-1].value / 1e9 - view.start_ns / 1e9
        mine = given[np.array([one == int(device) for one in recipients], np.bool_)]
        mine = mine[mask(mine["seconds"] > start)]
        if len(mine):
            yield _Event(
                int(device),
                start,
                float(mine["seconds"].iloc[0]) + row.within,
                [int(part["first_frame"].iloc[-1])],
            )


def _bits(view: View, row: _Row) -> Iterator[_Event]:
    """Where a bit is set that was not: of a device that has told it without before."""
    cluster = CLUSTERS[row.cluster]
    rows = view.tables["attributes"].only(cluster=cluster, attribute=[attribute(cluster, row.what)])
    rows = _known(rows, "number", "source", "seconds", "frame")
    for _, part in rows.groupby("source", sort=False):
        last = False
        for place, number in enumerate(part["number"].tolist()):
            now = bool(int(number) & row.numbers[0])
            if now and not last and place:
                yield _at(part, place, row)
            last = now


def _fields(view: View, row: _Row) -> Iterator[_Event]:
    """Commands of devices that say one of some numbers."""
    known = command(CLUSTERS[row.cluster], row.direction, row.what)
    rows = view.command_rows("zcl").only(cluster=known.cluster, command=[known.id], direction=known.direction)
    if len(rows):
        rows = rows[mask(rows["field"] == known.field(row.field)) & mask(rows["number"].isin(row.numbers))]
    rows = _known(rows, "source", "seconds", "frame") if len(rows) else rows
    for place in range(len(rows)):
        yield _at(rows, place, row)


def _known(rows: Frame, *columns: str) -> Frame:
    """Rows in which all of some columns have a value."""
    for column in columns:
        rows = rows[mask(rows[column].notna())]
    return rows


def _at(rows: Frame, place: int, row: _Row) -> _Event:
    since = float(rows["seconds"].iloc[place])
    return _Event(
        int(rows["source"].iloc[place]), since, since + row.within, [int(rows["frame"].iloc[place])]
    )

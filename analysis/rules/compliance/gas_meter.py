"""The gas meter's rhythm: half-hourly readings, its mirror, how often it wakes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from analysis.features.completeness import completeness, improbable
from analysis.features.identifiers import CLUSTERS, attribute, to_client, to_server
from analysis.features.judging import count, judge, mask, plural
from analysis.features.polls import POLL
from analysis.features.presence import pauses_of_all
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.compliance.han_commands import (
    KEY_ESTABLISHMENT,
    METERING,
    OTA,
    PREPAYMENT,
    REPORT,
    TO_SERVER,
    TUNNELING,
    attributes_of,
    commands,
    commands_on,
)
from analysis.rules.named_rows import Attribute, ClusterCommands
from analysis.rules.registry import rules_of

rule = rules_of("compliance", "gas meter")

GAS_VALUES = (
    (METERING, attribute(METERING, "CurrentSummationDelivered")),
    (METERING, attribute(METERING, "CurrentAlternativeDayAlternativeConsumptionDelivered")),
    (PREPAYMENT, attribute(PREPAYMENT, "CurrentDayCostConsumptionDelivered")),
)
BASIC = CLUSTERS["Basic"]
PHYSICAL_ENVIRONMENT = attribute(BASIC, "PhysicalEnvironment")
FAST_POLL, MIRROR = to_server(METERING, "Request Fast Poll Mode"), to_client(METERING, "Request Mirror")
SHOWN: dict[str, Any] = {"smart_energy": True}


def _gas_reports(view: View) -> Frame:
    rows = attributes_of(view, METERING)
    gas = list(view.with_role("GSME"))
    return rows[mask(rows["command"] == REPORT) & mask(rows["source"].isin(gas))].drop_duplicates("frame")


@rule(
    "gas-half-hour",
    "The gas meter does not report every half hour",
    severity="warning",
    hearing=True,
    source="GBCS v0.8 10.4.2.8; SECMP0015",
    confidence="text",
    merges=("rules:A01", "spec:R067", "spec:R178", "spec:R089"),
    needs=(Attribute("Metering"), "devices"),
    cause="silence",
    unseen="two reports of a gas meter (role GSME)",
    advice="Weak link, flat battery, or a meter that was told another interval",
    **SHOWN,
)
def gas_half_hour(view: View, *, interval: float = 1800.0, missed: float = 2.2) -> Iterator[Evidence]:
    """The gas meter wakes each half hour and pushes its readings to the gas proxy. A gap of more than two
    intervals in which others were heard, or silence until the end of the capture, is a fault; where the sniffer may
    have missed as many reports as lack, it informs."""
    rows, air = _gas_reports(view), completeness(view)
    for source, part in rows.groupby("source", sort=False):
        times = part["seconds"].to_numpy(dtype=float)
        if view.duration - times[0] < missed * interval:
            continue
        edges = np.r_[times, view.duration]
        gaps = np.diff(edges)
        for start, end in pauses_of_all(view).tolist():  # no time at all, or the sniffer heard nobody
            if start >= edges[0]:
                gaps[int(np.searchsorted(edges[:-1], start, side="right")) - 1] -= end - start
        long = gaps > missed * interval
        subject = Subject.device(source)
        if long.any():
            text = (
                f"{plural(int(long.sum()), 'gap')} of up to {gaps.max():,.0f} s, expected {interval:,.0f} s"
            )
            lacking = max(
                round(float(gaps.max()) / interval) - 1, 1
            )  # in a row, each of them unheard by chance
            chance = air.missed(int(source)) ** lacking
            maybe = air.may_explain(int(source), 1, 1) and not improbable(1, len(part) + lacking, chance)
            around = long | np.r_[False, long[:-1]]  # the report before each gap, and the one behind it
            yield broken(subject, text, part["frame"][around], "info" if maybe else None)
        else:
            yield kept(subject, f"{plural(len(part), 'report')}, no gap above {gaps.max():,.0f} s")


@rule(
    "gas-three-values",
    "A gas report lacks one of its three values",
    severity="info",
    source="GBCS v0.8 10.4.2.8",
    confidence="text",
    merges=("spec:R067", "rules:A01"),
    needs=(Attribute("Metering"), "devices"),
    unseen="readable half-hourly reports of a gas meter",
    advice="Volume, energy of the day and cost of the day belong together",
    **SHOWN,
)
def gas_three_values(view: View, *, seconds: float = 20.0) -> Iterator[Evidence]:
    """Each half hour the gas meter pushes three values together: the volume, the energy of the day and the
    cost of the day. When one is missing, displays show figures that do not fit each other."""
    rows = view.attributes
    rows = rows[mask(rows["command"] == REPORT) & mask(rows["source"].isin(list(view.with_role("GSME"))))]
    keys = list(zip(rows["cluster"].fillna(0), rows["attribute"].fillna(0), strict=True))
    starts = np.r_[True, np.diff(rows["seconds"].to_numpy(dtype=float)) > seconds]
    burst = np.cumsum(starts[: len(keys)])
    reports = 0
    lacking: list[int] = []
    for _, part in rows[["frame"]].assign(key=keys, burst=burst).groupby("burst"):
        got = set(part["key"])
        if GAS_VALUES[0] not in got:
            continue
        reports += 1
        if not set(GAS_VALUES) <= got:
            lacking.append(int(part["frame"].iloc[0]))
    if reports > 2 and len(lacking) == reports:
        yield broken("gas meter", f"none of {plural(reports, 'report')} holds all three values", lacking)
    elif reports > 2:
        yield kept(
            "gas meter", f"{reports - len(lacking)} of {plural(reports, 'report')} hold all three values"
        )


@rule(
    "mirror-capacity",
    "The gas proxy says that it has no room for a mirror",
    severity="info",
    source="ZSE metering cluster (mirroring); code comment in a stack's meter mirror",
    confidence="derived",
    merges=("spec:R090", "disapplied:21"),
    needs=(Attribute("Basic"),),
    cause="silence",
    unseen="PhysicalEnvironment (cluster 0x0000, attribute 0x0011) of the hub",
    advice="A gas meter does not ask for its mirror then: restart the hub, and see which mirror it holds",
    **SHOWN,
)
def mirror_capacity(view: View) -> Iterator[Evidence]:
    """Bit 0 of PhysicalEnvironment says that a mirror can be had. A hub under GBCS never clears it: a gas meter that
    finds it cleared does not join its mirror."""
    rows = attributes_of(view, BASIC, PHYSICAL_ENVIRONMENT)
    rows = rows[mask(rows["source"].isin(list(view.hub_addresses()))) & mask(rows["number"].notna())]
    full = rows["number"].to_numpy(dtype=float).astype(int) & 1 == 0
    yield from judge(view, rows, full, "{bad} without room for a mirror", "source", "with room for a mirror")


@rule(
    "gas-fast-wake",
    "The gas meter is woken all the time",
    severity="error",
    source="attack: sleep deprivation by fast poll",
    confidence="secondary",
    merges=("attacks:A35",),
    needs=("packets", "devices"),
    cause="battery drain",
    unseen="polls of a gas meter (role GSME)",
    advice="Find what keeps it awake: stay-awake flags, fast poll requests, or frames that never end",
    **SHOWN,
)
def gas_fast_wake(
    view: View,
    *,
    gap: float = 60.0,
    minutes: float = 6.0,
    polls: float = 8.0,
    slow: float = 20.0,
    whole: float = 0.9,
    unheard: float = 4.0,
) -> Iterator[Evidence]:
    """A gas meter that polls without a minute's pause for more than six minutes drains its battery, where it
    has no message to fetch and no firmware on its way for so long, or polls far more often than such frames come. One
    that does so at leisure in all of the capture only informs."""
    packets = view.good
    rows = packets[mask(packets["sender"].isin(list(view.with_role("GSME"))))]
    busy = rows[mask(rows["aps_cluster"].isin([TUNNELING, OTA]))]["seconds"].to_numpy(dtype=float)
    for sender, part in rows.groupby("sender", sort=False):
        times = part["seconds"].to_numpy(dtype=float)
        runs = np.split(np.arange(len(times)), np.flatnonzero(np.diff(times) > gap) + 1)
        awake = [r for r in runs if times[r[-1]] - times[r[0]] > minutes * 60]
        polled = np.cumsum(mask(part["mac_command"] == POLL))
        idle, pauses = [], [0.0]
        for r in awake:
            within = busy[(busy >= times[r[0]]) & (busy <= times[r[-1]])]
            fetched = len(within)
            pause = np.diff(np.r_[times[r[0]], np.sort(within), times[r[-1]]]).max()
            if pause > minutes * 60 or fetched <= minutes or polled[r[-1]] - polled[r[0]] > polls * fetched:
                idle.append(r)
                pauses.append(float(pause))
        subject = Subject.device(sender)
        if idle:
            longest = max(times[r[-1]] - times[r[0]] for r in idle)
            frames = np.concatenate([part["frame"].to_numpy()[r] for r in idle])
            text = f"awake for up to {longest:,.0f} s, {max(pauses):,.0f} s at a time with nothing to fetch"
            asked = times[mask(part["mac_command"] == POLL)]
            every = float(np.median(np.diff(asked))) if len(asked) > 1 else 0.0
            lasts = sum(float(times[r[-1]] - times[r[0]]) for r in idle)
            paces = np.diff(asked)
            paced = float(paces[paces <= unheard * every].sum())  # polls that were not heard between them
            own = every >= slow and max(lasts, paced) >= whole * (
                times[-1] - times[0]
            )  # never otherwise: its maker's pace
            text += f"; it asks every {every:,.0f} s in all of the capture" if own else ""
            yield broken(subject, text, frames, "info" if own else None)
        else:
            yield kept(subject, f"{plural(len(runs), 'wake-up')}, none long and idle")


@rule(
    "fast-poll-request",
    "Fast polling is asked for",
    severity="info",
    source="ZSE metering cluster; attack: sleep deprivation",
    confidence="secondary",
    merges=("attacks:A35",),
    needs=(ClusterCommands("Metering", "to-server"),),
    cause="battery drain",
    unseen="commands of the metering cluster",
    advice="Displays ask now and then; many requests drain a battery",
    **SHOWN,
)
def fast_poll_request(view: View, *, requests: int = 5, window: float = 3600.0) -> Iterator[Evidence]:
    """RequestFastPollMode makes a meter update more often for a while. Several an hour from one device are
    too many."""
    rows = commands_on(view, METERING, TO_SERVER)
    for source, part in rows.groupby("source", sort=False):
        fast = part[mask(part["command"] == FAST_POLL.id)]
        times = fast["seconds"].to_numpy(dtype=float)
        most = max((int(((times >= t) & (times < t + window)).sum()) for t in times), default=0)
        if most > requests:
            yield broken(Subject.device(source), f"{most} requests within an hour", fast["frame"], "warning")
        else:
            yield kept(Subject.device(source), f"{plural(len(fast), 'request')} for fast polling")


@rule(
    "mirror-before-reports",
    "Gas data before there is a mirror",
    severity="warning",
    source="GBCS v0.8 10.2.2.2",
    confidence="text",
    merges=("rules:A06", "spec:R045", "spec:R048", "disapplied:20"),
    needs=("attributes", "commands", "devices"),
    absent=1,
    unseen="a gas meter that joins within the capture and reports",
    advice="The order is key establishment, RequestMirror, ConfigureMirror, tunnel, then reports",
    **SHOWN,
)
def mirror_before_reports(view: View) -> Iterator[Evidence]:
    """After key establishment the gas meter asks for a mirror; it reports only when the gas proxy is in its
    device log."""
    gas = list(view.with_role("GSME"))
    joined = commands_on(view, KEY_ESTABLISHMENT)
    joined = joined[mask(joined["source"].isin(gas))]
    reports = _gas_reports(view)
    mirrors = commands(view, MIRROR)
    for source, part in joined.groupby("source", sort=False):
        first = float(part["seconds"].min())
        mine = reports[mask(reports["source"] == source) & mask(reports["seconds"] > first)]
        asked = mirrors[mask(mirrors["source"] == source) & mask(mirrors["seconds"] > first)]
        if mine.empty:
            continue
        start = float(asked["seconds"].min()) if len(asked) else np.inf
        early = mine[mask(mine["seconds"] < start)]
        if len(early):
            yield broken(
                Subject.device(source),
                f"{count(early)} of reports before a mirror was asked for",
                early["frame"],
            )
        else:
            yield kept(Subject.device(source), "asked for its mirror before it reported")

"""The clock of the home: who serves the time, whether it is right, whether meters ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.features.identifiers import CLUSTERS, attribute
from analysis.features.judging import judge, mask, plural
from analysis.features.readings import elapsed, set_forward, undated
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.compliance.han_commands import READ, TO_CLIENT, attributes_of
from analysis.rules.expression import c
from analysis.rules.named_rows import Attribute
from analysis.rules.registry import rules_of
from analysis.rules.rows import packets

rule = rules_of("compliance", "clock")

EPOCH = 946_684_800
TIME = CLUSTERS["Time"]
NOW, TIME_STATUS = attribute(TIME, "Time"), attribute(TIME, "TimeStatus")
SHOWN: dict[str, Any] = {"smart_energy": True}


@rule(
    "time-source",
    "Time is served by another device than the hub",
    severity="warning",
    source="ZSE 1.2a time cluster; SEC design note Time Management",
    confidence="recalled",
    merges=("rules:T05",),
    needs=(Attribute("Time"), packets.where(c.aps_cluster == "Time")),
    cause="clock",
    unseen="answers of the Time cluster",
    advice="Who serves time decides tariffs and windows: see who answers",
    **SHOWN,
)
def time_source(view: View) -> Iterator[Evidence]:
    """The hub is the time source of the HAN. Time answered by any other device is wrong or an attack."""
    rows = attributes_of(view, TIME, NOW)
    rows = rows[mask(rows["number"].notna()) & mask(rows["direction"] == TO_CLIENT)]
    hubs = list(view.hub_addresses())
    yield from judge(
        view, rows, ~mask(rows["source"].isin(hubs)), "{bad} with time from another than the hub", "source"
    )


@rule(
    "time-differs",
    "The time that is served differs from the capture's clock",
    severity="info",
    source="Honeywell AS302P manual section 26 (10 s)",
    confidence="secondary",
    merges=("rules:T01", "rules:T05", "attacks:A34", "spec:R172", "disapplied:50"),
    needs=(Attribute("Time"),),
    cause="clock",
    unseen="answers of the Time cluster with a value",
    advice="One of the clocks is wrong: compare a second device; above 10 s a meter does not follow",
    **SHOWN,
)
def time_differs(view: View, *, seconds: float = 10.0, far: float = 3600.0) -> Iterator[Evidence]:
    """Time of the hub against the clock of the capture. A capture host without time synchronisation shows
    the same, so a small difference informs; more than an hour is no drift, somebody set one of the two
    wrong. Steps between two answers are judged by another rule; a capture whose times are no date tells nothing."""
    rows = _time_answers(view)
    if undated(view):
        return
    off = (
        rows["number"].to_numpy(dtype=float)
        + EPOCH
        - (view.start_ns / 1e9 + elapsed(view, rows["seconds"].to_numpy(dtype=float)))
    )

    def says(bad: Frame, _: Frame) -> str:
        return f"time differs by {float(np.median(off)):+,.0f} s (median of {len(off)})"

    level = "warning" if len(off) and abs(float(np.median(off))) > far else None
    yield from judge(view, rows, np.abs(off) > seconds, says, "source", "of time within the limit", level)


def _time_answers(view: View) -> Frame:
    rows = attributes_of(view, TIME, NOW)
    return rows[
        mask(rows["number"].notna()) & mask(rows["direction"] == TO_CLIENT) & mask(rows["seconds"].notna())
    ]


@rule(
    "time-step",
    "The time that is served jumps",
    severity="error",
    source="attack: time manipulation; alert 0x8F0C",
    confidence="secondary",
    merges=("attacks:A34", "rules:T01"),
    needs=(Attribute("Time"),),
    cause="clock",
    unseen="two answers of the Time cluster from one device",
    advice="Meters must not follow a step of more than 10 s: look for their alert 0x8F0C",
    **SHOWN,
)
def time_step(view: View, *, seconds: float = 10.0, still: float = 60.0) -> Iterator[Evidence]:
    """Between two answers the served time must advance as the capture's clock does. A step means that
    somebody set or forged it."""
    rows = _time_answers(view)
    for source, part in rows.groupby("source", sort=False):
        if len(part) < 2:
            continue
        off = part["number"].to_numpy(dtype=float) - part["seconds"].to_numpy(dtype=float)
        step = np.r_[0.0, np.diff(off)]
        far = np.abs(step) > seconds
        sniffer = _of_sniffer(view, part["seconds"].to_numpy(dtype=float))
        if (far & sniffer).any() and not (far & ~sniffer).any():
            at = int(np.flatnonzero(far & sniffer)[0])
            text = f"the sniffer's clock was set forward by {-step[at]:,.0f} s before frame {part['frame'].iloc[at]}: "
            text += "nobody sent meanwhile, and the hub's time went on as if that time had not been"
            yield broken(Subject.device(source), text, part["frame"][far], "info")
            continue
        far &= ~sniffer
        stood = _stood_still(view, part["seconds"].to_numpy(dtype=float)) & (step > 0) & (step <= still)
        if far.any() and not (far & ~stood).any():
            text = f"time went on by {step[far].max():,.0f} s more than the capture's before frame "
            text += (
                f"{part['frame'][far].iloc[0]}: the sniffer's clock was set back, for how long is not known"
            )
            yield broken(Subject.device(source), text, part["frame"][far], "info")
            continue
        far &= ~stood
        if far.any():
            text = f"time jumps by {step[far][0]:+,.0f} s at frame {int(part['frame'].to_numpy()[far][0])}"
            yield broken(Subject.device(source), text, part["frame"][far])
        else:
            yield kept(Subject.device(source), f"{plural(len(part), 'answer')} in step")


def _of_sniffer(view: View, seconds: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which answers are the first behind a time at which the sniffer's clock was set forward."""
    out = np.zeros(len(seconds), np.bool_)
    places = np.searchsorted(seconds, set_forward(view)[:, 0], side="right")
    out[places[places < len(seconds)]] = True
    return out


def _stood_still(view: View, seconds: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which answers are the first behind two frames of one moment: a clock that was set back goes on from the
    frame before (`captures.steadying`), and the pause between the two is lost."""
    times = np.sort(view.packets["seconds"].to_numpy(dtype=float))
    places = np.searchsorted(times[1:][np.diff(times) == 0], seconds, side="right")
    out = np.zeros(len(seconds), np.bool_)
    out[1:] = np.diff(places) > 0
    return out


@rule(
    "time-drifts",
    "The time that is served drifts",
    severity="warning",
    source="SMETS2 clock clauses; Honeywell AS302P manual section 26 (10 s)",
    confidence="secondary",
    merges=("rules:T01", "attacks:A34"),
    needs=(Attribute("Time"),),
    cause="clock",
    unseen="five answers of the Time cluster from one device over ten minutes",
    advice="Clock of the hub, or of the capture host: compare with a second device",
    **SHOWN,
)
def time_drifts(
    view: View,
    *,
    per_million: float = 500.0,
    least: float = 3.0,
    answers: int = 5,
    lasting: float = 600.0,
    step: float = 10.0,
    share: float = 0.6,
) -> Iterator[Evidence]:
    """The difference between served time and the capture's clock grows steadily: one of the two clocks runs
    wrong. A computer's clock drifts by less than a hundred parts in a million."""
    rows = _time_answers(view)
    for source, part in rows.groupby("source", sort=False):
        seconds = part["seconds"].to_numpy(dtype=float)
        if len(part) < answers or seconds[-1] - seconds[0] < lasting:
            continue
        off = part["number"].to_numpy(dtype=float) - seconds
        half = len(off) // 2
        biggest = float(abs(np.diff(off)).max())
        moved = float(np.median(off[half:]) - np.median(off[:half]))
        span = float(np.median(seconds[half:]) - np.median(seconds[:half]))
        steady = biggest <= min(step, share * abs(moved))  # one step is no drift
        if steady and abs(moved) > least and abs(moved) / span * 1e6 > per_million:
            yield broken(
                Subject.device(source),
                f"drifts by {moved / span * 86400:+,.0f} s a day",
                part["frame"][half:],
            )
        else:
            yield kept(
                Subject.device(source),
                f"{plural(len(part), 'answer')}, drift {moved / span * 86400:+,.1f} s a day",
            )


@rule(
    "time-status",
    "The hub says that its time is not set",
    severity="warning",
    source="ZCL time cluster",
    confidence="recalled",
    merges=("rules:T05",),
    needs=(Attribute("Time"),),
    cause="clock",
    unseen="the TimeStatus attribute",
    advice="Devices must not take this time: see whether the hub has its wide area link",
    **SHOWN,
)
def time_status(view: View) -> Iterator[Evidence]:
    """The hub says by TimeStatus whether its clock is a master or was synchronised (bits 0 and 1). With
    neither bit set its time is a guess, and devices must not take it."""
    rows = attributes_of(view, TIME, TIME_STATUS)
    rows = rows[mask(rows["number"].notna()) & mask(rows["source"].isin(list(view.hub_addresses())))]
    unset = [int(n) & 0b11 == 0 for n in rows["number"]]
    yield from judge(
        view, rows, unset, "{bad} with neither master nor synchronised", "source", "with its time set"
    )


@rule(
    "time-read-daily",
    "A meter did not ask for the time for a day",
    severity="info",
    source="SMETS2 clock clauses",
    confidence="recalled",
    merges=("rules:T06",),
    needs=(Attribute("Time"),),
    cause="clock",
    unseen="more than a day of capture with reads of the Time cluster",
    advice="Its clock may drift: see whether it is on the network",
    **SHOWN,
)
def time_read_daily(view: View, *, seconds: float = 90000.0) -> Iterator[Evidence]:
    """Meters have no receiver for time: they ask the hub at least once a day. One that does not ask lets
    its clock drift, and with it tariff switching times and half-hour readings."""
    rows = attributes_of(view, TIME, NOW)
    asks = rows[mask(rows["command"] == READ)]
    for source, part in asks.groupby("source", sort=False):
        times = np.r_[part["seconds"].to_numpy(dtype=float), view.duration]
        if view.duration - times[0] < seconds:
            continue
        gap = float(np.diff(times).max())
        if gap > seconds:
            yield broken(Subject.device(source), f"{gap:,.0f} s between two reads", part["frame"])
        else:
            yield kept(Subject.device(source), f"reads at least every {gap:,.0f} s")

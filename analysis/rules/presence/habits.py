"""What a device did as by a clock, reported or asked, and does no more although it is there, and so is the other side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analysis.features.identifiers import CLUSTERS, GENERAL_COMMANDS
from analysis.features.judging import groups_in, plural
from analysis.features.names import said
from analysis.features.presence import heard_rows
from analysis.rules.declare import Evidence, Frame, Subject, View, broken, c, kept, packets, rule
from analysis.tables.lazy import numbers_of

SAID = packets.where(c.aps_type == "data", c.zcl_command.known)[
    c.frame,
    c.seconds,
    c.origin,
    c.target,
    c.aps_cluster,
    c.zcl_type,
    c.zcl_direction,
    c.zcl_command,
    c.zcl_seq,
]
OTHERS = CLUSTERS.some("OTA Upgrade", "Tunneling", "Key Establishment", "Keep-Alive", "Time")
"""What comes and goes when all is well, or has rules of its own."""
REPORT, GENERAL = GENERAL_COMMANDS["Report Attributes"], "general"
MOMENT = 1.0  # seconds; what is nearer is a retry, or another hop of it
STEADY = 3.0  # of the pauses: nineteen of twenty differ from their median at most by this


@dataclass(frozen=True, slots=True)
class _Habit:
    """One thing that one device says to another again and again, and when it said it last."""

    frames: np.ndarray
    seconds: np.ndarray
    every: float
    report: bool

    def ended(self, until: float, seconds: float, pauses: float) -> bool:
        return until - float(self.seconds[-1]) > max(seconds, pauses * self.every)


@rule(
    "habit-ends",
    "A device reports or asks no more",
    finds="""Reports or requests that one device sent another as by a clock, for half an hour or more, and that ended,
    while both are heard on and nothing else of the kind came in their place.""",
    matters="""Displays show the last figure as if it were of now; a display that asks no more has hung. Links and
    keep-alive look well, so nobody else tells.""",
    example="""Electricity meter (90b3d5fffe0000a0): Metering: Report Attributes InstantaneousDemand to In-home display
    (90b3d5fffe0000a5) every 10 s, none behind frame 812, for 2,803 s, though 164 other frames of it were heard:
    figures there stand still""",
    source="SMETS2 5.7.5 (every ten seconds); robust comparison with the device's own pace",
    advice="""Where a meter stopped: restart its communication, and see whether the report or binding was set anew. Where
    a display asks no more: restart the display""",
    family="anomaly", area="presence", severity="warning", confidence="derived", cause="silence", smart_energy=True,
    requires="twenty reports or requests of one device to another at a steady pace", reads=[SAID],
    broken_by="home: the meter reports no demand any more", kept_by="ordinary-day --seconds 3000",
)  # fmt: skip
def habit_ends(
    view: View,
    told: Frame,
    *,
    seconds: float = 1200.0,
    pauses: float = 10.0,
    least: int = 20,
    lasting: float = 1800.0,
) -> Iterator[Evidence]:
    """One verdict for each pair of devices. A device that goes on with something of the kind to the same device does not
    stop: displays ask for more or less as their page has it; that only informs."""
    pairs: dict[tuple[int, int, bool], list[_Habit]] = {}
    goes_on: dict[tuple[int, int], float] = {}
    told = told[~told["aps_cluster"].isin(OTHERS)]
    if told.empty or bool((np.diff(told["seconds"]) < 0).any()):
        return
    times, frames = told["seconds"].to_numpy(dtype=float), told["frame"].to_numpy()
    ends = [numbers_of(told[name])[0] for name in ("origin", "target")]
    reports = (told["zcl_type"] == GENERAL).to_numpy() & (numbers_of(told["zcl_command"])[0] == REPORT)
    asks = (told["zcl_direction"] == "to-server").to_numpy() & ~reports
    for places in groups_in(
        told, "origin", "target", "aps_cluster", "zcl_type", "zcl_direction", "zcl_command"
    ):
        first = int(places[0])
        if not (reports[first] or asks[first]):
            continue
        pair = int(ends[0][first]), int(ends[1][first])
        goes_on[pair] = max(goes_on.get(pair, -np.inf), float(times[places[-1]]))
        fresh = places[np.diff(times[places], prepend=-np.inf) > MOMENT]
        gaps = np.diff(times[fresh])
        if len(fresh) < least or times[fresh[-1]] - times[fresh[0]] < lasting:
            continue
        median = float(np.median(gaps))
        if float(np.quantile(gaps, 0.95)) < STEADY * median:
            habit = _Habit(frames[fresh], times[fresh], median, bool(reports[first]))
            pairs.setdefault((*pair, habit.report), []).append(habit)
    for (origin, target, _), habits in pairs.items():
        yield _verdict(view, origin, target, habits, goes_on[origin, target], seconds, pauses)


def _verdict(
    view: View, origin: int, target: int, habits: list[_Habit], last: float, seconds: float, pauses: float
) -> Evidence:
    subject = Subject.device(origin)
    over = [one for one in habits if one.ended(view.duration, seconds, pauses)]
    one = max(over or habits, key=lambda each: len(each.seconds))
    since, frame = float(one.seconds[-1]), int(one.frames[-1])
    heard, other = _heard(view, origin, since), _heard(view, target, since)
    if not over or min(len(heard), len(other)) < 3 or _gone(heard, since, view) or _gone(other, since, view):
        return kept(subject, f"what it tells or asks {view.label(target)} goes on, or one of them is gone")
    summary = view.packets.of_frames([frame])["summary"].tolist()
    name = said(summary[0] if summary else None, "a command")
    text = (
        f"{name} to {view.label(target)} every {one.every:,.0f} s, none behind frame {frame}, for "
        f"{view.duration - since:,.0f} s, though {plural(len(heard), 'other frame')} of it were heard"
    )
    changed = len(over) < len(habits) or last > since + max(seconds, pauses * one.every)
    if changed:
        text += "; it goes on with other commands"
    else:
        text += ": figures there stand still" if one.report else ": it shows what it was told then"
    return broken(
        subject,
        text,
        [*one.frames[-3:].tolist(), *heard["frame"].iloc[:200].tolist()],
        "info" if changed else None,
    )


def _heard(view: View, station: int, since: float) -> Frame:
    rows = heard_rows(view)
    return rows[
        (numbers_of(rows["sender"])[0] == station) & (rows["seconds"].to_numpy(dtype=float) > since + MOMENT)
    ]


def _gone(heard: Frame, since: float, view: View) -> bool:
    """Whether the device itself was silent for half of that time: other rules tell it."""
    times = np.r_[since, heard["seconds"].to_numpy(dtype=float), view.duration]
    return float(np.diff(times).max()) > 0.5 * (view.duration - since)

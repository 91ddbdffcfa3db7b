"""What no rule foresees: a device that behaves otherwise than before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from analysis.features.change_points import (
    LONG,
    MOST,
    Step,
    change_points,
    changed,
    lasting_changes,
    told,
    without_daily_rhythm,
)
from analysis.features.completeness import improbable
from analysis.features.judging import mask
from analysis.features.polls import poll_gaps
from analysis.features.repeats import repeats
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.compliance.gbcs_messages import party
from analysis.rules.registry import rules_of

rule = rules_of("anomaly", "baselines")

FEW = (3, 12)  # wakes that are few, and no longer few, for a pace
STEADY = 0.6  # of the wakes at one pace; others fall between them for reasons of their own
FEW_RETRIES = 0.01  # share of retries on a good link
BY_CHANCE = 1e-6  # of captures in which a stretch of a steady link looks so
TOGETHER = 10  # frames that are taken together where single ones say little


@rule(
    "poll-interval-changed",
    "A device polls at another pace than before",
    severity="warning",
    source="robust change point on the poll intervals of the device itself",
    confidence="derived",
    merges=("attacks:A35",),
    cause="battery drain",
    unseen="thirty polls (MAC data requests) of one device",
    advice="See what it waits for: a pending flag that never ends, a fast poll request, or a lost parent",
)
def poll_interval_changed(
    view: View,
    *,
    factor: float = 4.0,
    deviations: float = 8.0,
    lasting: float = 300.0,
    polls: int = 24,
    part: int = 12,
) -> Iterator[Evidence]:
    """Sleeping devices poll at a steady pace. A pace that becomes several times faster or slower and stays
    so for minutes is a fault, or somebody who keeps the device awake. One that changes for less than an hour, as for
    a firmware image, only informs."""
    for sender, gaps, starts, frames in poll_gaps(view):
        if len(gaps) < polls:
            continue
        apart = (np.log(factor) * 0.99, deviations)
        steps, grave = lasting_changes(np.log(np.maximum(gaps, 1e-3)), starts, (part, part), apart, lasting)
        if not steps and (place := _steady_since(gaps, starts, lasting)) is not None:
            steps, grave = [(place, _level(gaps[:place]), _level(gaps[place:]))], True
        if steps:
            text = f"poll interval {told(steps, frames, _seconds)}"
            yield broken(
                Subject.device(sender), text, frames[changed(steps, len(frames))], None if grave else "info"
            )
        else:
            yield kept(Subject.device(sender), f"polls every {float(np.median(gaps)):,.1f} s")


def _steady_since(
    gaps: npt.NDArray[np.float64], times: npt.NDArray[np.float64], lasting: float
) -> int | None:
    """The gap from which on a device that rarely woke, a few times only so far, wakes at a steady pace several times as
    fast, to the end and for long; None where there is none such."""
    for place in range(FEW[0], min(FEW[1], len(gaps) - 24)):
        after = gaps[place:]
        low, pace, high = np.quantile(after, [0.25, 0.5, 0.75])
        steady = high - low < 0.2 * pace or (np.abs(after - pace) < 0.15 * pace).mean() >= STEADY
        rare = (gaps[:place] > 1.5 * pace).mean() >= MOST and np.median(gaps[:place]) >= 3 * pace
        if rare and steady and times[-1] - times[place] >= LONG * lasting:
            return place
    return None


def _level(gaps: npt.NDArray[np.float64]) -> float:
    return float(np.log(np.median(gaps)))


def _seconds(level: float) -> str:
    return f"{np.exp(level):,.1f} s"


@rule(
    "rate-changed",
    "A device sends much more or much less than before",
    severity="info",
    source="robust change points on the device's own rate, and comparison of equal parts of the capture",
    confidence="derived",
    merges=("attacks:A42",),
    cause="silence",
    unseen="an hour of capture with a hundred frames of one device",
    advice="See which kind of frame it is: requests, retries, reports",
)
def rate_changed(
    view: View,
    *,
    factor: float = 10.0,
    parts: int = 12,
    deviations: float = 6.0,
    lasting: float = 300.0,
    hour: float = 3600.0,
    least: int = 100,
    plenty: float = 10.0,
) -> Iterator[Evidence]:
    """How fast a device sends, from each ten frames to the next, and frames per part of the capture against the
    median part. Ten times as many, or none at all where there were plenty, is worth a look."""
    if view.span < hour:
        return
    packets = view.good
    rows = packets[packets.known("sender") & ~mask(packets["mac_type"] == "ack")]
    edges = np.linspace(view.start, view.duration, parts + 1)
    for sender, part in rows.groupby("sender", sort=False):
        if len(part) < least:
            continue
        times = part["seconds"].to_numpy(dtype=float)
        counts = _counts(times, edges)
        usual = float(np.median(counts))
        many = np.flatnonzero(counts > factor * max(usual, 1.0))
        last = int(np.flatnonzero(counts)[-1])
        subject = Subject.device(sender)
        steps = _paces(times, view.start_ns, (np.log(factor), deviations), lasting)
        if len(many) and not steps:
            inside = (times >= edges[many[0]]) & (times <= edges[many[0] + 1])
            text = f"{counts[many[0]]:,} frames in a part of the capture where {usual:,.0f} are usual"
            yield broken(subject, text, part["frame"].to_numpy()[inside])
        elif not len(many) and usual >= plenty and last < parts - 2:
            text = f"silent in the last {parts - 1 - last} of {parts} parts, usually {usual:,.0f} frames each"
            yield broken(subject, text, part["frame"].iloc[-3:], "warning", (int(sender), float(times[-1])))
        elif steps:
            frames = part["frame"].to_numpy()[::TOGETHER]
            text = told(steps, frames, _a_minute)
            inside = changed(steps, len(frames))
            yield broken(
                subject, text, part["frame"].to_numpy()[inside.start * TOGETHER : inside.stop * TOGETHER]
            )
        else:
            yield kept(subject, f"{usual:,.0f} frames in a twelfth of the capture")


def _paces(times: Frame, start_ns: int, apart: tuple[float, float], lasting: float) -> list[Step]:
    """Lasting changes of the logarithm of the seconds for each frame, taken over `TOGETHER` frames at a time."""
    starts = times[::TOGETHER]
    values = np.log(np.maximum(np.diff(starts), 1e-3) / TOGETHER)
    values = without_daily_rhythm(values, starts[:-1] + start_ns / 1e9)
    return lasting_changes(values, starts[:-1], (12, 12), apart, lasting)[0]


def _a_minute(level: float) -> str:
    return f"{60 / np.exp(level):,.1f} frames a minute"


def _counts(times: Frame, edges: Frame) -> Frame:
    """How many times lie in each part; the last part holds its end."""
    if bool((np.diff(times) < 0).any()):
        return np.histogram(times, edges)[0]
    upto = np.array(np.searchsorted(times, edges))
    upto[-1] = np.searchsorted(times, edges[-1], side="right")
    return np.diff(upto)


def _beyond_chance(again: npt.NDArray[np.float64], mine: slice) -> bool:
    """Whether a stretch has more retries than chance has where all of them are as probable as in the rest."""
    rest = np.r_[again[: mine.start], again[mine.stop :]]
    usual = max(float(rest.mean()) if len(rest) else 0.0, FEW_RETRIES)
    return improbable(int(again[mine].sum()), len(again[mine]), usual, BY_CHANCE)


@rule(
    "retries-changed",
    "A device needs more retries than before",
    severity="info",
    source="robust change points on the device's own retry share, and comparison of equal parts of the capture",
    confidence="derived",
    cause="weak link",
    unseen="two hundred acknowledged frames of one device",
    advice="Interference or a link that became worse: look at signal strength at that time",
)
def retries_changed(
    view: View,
    *,
    share: float = 0.3,
    factor: float = 5.0,
    deviations: float = 3.0,
    grave: float = 0.4,
    seconds: float = 1200.0,
    frames_least: int = 200,
    floor: float = 0.01,
) -> Iterator[Evidence]:
    """How many of a device's frames have to be sent again, of each ten frames and in each eighth of the capture.
    A share that rises, or an eighth with far more than usual, had interference or a link that was blocked. Where four of
    ten go again for twenty minutes, the link hardly carries: that warns, unless chance has it on so weak a link."""
    rows = repeats(view)
    rows = rows[~rows["heard"]]
    for sender, part in rows.groupby("sender", sort=False):
        if len(part) < frames_least:
            continue
        again, frames = part["retry"].to_numpy(dtype=float), part["frame"].to_numpy()
        shares = np.array([piece.mean() for piece in np.array_split(again, 8)])
        usual, at = float(np.median(shares)), int(shares.argmax())
        tens = again[: len(again) // TOGETHER * TOGETHER].reshape(-1, TOGETHER).mean(axis=1)
        steps = change_points(tens, 8, share, deviations)
        subject = Subject.device(sender)
        if any(after > before for _, before, after in steps):
            text = f"retries: {told(steps, frames[::TOGETHER], '{:.0%}'.format)}"
            inside = changed(steps, len(tens) + 1)
            mine = slice(inside.start * TOGETHER, inside.stop * TOGETHER)
            span = part["seconds"].to_numpy(dtype=float)[mine]
            lasts = float(span[-1] - span[0]) if len(span) else 0.0
            bad = (
                max(after for _, _, after in steps) >= grave
                and lasts >= seconds
                and _beyond_chance(again, mine)
            )
            text += f"; for {lasts:,.0f} s the link hardly carries" if bad else ""
            yield broken(subject, text, frames[mine], "warning" if bad else None)
        elif shares[at] > share and shares[at] > factor * max(usual, floor):
            eighth = np.array_split(frames, 8)[at]
            text = f"{shares[at]:.0%} retries from frame {int(eighth[0])}, usually {usual:.1%}"
            yield broken(subject, text, eighth)
        else:
            yield kept(subject, f"{usual:.1%} retries, at most {shares[at]:.0%} in an eighth")


@rule(
    "answers-slow",
    "Answers come much later than before",
    severity="info",
    source="robust change point on response times",
    confidence="derived",
    needs=("messages",),
    cause="weak link",
    unseen="twenty-four answered commands of one device",
    advice="See whether the device sleeps more, is out of reach, or its tunnel is busy",
)
def answers_slow(
    view: View, *, factor: float = 4.0, deviations: float = 6.0, answers: int = 24, piece: int = 12
) -> Iterator[Evidence]:
    """How long a device takes from a command to its response, against its own past. When answers that took
    a second take many, it sleeps more, its link is worse, or its tunnel is busy with something else."""
    rows = view.tables["messages"]
    rows = rows[mask(rows["answer_seconds"].notna())]
    for device, part in rows.groupby("originator", sort=False):
        if len(part) < answers:
            continue
        values = np.log(np.maximum(part["answer_seconds"].to_numpy(dtype=float), 1e-3))
        times, frames = part["seconds"].to_numpy(dtype=float), part["frames"].tolist()
        steps, _ = lasting_changes(values, times, (piece, piece), (np.log(factor) * 0.99, deviations), 0.0)
        if any(after > before for _, before, after in steps):
            text = f"answers took {told(steps, [next(iter(fs), 0) for fs in frames], _seconds)}"
            yield broken(party(device), text, [f for fs in frames[changed(steps, len(frames))] for f in fs])
        else:
            yield kept(party(device), f"answers in {float(np.exp(np.median(values))):.1f} s")

"""What no rule foresees: a device that behaves otherwise than before, or than in a good capture."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.change_points import LEAST, change_point
from analysis.findings import Evidence, broken, kept, rule
from analysis.judging import mask, plural
from analysis.repeats import repeats
from analysis.view import Frame, View


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
    view: View, *, factor: float = 4.0, deviations: float = 8.0, lasting: float = 300.0
) -> Iterator[Evidence]:
    """Sleeping devices poll at a steady pace. A pace that becomes several times faster or slower and stays
    so for minutes is a fault, or somebody who keeps the device awake."""
    packets = view.good
    rows = packets.only(mac_command=0x04)
    for sender, part in rows.groupby("sender", sort=False):
        times = part["seconds"].to_numpy(dtype=float)
        gaps = np.diff(times)
        fresh = gaps > 0.05  # retries and polls for the next of several waiting frames are no pace
        gaps, starts, frames = gaps[fresh], times[1:][fresh], part["frame"].to_numpy()[1:][fresh]
        found = change_point(np.log(np.maximum(gaps, 1e-3)), apart=np.log(factor) * 0.99)
        if found is None:
            continue
        place, before, after, gap = found
        ratio = float(np.exp(abs(before - after)))
        long_enough = min(starts[place] - starts[0], starts[-1] - starts[place]) >= lasting
        if ratio >= factor and gap >= deviations and long_enough:
            text = f"poll interval {np.exp(before):,.1f} s became {np.exp(after):,.1f} s at frame {int(frames[place])}"
            yield broken(view.label(sender), text, frames[place:])
        else:
            yield kept(view.label(sender), f"polls every {float(np.median(gaps)):,.1f} s")


@rule(
    "rate-changed",
    "A device sends much more or much less than before",
    severity="info",
    source="robust comparison of rates over equal parts of the capture",
    confidence="derived",
    merges=("attacks:A42",),
    cause="silence",
    unseen="an hour of capture with a hundred frames of one device",
    advice="See which kind of frame it is: requests, retries, reports",
)
def rate_changed(view: View, *, factor: float = 10.0, parts: int = 12) -> Iterator[Evidence]:
    """Frames per part of the capture against the median part. Ten times as many, or none at all where there
    were plenty, is worth a look."""
    if view.span < 3600:
        return
    packets = view.good
    rows = packets[mask(packets["sender"].notna()) & ~mask(packets["mac_type"] == "ack")]
    edges = np.linspace(view.start, view.duration, parts + 1)
    for sender, part in rows.groupby("sender", sort=False):
        if len(part) < 100:
            continue
        times = part["seconds"].to_numpy(dtype=float)
        counts = _counts(times, edges)
        usual = float(np.median(counts))
        many = np.flatnonzero(counts > factor * max(usual, 1.0))
        last = int(np.flatnonzero(counts)[-1])
        subject = view.label(sender)
        if len(many):
            inside = (times >= edges[many[0]]) & (times <= edges[many[0] + 1])
            text = f"{counts[many[0]]:,} frames in a part of the capture where {usual:,.0f} are usual"
            yield broken(subject, text, part["frame"].to_numpy()[inside])
        elif usual >= 10 and last < parts - 2:
            text = f"silent in the last {parts - 1 - last} of {parts} parts, usually {usual:,.0f} frames each"
            yield broken(subject, text, part["frame"].iloc[-3:], "warning", (int(sender), float(times[-1])))
        else:
            yield kept(subject, f"{usual:,.0f} frames in a twelfth of the capture")


def _counts(times: Frame, edges: Frame) -> Frame:
    """How many times lie in each part; the last part holds its end."""
    if bool((np.diff(times) < 0).any()):
        return np.histogram(times, edges)[0]
    upto = np.array(np.searchsorted(times, edges))
    upto[-1] = np.searchsorted(times, edges[-1], side="right")
    return np.diff(upto)


@rule(
    "retries-changed",
    "A device needs more retries than before",
    severity="info",
    source="robust comparison of retry shares over equal parts of the capture",
    confidence="derived",
    cause="weak link",
    unseen="two hundred acknowledged frames of one device",
    advice="Interference or a link that became worse: look at signal strength at that time",
)
def retries_changed(view: View, *, share: float = 0.3, factor: float = 5.0) -> Iterator[Evidence]:
    """How many of a device's frames have to be sent again, in each eighth of the capture. An eighth with
    far more than usual had interference, or the link was blocked for that time."""
    rows = repeats(view)
    rows = rows[~rows["heard"]]
    for sender, part in rows.groupby("sender", sort=False):
        if len(part) < 200:
            continue
        pieces = np.array_split(part["retry"].to_numpy(dtype=float), 8)
        shares = np.array([p.mean() for p in pieces])
        usual = float(np.median(shares))
        at = int(shares.argmax())
        subject = view.label(sender)
        if shares[at] > share and shares[at] > factor * max(usual, 0.01):
            frames = np.array_split(part["frame"].to_numpy(), 8)[at]
            yield broken(
                subject, f"{shares[at]:.0%} retries from frame {int(frames[0])}, usually {usual:.1%}", frames
            )
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
def answers_slow(view: View, *, factor: float = 4.0, deviations: float = 6.0) -> Iterator[Evidence]:
    """How long a device takes from a command to its response, against its own past. When answers that took
    a second take many, it sleeps more, its link is worse, or its tunnel is busy with something else."""
    rows = view.tables["messages"]
    rows = rows[mask(rows["answer_seconds"].notna())]
    for device, part in rows.groupby("originator", sort=False):
        found = change_point(np.log(np.maximum(part["answer_seconds"].to_numpy(dtype=float), 1e-3)))
        if found is None:
            continue
        place, before, after, gap = found
        if after - before >= np.log(factor) and gap >= deviations:
            frames = [f for fs in part["frames"].iloc[place:] for f in fs]
            text = f"answers took {np.exp(before):.1f} s, then {np.exp(after):.1f} s"
            yield broken(str(device), text, frames)
        else:
            yield kept(str(device), f"answers in {float(part['answer_seconds'].median()):.1f} s")


@rule(
    "differs-from-baseline",
    "A device differs from the good capture",
    severity="info",
    source="comparison with the capture given as --baseline",
    confidence="derived",
    cause="weak link",
    unseen="a good capture of the same network (--baseline)",
    advice="Compare both captures with `hanscope diff`",
)
def differs_from_baseline(
    view: View, *, factor: float = 4.0, decibels: float = 12.0, least: int = LEAST
) -> Iterator[Evidence]:
    """How many frames a device sends and how strong they are received, against the same device in a capture
    from when all was well. A device that is new, gone, louder, weaker or busier is told."""
    if view.baseline is None:
        return
    good, now = _profile(view.baseline), _profile(view)
    for station, (number, rate, level) in now.items():
        subject = view.label(station)
        before = good.get(station)
        if number < least:
            continue
        if before is None:
            text = f"{plural(number, 'frame')} of a device that the good capture does not have"
            yield broken(subject, text, _frames(view, station))
        elif rate > factor * before[1] or rate * factor < before[1]:
            text = f"{rate * 60:.1f} frames a minute, {before[1] * 60:.1f} in the good capture"
            yield broken(subject, text, _frames(view, station))
        elif abs(level - before[2]) > decibels:
            text = f"median {level:.0f} dBm, {before[2]:.0f} in the good capture"
            yield broken(subject, text, _frames(view, station))
        else:
            yield kept(subject, "as in the good capture")
    for station, before in good.items():
        if station not in now and before[0] >= least:
            text = "not heard, but in the good capture"
            yield broken(view.label(station), text, [], "warning", (station, float("-inf")))


def _frames(view: View, station: int, most: int = 50) -> list[int]:
    packets = view.good
    own = packets.only(sender=station)
    own = own[~mask(own["mac_type"] == "ack")]
    return view.frames_of(own)[:most]


def _profile(view: View) -> dict[int, tuple[int, float, float]]:
    packets = view.good
    rows = packets[mask(packets["sender"].notna()) & ~mask(packets["mac_type"] == "ack")]
    groups = rows.groupby("sender", sort=False)
    numbers = groups.size()
    levels = {s: part["rssi"].astype("Float64").median() for s, part in groups}
    span = max(view.span, 1.0)
    return {
        int(s): (
            int(n),
            n / span,
            float(levels[s]) if levels[s] is not None and levels[s] == levels[s] else 0.0,
        )
        for s, n in numbers.items()
    }

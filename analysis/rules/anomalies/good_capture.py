"""Devices against a capture from when all was well (`--baseline`).

Strategy: what is compared is a table of measures; each gives a number for every device of a capture. A measure
whose value differs by a factor, or by so much, from that of the same device in the good capture is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from analysis.features.change_points import LEAST
from analysis.features.judging import mask, plural
from analysis.features.polls import poll_gaps
from analysis.features.repeats import repeats
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.compliance.gbcs_messages import station_of
from analysis.rules.registry import describe, rules_of

rule = rules_of("anomaly", "good capture")

JUMP = 500  # a counter that rises by more between two frames says nothing of its pace
FEW_ANSWERS, MANY_FRAMES = 12, 100


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of each device.

    Attributes:
        of: the values of a capture, by station; devices with too little to measure are left out.
        text: of the value, and of the good capture's.
        factor: whether values are compared by the rule's factor; else by `apart`.
        apart: difference in the unit of the values; None for the rule's decibels.
    """

    of: Callable[[View], Mapping[int, float]]
    text: str
    factor: bool = True
    apart: float | None = None

    def differs(self, now: float, before: float, factor: float, decibels: float) -> bool:
        """Whether two values are too far apart."""
        if self.factor:
            return now > factor * before or now * factor < before
        return abs(now - before) > (decibels if self.apart is None else self.apart)


def _sent(view: View) -> Frame:
    rows = view.good
    return rows[rows.known("sender") & ~mask(rows["mac_type"] == "ack")]


def _numbers(view: View) -> dict[int, int]:
    return {int(s): int(n) for s, n in _sent(view).groupby("sender", sort=False).size().items()}


def _rates(view: View) -> dict[int, float]:
    return {s: 60 * n / max(view.span, 1.0) for s, n in _numbers(view).items()}


def _levels(view: View) -> dict[int, float]:
    rows = _sent(view)
    rows = rows[mask(rows["rssi"].notna())]
    return {int(s): float(np.median(p["rssi"].to_numpy(dtype=float))) for s, p in rows.groupby("sender")}


def _polls(view: View) -> dict[int, float]:
    return {s: float(np.median(gaps)) for s, gaps, _, _ in poll_gaps(view) if len(gaps) >= LEAST}


def _retries(view: View) -> dict[int, float]:
    rows = repeats(view)
    groups = rows[~rows["heard"]].groupby("sender", sort=False)
    return {int(s): float(p["retry"].mean()) for s, p in groups if len(p) >= MANY_FRAMES}


def _answers(view: View) -> dict[int, float]:
    rows = view.tables["messages"]
    rows = rows[mask(rows["answer_seconds"].notna())]
    out = {}
    for device, part in rows.groupby("originator", sort=False):
        station = station_of(device)
        if station is not None and len(part) >= FEW_ANSWERS:
            out[station] = float(np.median(part["answer_seconds"].to_numpy(dtype=float)))
    return out


def _counters(view: View) -> dict[int, float]:
    rows = view.good
    rows = rows[mask(rows["nwk_counter"].notna()) & rows.known("nwk_sender")]
    out = {}
    for sender, part in rows.groupby("nwk_sender", sort=False):
        times, counter = (part[name].to_numpy(dtype=float) for name in ("seconds", "nwk_counter"))
        rise = np.diff(counter)
        steady = (rise >= 0) & (rise <= JUMP)
        passed = float(np.diff(times)[steady].sum())
        if steady.sum() >= LEAST and passed > 0:
            out[int(sender)] = 60 * float(rise[steady].sum()) / passed
    return out


MEASURES = (
    Measure(_rates, "{:.1f} frames a minute, {:.1f} in the good capture"),
    Measure(_levels, "median {:.0f} dBm, {:.0f} in the good capture", factor=False),
    Measure(_polls, "polls every {:,.1f} s, {:,.1f} in the good capture"),
    Measure(_retries, "{:.0%} retries, {:.0%} in the good capture", factor=False, apart=0.2),
    Measure(_answers, "answers in {:.1f} s, {:.1f} in the good capture"),
    Measure(_counters, "counter rises by {:,.1f} a minute, {:,.1f} in the good capture"),
)


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
    """How much a device sends, how strong it is received, how often it polls and repeats itself, how soon it
    answers and how fast its frame counter rises, against the same device in a capture from when all was well. A
    device that is new, gone, or behaves otherwise is told."""
    if view.baseline is None:
        return
    good, now = _numbers(view.baseline), _numbers(view)
    values = [(m, m.of(view), m.of(view.baseline)) for m in MEASURES]
    for station, number in now.items():
        subject = Subject.device(station)
        if number < least:
            continue
        if station not in good:
            text = f"{plural(number, 'frame')} of a device that the good capture does not have"
            yield broken(subject, text, _frames(view, station))
            continue
        texts = [
            m.text.format(new[station], old[station])
            for m, new, old in values
            if station in new and station in old and m.differs(new[station], old[station], factor, decibels)
        ]
        if texts:
            yield broken(subject, "; ".join(texts), _frames(view, station))
        else:
            yield kept(subject, "as in the good capture")
    for station, before in good.items():
        if station not in now and before >= least:
            text = "not heard, but in the good capture"
            yield broken(Subject.device(station), text, [], "warning", (station, float("-inf")))


describe(
    id="differs-from-fleet",
    title="This home differs from others",
    finds="Signal, retries, waiting times, alerts and polls of this home lie far from those of the others, or it "
    "breaks a rule that hardly another breaks.",
    matters="Such a thing is the home's own; what most of them show has a common cause.",
    severity="info",
    source="comparison with the homes of the store given as --baseline",
    confidence="derived",
    requires="a store of captures of other homes (--baseline STORE)",
    advice="See what of it the findings explain; `hanscope fleet report STORE` shows the other homes",
    family="anomaly",
    area="good capture",
)  # its evidence comes from `analysis.fleet.norms`, at the end


def _frames(view: View, station: int, most: int = 50) -> list[int]:
    own = view.good.only(sender=station)
    return view.frames_of(own[~mask(own["mac_type"] == "ack")])[:most]

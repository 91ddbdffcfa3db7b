"""Outliers of many features at once: what a device does in a quarter of an hour, against its own other quarters.

Strategy: counts of frames by kind, their lengths and levels are features of each device and window. Each is taken
as its distance from the device's own median, in robust deviations, with the scatter of chance (Poisson) as the
least; an isolation forest says which windows lie apart as a whole, and only those that one feature explains are
told. Source: Liu, Ting, Zhou, Isolation Forest (2008)."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.features.judging import mask
from analysis.features.polls import POLL
from analysis.features.repeats import repeats
from analysis.features.stations import NO_SHORT
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.registry import rules_of
from analysis.tables.lazy import Places, numbers_of

rule = rules_of("anomaly", "outliers")

Numbers = npt.NDArray[np.float64]
SEED, TREES = 20_260_101, 64
# Features: name as in "its usual rate of ...", and which rows count.
COUNTS: dict[str, Any] = {
    "frames": lambda p: np.ones(len(p), bool),
    "polls": lambda p: mask(p["mac_command"] == POLL),
    "MAC commands": lambda p: mask(p["mac_type"] == "command") & ~mask(p["mac_command"] == POLL),
    "NWK commands": lambda p: mask(p["nwk_type"] == "command"),
    "broadcasts": lambda p: mask(p["nwk_dst"] >= NO_SHORT),
    "APS commands": lambda p: mask(p["aps_type"] == "command"),
    "ZCL requests": lambda p: mask(p["zcl_direction"] == "to-server"),
    "ZCL answers and reports": lambda p: mask(p["zcl_direction"] == "to-client"),
    "frames that no key opens": lambda p: mask(p["nwk_security"] == "no_key"),
    "frames that fail their check": lambda p: mask(p["nwk_security"] == "bad_mic"),
}
LEVELS = {"length": ("median length of its frames", "octets", 4.0), "rssi": ("signal strength", "dBm", 2.0)}


@rule(
    "unusual-quarter",
    "A device behaves as it never does otherwise",
    severity="info",
    source="isolation forest over the device's own windows (Liu, Ting, Zhou 2008)",
    confidence="derived",
    cause="",
    unseen="twelve quarter-hours of one device, and the extra hanscope[ml]",
    advice="Look at its frames of that time: a join, a download, a fault or somebody who uses its address",
)
def unusual_quarter(
    view: View, *, window: float = 900.0, least: int = 12, deviations: float = 6.0, factor: float = 3.0
) -> Iterator[Evidence]:
    """For each device and quarter of an hour: how many frames of which kind, how long, how strong. A quarter
    that lies apart from all others of this device, in one thing or in several together, is worth a look. The
    reason names what is unusual, and by how much. What no rule foresees shows here; harmless things do too."""
    if find_spec("sklearn") is None or view.span < least * window:
        return
    quarters = _quarters(view, window, least)
    distances = [_distances(table) for _, table, _ in quarters]
    reasons = [
        [at for at in _far(distance, deviations) if _reason(table, distance, at, deviations, factor)]
        for (_, table, _), distance in zip(quarters, distances, strict=True)
    ]
    apart = _apart(distances) if any(reasons) else [np.zeros(len(one), bool) for one in distances]
    for number, (device, table, frames) in enumerate(quarters):
        subject = Subject.device(device)
        distance = distances[number]
        places = [at for at in reasons[number] if apart[number][at]]
        if not places:
            yield kept(subject, f"{len(table)} quarter-hours, none apart from the others")
            continue
        worst = max(places, key=lambda at: float(np.nanmax(np.abs(distance[at]))))
        text = _reason(table, distance, worst, deviations, factor)
        more = f", and {len(places) - 1} more quarter-hours" if len(places) > 1 else ""
        own = [f for at in places for f in frames[at][:200]]
        start = _start(frames, worst)
        yield broken(subject, f"{start} for {window / 60:.0f} min {text}{more}", own)


def _start(frames: list[Places], at: int) -> str:
    """Where a window starts; in a quarter in which the device is silent no frame of it does."""
    if len(frames[at]):
        return f"from frame {frames[at][0]}"
    return f"after frame {np.concatenate(frames[:at])[-1]}"


def _far(distance: Numbers, deviations: float) -> list[int]:
    """The windows that are far in some feature at all."""
    found: list[int] = np.flatnonzero((np.abs(distance) >= deviations).any(axis=1)).tolist()
    return found


def _quarters(view: View, window: float, least: int) -> list[tuple[int, Frame, list[Places]]]:
    """Per device: its windows with their features, and the frames of each; the cut ones at both ends left out."""
    packets = view.good
    timed = np.isfinite(packets["seconds"].to_numpy(dtype=float))
    rows = packets[packets.known("sender") & ~mask(packets["mac_type"] == "ack") & timed]
    seconds = rows["seconds"].to_numpy(dtype=float)
    devices, slots, first = [], np.full(len(rows), -1), [0]
    for device, own in rows.groupby("sender", sort=False).places():
        times = seconds[own]
        whole = int((times[-1] - times[0]) // window)
        if whole < least:
            continue
        number = np.floor((times - times[0]) / window).astype(np.int64)
        inside = (number >= 0) & (number < whole)
        slots[own[inside]] = first[-1] + number[inside]
        devices.append(int(device))
        first.append(first[-1] + whole)
    if not devices:
        return []
    inside = slots >= 0
    table, frames = _features(view, rows[inside], slots[inside], first[-1])
    return [
        (device, table[a:b].reset_index(drop=True), frames[a:b])
        for device, (a, b) in zip(devices, pairwise(first), strict=True)
    ]


def _features(view: View, rows: Frame, slots: Places, size: int) -> tuple[Frame, list[Places]]:
    """The features of each window of each device, and its frames; `slots` says to which of them a row belongs."""
    retries = repeats(view)
    again = retries[mask(retries["retry"])]["frame"].to_numpy(dtype=np.int64)
    frames = rows["frame"].to_numpy(dtype=np.int64)
    flags = {name: which(rows) for name, which in COUNTS.items()}
    flags["retries"] = np.isin(frames, again)
    table = {name: np.bincount(slots[flag], minlength=size).astype(float) for name, flag in flags.items()}
    for column in LEVELS:
        numbers, known = numbers_of(rows[column])
        values = pd.Series(numbers[known].astype(float)).groupby(slots[known]).median()
        table[column] = values.reindex(range(size)).to_numpy(dtype=float)
    order = np.argsort(slots.astype(np.min_scalar_type(size)), kind="stable")
    return pd.DataFrame(table), np.split(frames[order], np.cumsum(np.bincount(slots, minlength=size))[:-1])


def _distances(table: Frame) -> Numbers:
    """How far each value lies from the column's median, in robust deviations."""
    values = table.to_numpy(dtype=float, copy=True)
    values[:, np.isnan(values).all(axis=0)] = 0.0  # a level that no frame of the device has
    middle = np.nanmedian(values, axis=0, keepdims=True)
    scatter = 1.4826 * np.nanmedian(np.abs(values - middle), axis=0, keepdims=True)
    chance = [
        LEVELS[name][2] if name in LEVELS else np.sqrt(max(m, 1.0))
        for name, m in zip(table.columns, middle[0], strict=True)
    ]
    out: Numbers = np.nan_to_num((values - middle) / np.maximum(np.nan_to_num(scatter), np.array(chance)))
    return out


def _apart(distances: list[Numbers]) -> list[npt.NDArray[np.bool_]]:
    """Which windows of each device an isolation forest over all devices' windows puts apart."""
    if not distances:
        return []
    from sklearn.ensemble import IsolationForest

    every = np.clip(np.vstack(distances), -50, 50)
    forest = IsolationForest(n_estimators=TREES, random_state=SEED, n_jobs=1).fit(every)
    score = -forest.score_samples(every)
    scatter = max(1.4826 * float(np.median(np.abs(score - np.median(score)))), 0.01)
    outlying = score > np.median(score) + 3 * scatter
    return np.split(outlying, np.cumsum([len(d) for d in distances])[:-1])


def _reason(table: Frame, distance: Numbers, at: int, deviations: float, factor: float) -> str:
    """What is unusual in a window: its two farthest features that are far in deviations and in ratio."""
    said: list[str] = []
    for place in np.argsort(-np.abs(distance[at]))[:4]:
        name, value = str(table.columns[place]), float(table.iloc[at, place])
        usual, far = float(np.nanmedian(table.iloc[:, place])), abs(float(distance[at, place]))
        if far < deviations or len(said) == 2:
            continue
        if name in LEVELS:
            word, unit, _ = LEVELS[name]
            said.append(f"its {word} is {value:.0f} {unit} instead of {usual:.0f}, {far:.0f} deviations")
        elif value >= factor * max(usual, 1.0):
            times = f"{value / usual:,.0f} times its usual rate of {name}" if usual >= 1 else ""
            said.append(f"it sends {times or f'{value:,.0f} {name}, usually none'}, {far:.0f} deviations")
        elif usual >= factor * max(value, 1.0):
            said.append(f"it sends {value:,.0f} {name} instead of {usual:,.0f}, {far:.0f} deviations")
    return "; ".join(said)

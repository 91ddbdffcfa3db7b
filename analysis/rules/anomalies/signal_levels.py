"""Signal strength and link quality against a device's own past."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.features.change_points import LEAST, changed, lasting_changes, without_daily_rhythm
from analysis.features.completeness import improbable
from analysis.features.identifiers import CLUSTERS
from analysis.features.judging import mask
from analysis.features.presence import to_the_absent
from analysis.features.repeats import repeats
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.registry import rules_of

rule = rules_of("anomaly", "signal levels")

AWAY_SECONDS = 600.0  # a level that lasts so long, and goes back, is no passer-by
PORTABLE = ("IHD", "PPMID", "HHT")
READ_BY_DISPLAYS = CLUSTERS.some("Price", "Metering")
SUFFERS, OFTENER, ALWAYS = 0.2, 1.5, 0.03
"""Share of a device's frames that are repeated, from which on a link is in trouble (below, retries do their work); how
many times that of before it is at least; what is always repeated."""


def _level_changes(
    view: View, column: str, unit: str, least: float, deviations: float, least_values: int = LEAST
) -> Iterator[Evidence]:
    carried = _portable(view)
    for sender, part in _heard(view, column):
        if len(part) < 2 * least_values:
            continue
        times = part["seconds"].to_numpy(dtype=float)
        values = without_daily_rhythm(part[column].to_numpy(dtype=float), times + view.start_ns / 1e9)
        steps, grave = lasting_changes(values, times, (least_values, least_values), (least, deviations), 60.0)
        frames, subject = part["frame"].to_numpy(), Subject.device(sender)
        if steps:
            words = [f"from {a:.0f} to {b:.0f} {unit} at frame {int(frames[at])}" for at, a, b in steps[:4]]
            text = f"{column} went {', '.join(words)}"
            since = changed(steps, len(frames))
            if sender in carried and not _suffers(view, sender, times[since]):
                text, grave = f"{text}: it is carried about, and its frames get through as before", False
            yield broken(subject, text, frames[since], None if grave else "info")
        else:
            yield kept(subject, f"{column} around {float(np.median(values)):.0f} {unit}")


def _portable(view: View) -> set[int]:
    """Devices that people carry about: displays and hand-held terminals by their role; and of those without a role, who
    asks for prices and readings and serves none."""
    ask = view.good.only(aps_cluster=list(READ_BY_DISPLAYS))
    by_direction = [
        {int(s) for s in ask.only(zcl_direction=way)["origin"].dropna().unique().tolist()}
        for way in ("to-server", "to-client")
    ]
    clients = {s for s in by_direction[0] - by_direction[1] if s not in view.roles}
    return view.with_role(*PORTABLE) | (clients - view.hub_addresses())


def _suffers(view: View, sender: int, times: Frame) -> bool:
    """Whether a device has to repeat its frames much more often within these times than at others."""
    sent = repeats(view)
    mine = sent[mask(sent["sender"] == sender) & ~mask(sent["heard"]) & ~to_the_absent(view)]
    if mine.empty:
        return False
    seconds, again = mine["seconds"].to_numpy(dtype=float), mask(mine["retry"])
    inside = (seconds >= times[0]) & (seconds <= times[-1])
    then = float(again[inside].mean()) if inside.any() else 0.0
    before = float(again[~inside].mean()) if (~inside).any() else 0.0
    usual = max(before * OFTENER, ALWAYS)
    return then >= SUFFERS and improbable(int(again[inside].sum()), int(inside.sum()), usual)


def _heard(view: View, column: str) -> Iterator[tuple[int, Frame]]:
    """Per sender, and channel where it is known: its data frames with a level. A hub is heard otherwise on 868 MHz
    than on 2.4 GHz."""
    rows = view.good.only(mac_type="data")
    rows = rows[mask(rows[column].notna())]
    known = mask(rows["channel"].notna())
    for (sender, _), part in rows[known].groupby(["sender", "channel"], sort=False):
        yield sender, part
    if not known.all():
        yield from rows[~known].groupby("sender", sort=False)


@rule(
    "rssi-changed",
    "A device is received at another strength than before",
    severity="warning",
    source="robust change point on the signal strength of the device itself",
    confidence="derived",
    merges=("attacks:A24",),
    cause="weak link",
    unseen="thirty data frames of one device with their signal strength",
    advice="The device or the sniffer was moved, a door was closed, or another transmitter uses its address",
)
def rssi_changed(
    view: View, *, decibels: float = 12.0, deviations: float = 4.0, least: int = 15
) -> Iterator[Evidence]:
    """The signal strength of a device that stays in its place scatters by a few decibels. A lasting step
    means that it, the sniffer or an obstacle was moved, or that frames in its name come from elsewhere. A display is
    carried about: of it a step informs, unless it has to repeat its frames since."""
    yield from _level_changes(view, "rssi", "dBm", decibels, deviations, least)


@rule(
    "lqi-changed",
    "The link quality of a device changed",
    severity="info",
    source="robust change point on the link quality of the device itself",
    confidence="derived",
    cause="weak link",
    unseen="sixty data frames of one device with their link quality",
    advice="As for signal strength; link quality also falls by interference",
)
def lqi_changed(view: View, *, steps: float = 60.0, deviations: float = 4.0) -> Iterator[Evidence]:
    """The radio's own measure of link quality (0 to 255) steps to another level and stays there. It falls
    with the signal, and also under interference while the signal is as strong as before."""
    yield from _level_changes(view, "lqi", "", steps, deviations)


@rule(
    "rssi-drifts",
    "A device comes in weaker and weaker, or stronger",
    severity="warning",
    source="robust trend of the signal strength of the device itself",
    confidence="derived",
    merges=("attacks:A24",),
    cause="weak link",
    unseen="eighty data frames of one device with their signal strength, over half an hour",
    advice="A failing battery or antenna, or somebody who walks: compare the other devices at that time",
)
def rssi_drifts(
    view: View, *, decibels: float = 10.0, parts: int = 8, least: int = 80, seconds: float = 1800.0
) -> Iterator[Evidence]:
    """The strength of a device that stays in its place is the same all day. One that changes by more than
    scatter, in one direction from each eighth of its frames to the next, is on its way to being lost, or is
    moved."""
    carried = _portable(view)
    for sender, part in _heard(view, "rssi"):
        times = part["seconds"].to_numpy(dtype=float)
        if len(part) < least or times[-1] - times[0] < seconds:
            continue
        pieces = np.array_split(part["rssi"].to_numpy(dtype=float), parts)
        levels = np.array([np.median(piece) for piece in pieces])
        steps = np.diff(levels) * np.sign(levels[-1] - levels[0])
        change = levels[-1] - levels[0]
        # one step is a move (rssi-changed); a trend has no step that is half of it, and none back
        steady = steps.min() >= -1.0 and steps.max() < 0.5 * abs(change)
        if abs(change) >= decibels and steady:
            text = f"from {levels[0]:.0f} to {levels[-1]:.0f} dBm, in one direction all the time"
            level = (
                "info" if sender in carried and not _suffers(view, sender, times[len(part) // 2 :]) else None
            )
            yield broken(Subject.device(sender), text, part["frame"].to_numpy()[len(part) // parts :], level)
        else:
            yield kept(Subject.device(sender), f"{change:+.0f} dB from the first eighth to the last")

"""Signal strength and link quality against a device's own past."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.change_points import LEAST, change_point
from analysis.findings import Evidence, broken, kept, rule
from analysis.judging import mask
from analysis.view import View


def _level_changes(view: View, column: str, unit: str, least: float, deviations: float) -> Iterator[Evidence]:
    packets = view.good
    rows = packets.only(mac_type="data")
    rows = rows[mask(rows[column].notna())]
    for sender, part in rows.groupby("sender", sort=False):
        values = part[column].to_numpy(dtype=float)
        found = change_point(values, LEAST, least)
        if found is None:
            continue
        place, before, after, gap = found
        times = part["seconds"].to_numpy(dtype=float)
        lasting = min(times[place] - times[0], times[-1] - times[place]) >= 60
        if abs(before - after) >= least and gap >= deviations and lasting:
            frame = int(part["frame"].iloc[place])
            text = f"{column} went from {before:.0f} to {after:.0f} {unit} at frame {frame}"
            yield broken(view.label(sender), text, part["frame"].to_numpy()[place:])
        else:
            yield kept(view.label(sender), f"{column} around {float(np.median(values)):.0f} {unit}")


@rule(
    "rssi-changed",
    "A device is received at another strength than before",
    severity="warning",
    source="robust change point on the signal strength of the device itself",
    confidence="derived",
    merges=("attacks:A24",),
    cause="weak link",
    unseen="sixty data frames of one device with their signal strength",
    advice="The device or the sniffer was moved, a door was closed, or another transmitter uses its address",
)
def rssi_changed(view: View, *, decibels: float = 12.0, deviations: float = 4.0) -> Iterator[Evidence]:
    """The signal strength of a device that stays in its place scatters by a few decibels. A lasting step
    means that it, the sniffer or an obstacle was moved, or that frames in its name come from elsewhere."""
    yield from _level_changes(view, "rssi", "dBm", decibels, deviations)


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

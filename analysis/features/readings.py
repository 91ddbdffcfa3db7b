"""The values of one attribute of one device, in time; and how the clock of the home stands to that of the capture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.features.identifiers import CLUSTERS, TO_CLIENT, attribute
from analysis.features.judging import groups_in, mask
from analysis.features.names import said
from analysis.features.quantities import places_of
from analysis.features.view import Frame, View

__all__ = ["EPOCH", "Runs", "Series", "elapsed", "home_clock", "series", "set_forward", "undated"]

Numbers = npt.NDArray[np.float64]
EPOCH = 946_684_800
"""Seconds from 1970 to 2000, where ZigBee's UTC begins."""
TIME = CLUSTERS["Time"]
NOW = attribute(TIME, "Time")
PAUSE, SILENT = 120.0, 60.0
"""Seconds without a frame from which a pause of the whole capture is asked about; and of it that may have been one."""
OF_MILLE = 0.001
"""What GBCS has for a meter that nobody asked for its divisor: 1000, of kWh and of m3."""


@dataclass(frozen=True, slots=True)
class Series:
    """What a device said of one attribute, in the order of the capture; what has no number is left away.

    Attributes:
        source, endpoint, cluster, attribute: whose, and which. name: what it is called.
        numbers: as sent.
        scale: of one count in `unit`, as it was first.
        told: whether the device said its scale; else it is that of GBCS.
    """

    source: int
    endpoint: Any
    cluster: int
    attribute: int
    name: str
    frames: npt.NDArray[np.int64]
    seconds: Numbers
    numbers: Numbers
    scale: float
    unit: str
    told: bool

    @property
    def values(self) -> Numbers:
        """In `unit`."""
        return self.numbers * self.scale

    def runs(self) -> Runs:
        """Stretches in which the number stays the same."""
        starts = np.flatnonzero(np.r_[True, np.diff(self.numbers) != 0])
        ends = np.r_[starts[1:], len(self.numbers)] - 1
        return Runs(starts, ends)

    def amount(self, value: float) -> str:
        """A value in words."""
        return (
            f"{value:,.4g} {self.unit}".strip() if abs(value) < 1e4 else f"{value:,.0f} {self.unit}".strip()
        )


@dataclass(frozen=True, slots=True)
class Runs:
    """Where each stretch of equal numbers begins and ends (places in the series)."""

    starts: npt.NDArray[np.intp]
    ends: npt.NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.starts)


def series(rows: Frame, unit: str = "") -> Iterator[Series]:
    """The series of rows of the attributes table, with columns frame, seconds, source, endpoint, cluster, attribute,
    attribute_name, number, scaled, unit; `unit` is that of values whose device did not say it."""
    rows = rows[mask(rows["number"].notna()) & mask(rows["source"].notna()) & mask(rows["seconds"].notna())]
    if rows.empty:
        return
    frames, seconds = rows["frame"].to_numpy(dtype=np.int64), rows["seconds"].to_numpy(dtype=float)
    numbers = rows["number"].to_numpy(dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        scales = rows["scaled"].to_numpy(dtype=float, na_value=np.nan) / numbers
    scaling = np.isfinite(scales) & (scales != 0)
    units, words = pd.factorize(rows["unit"])  # -1: none
    groups = groups_in(rows, "source", "endpoint", "cluster", "attribute")
    of_first = rows[["source", "endpoint", "cluster", "attribute", "attribute_name"]].iloc[
        [g[0] for g in groups]
    ]
    for own, key in zip(groups, of_first.itertuples(index=False), strict=True):
        source, endpoint, cluster, code, name = key
        told, named = own[scaling[own]], own[units[own] >= 0]
        yield Series(
            int(source), endpoint, int(cluster), int(code), said(name, f"attribute 0x{int(code):04x}"),
            frames[own], seconds[own], numbers[own], float(scales[told[0]]) if len(told) else OF_MILLE,
            str(words[units[named[0]]]) if len(told) and len(named) else unit, len(told) > 0,
        )  # fmt: skip


def home_clock(view: View) -> float | None:
    """How far the time that the hub serves is ahead of the capture's clock (`elapsed`), in seconds (median); None
    where it serves none."""
    return view.once(_home_clock)


def set_forward(view: View) -> npt.NDArray[np.float64]:
    """Pauses of the whole capture that were none: the sniffer's clock was set forward, for the time that the hub
    serves went on over them as if they had not been. A row each: its start and its end, in seconds."""
    return view.once(_set_forward)


def _set_forward(view: View) -> npt.NDArray[np.float64]:
    times, none = view.good["seconds"].to_numpy(dtype=float), np.empty((0, 2))
    at = np.flatnonzero(np.diff(times) > PAUSE)
    if not len(at):
        return none
    clocks = [
        (rows["seconds"].to_numpy(dtype=float), rows["number"].to_numpy(dtype=float))
        for rows in _clocks(view)
    ]
    out = [
        (start, end)
        for start, end in zip(times[at].tolist(), times[at + 1].tolist(), strict=True)
        if any(_as_if_none(when, told, start, end) for when, told in clocks)
    ]
    return np.array(out) if out else none


def _as_if_none(when: Numbers, told: Numbers, start: float, end: float) -> bool:
    """Whether a clock went on over a pause as if it had not been."""
    place = int(np.searchsorted(when, start, side="right"))
    if not 0 < place < len(when):
        return False
    step = told[place] - told[place - 1] - (when[place] - when[place - 1])
    return bool(abs(step + end - start) <= SILENT)


def _clocks(view: View) -> Iterator[Frame]:
    """The times that the hub serves, and those that each publisher tells in its commands."""
    yield _served(view)
    told = view.commands.only(field=[place.field for place in places_of("clock") if place.field])
    told = told[mask(told["number"].notna()) & mask(told["source"].notna())]
    for _, part in told.groupby("source", sort=False):
        yield part


def undated(view: View) -> bool:
    """Whether the capture's times are no date: they begin before ZigBee's epoch, as those of a sniffer without a clock,
    which counts from its start."""
    return view.start_ns < EPOCH * 10**9


def elapsed(view: View, seconds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Times of the capture without what its clock was set forward by before them."""
    pauses = set_forward(view)
    if not len(pauses):
        return seconds
    sums = np.r_[0.0, np.cumsum(pauses[:, 1] - pauses[:, 0])]
    less: npt.NDArray[np.float64] = seconds - sums[np.searchsorted(pauses[:, 0], seconds, side="left")]
    return less


def _home_clock(view: View) -> float | None:
    rows = _served(view)
    if rows.empty:
        return None
    ahead = (
        rows["number"].to_numpy(dtype=float) + EPOCH - elapsed(view, rows["seconds"].to_numpy(dtype=float))
    )
    return float(np.median(ahead)) - view.start_ns / 1e9


def _served(view: View) -> Frame:
    """The times that the hub serves."""
    rows = view.attributes.only(cluster=TIME).only(attribute=NOW)
    return rows[
        mask(rows["number"].notna())
        & mask(rows["direction"] == TO_CLIENT)
        & mask(rows["seconds"].notna())
        & mask(rows["source"].isin(list(view.hub_addresses())))
    ]

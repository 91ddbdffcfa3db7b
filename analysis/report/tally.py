"""What the report tells of a capture, counted window by window, so that it fits into memory at any length."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from analysis.features.repeats import repeats
from analysis.features.shut import ShutKind, count_shut
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence
from analysis.pipeline.windows import Window
from analysis.tables.lazy import mask, numbers_of
from analysis.tables.row_form import RowForm

__all__ = ["COLUMNS_OVER_TIME", "FRAMES_LISTED", "FRAMES_PER_FINDING", "LinkCount", "Tally", "clock"]

COLUMNS_OVER_TIME = 96
FINE = 32  # parts of a column in which frames are counted while the length of the capture is unknown
FRAMES_LISTED = 3000
FRAMES_PER_FINDING = 40
CAPTURES_NAMED = 10
LAYERS = ("mac", "nwk", "aps")
LINE = (
    "frame", "seconds", "sender", "receiver", "mac_type", "protocol", "summary", "length", "rssi",
    "nwk_security", "fcs_ok",
)  # fmt: skip
LEVELS = 256  # a signal strength is one octet


@dataclass(slots=True)
class LinkCount:
    """Frames over one hop, how many of them were retries, and how often each signal strength came."""

    frames: int = 0
    retries: int = 0
    levels: Frame = field(default_factory=lambda: np.zeros(LEVELS, np.int64))

    @property
    def level(self) -> float | None:
        """The median signal strength in dBm; None where none is known."""
        upto = np.cumsum(self.levels)
        if not upto[-1]:
            return None
        low, high = np.searchsorted(upto, [(upto[-1] - 1) // 2, upto[-1] // 2], side="right")
        return float(low + high) / 2 - LEVELS // 2


@dataclass(slots=True)
class Tally:
    """The counts; `see` takes in one window after the other.

    Attributes:
        chosen: which rows of a table of packets count; None for all.
        form: how times are written; None for the time of day in UTC.
        view: the last window's view, which has the devices and the keys.
        security: frames by layer and verdict. shut: frames by PAN, key sequence number and verdict.
        reasons: frames whose security is not in order, by layer, verdict and reason.
        traffic: frames by protocol and part of time, each part `resolution` seconds.
        sent: good frames by sender. links: by sender and receiver.
        lines: what is shown of the frames that findings name.
    """

    chosen: Callable[[Any], Any] | None = None
    form: RowForm | None = None
    view: View | None = None
    frames: int = 0
    octets: int = 0
    damaged: int = 0
    duration: float = 0.0
    captures: dict[str, None] = field(default_factory=dict)
    channels: set[int] = field(default_factory=set)
    pans: Counter[int] = field(default_factory=Counter)
    protocols: Counter[str] = field(default_factory=Counter)
    security: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in LAYERS})
    shut: Counter[tuple[Any, Any, str]] = field(default_factory=Counter)
    reasons: Counter[ShutKind] = field(default_factory=Counter)
    traffic: dict[str, Frame] = field(default_factory=dict)
    resolution: float = 0.0
    sent: Counter[int] = field(default_factory=Counter)
    links: dict[tuple[int, int], LinkCount] = field(default_factory=dict)
    lines: dict[int, dict[str, Any]] = field(default_factory=dict)

    def see(self, view: View, window: Window | None, evidence: Sequence[Evidence]) -> None:
        """Count the frames that a window judges; of the whole capture when None."""
        whole, view = view, self._in_part(view, window)
        self.view = view
        packets = view.packets
        numbers = numbers_of(packets["frame"])[0]
        if window is not None and not window.whole:
            packets = packets[(numbers >= window.start) & (numbers < window.end)]
        self.frames += len(packets)
        self.duration = max(self.duration, view.duration)
        self.octets += int(packets["length"].fillna(0).astype("int64").sum())
        self.damaged += int(mask(packets["fcs_ok"] == False).sum())  # noqa: E712
        self._count(packets)
        self._count_time(packets, view, window is None or window.whole)
        self._count_links(view, packets)
        self.list_frames(whole, (frame for one in evidence for frame in one.frames[:FRAMES_PER_FINDING]))

    def _in_part(self, view: View, window: Window | None) -> View:
        if self.chosen is None or window is None:
            return view
        packets = window.tables["packets"].filter(pa.array(self.chosen(window.tables["packets"])))
        return View.of({**window.tables, "packets": packets}, None, view.known())

    def _count(self, packets: Frame) -> None:
        for name in _counted(packets, "capture"):
            if len(self.captures) < CAPTURES_NAMED:
                self.captures.setdefault(name)
        self.channels |= {int(channel) for channel in _counted(packets, "channel")}
        self.pans.update(_counted(packets, "pan"))
        self.protocols.update(_counted(packets, "protocol"))
        for layer, found in self.security.items():
            found.update(_counted(packets, f"{layer}_security"))
        count_shut(packets, self.reasons)
        shut = packets.only(nwk_security=["no_key", "bad_mic"])
        keys = ["pan", "nwk_key_seq", "nwk_security"]
        groups = shut.groupby(keys, dropna=False, sort=False)["frame"].size()
        self.shut.update({key: int(n) for key, n in groups.items() if n})

    def _count_time(self, packets: Frame, view: View, whole: bool) -> None:
        seconds = np.nan_to_num(packets["seconds"].to_numpy(dtype=float))
        span = max(view.duration, 1e-6)
        if not self.resolution:
            self.resolution = span / COLUMNS_OVER_TIME / (1 if whole else FINE)
        while not whole and span / self.resolution > 2 * COLUMNS_OVER_TIME * FINE:
            self.resolution *= 2
            self.traffic = {name: _folded(counts) for name, counts in self.traffic.items()}
        place = np.minimum((seconds / self.resolution).astype(int), int(span / self.resolution)).clip(0)
        codes, names = packets.codes("protocol")
        for code, name in enumerate(names):
            counts = np.bincount(place[codes == code])
            self.traffic[name] = _sum(self.traffic.get(name, np.zeros(0, np.int64)), counts)

    def _count_links(self, view: View, packets: Frame) -> None:
        wrong = mask(packets["fcs_ok"] == False)  # noqa: E712
        self.sent.update(_counted(packets[~wrong], "sender"))
        first, last = (int(packets["frame"].iloc[place]) for place in (0, -1)) if len(packets) else (1, 0)
        hops = repeats(view)
        numbers = numbers_of(hops["frame"])[0]
        hops = hops[~mask(hops["heard"]) & (numbers >= first) & (numbers <= last)]
        for pair, part in hops.groupby(["sender", "receiver"], sort=False):
            link = self.links.setdefault(pair, LinkCount())
            link.frames += len(part)
            link.retries += int(part["retry"].sum())
            levels, known = numbers_of(part["rssi"])
            link.levels += np.bincount(levels[known].astype(int) + LEVELS // 2, minlength=LEVELS)

    def list_frames(self, view: View, frames: Iterable[int]) -> None:
        """Keep what is shown of these frames, of the first ones when there are too many."""
        wanted = sorted({*frames} - self.lines.keys())[: FRAMES_LISTED - len(self.lines)]
        for row in view.packets.of_frames(wanted)[list(LINE)].to_dict("records"):
            names = {end: "" if pd.isna(row[end]) else view.label(row[end]) for end in ("sender", "receiver")}
            self.lines[int(row["frame"])] = {**row, **names}

    def columns(self, name: str) -> Frame:
        """Frames of a protocol in each column of the chart over time."""
        counts = self.traffic[name]
        size = max(self.duration, 1e-6) / COLUMNS_OVER_TIME
        place = ((np.arange(len(counts)) + 0.5) * self.resolution / size).astype(int)
        return np.bincount(np.minimum(place, COLUMNS_OVER_TIME - 1), counts, COLUMNS_OVER_TIME).astype(int)


def clock(view: View, seconds: float, form: RowForm | None = None) -> str:
    """Time of day of `seconds` after the first frame, UTC or as `form` has it."""
    if form is not None and form.times in ("relative", "delta"):
        return f"+{seconds:.3f} s"
    when = datetime.fromtimestamp((view.start_ns / 1e9) + seconds, UTC)
    if form is not None and form.times == "local":
        when = when.astimezone(form.zone)
    return when.strftime("%H:%M:%S.%f")[:-3]


def _counted(rows: Frame, name: str) -> dict[Any, int]:
    """How many rows have each value of a column."""
    codes, keys = rows.codes(name)
    codes = codes[codes >= 0]
    counts = np.bincount(codes, minlength=len(keys)).tolist()
    return {key: n for key, n in zip(keys, counts, strict=True) if n}


def _folded(counts: Frame) -> Frame:
    return np.append(counts, np.zeros(len(counts) % 2, counts.dtype)).reshape(-1, 2).sum(axis=1)


def _sum(one: Frame, two: Frame) -> Frame:
    out = np.zeros(max(len(one), len(two)), np.int64)
    out[: len(one)] += one
    out[: len(two)] += two
    return out

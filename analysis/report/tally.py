"""What the report tells of a capture, counted window by window, so that it fits into memory at any length."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from analysis.features.shut import ShutKind, count_shut
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence
from analysis.pipeline.windows import Window
from analysis.report.hops import Hops, counted
from analysis.report.ladder_frames import LadderFrames
from analysis.tables.lazy import mask, numbers_of
from analysis.tables.row_form import RowForm

__all__ = ["COLUMNS_OVER_TIME", "FRAMES_LISTED", "FRAMES_PER_FINDING", "Tally", "clock"]

COLUMNS_OVER_TIME = 240
FINE = 16  # parts of a column in which frames are counted while the length of the capture is unknown
FRAMES_LISTED = 1200
MOMENTS = 80
"""Frames of a finding, spread over all of them, whose times are kept."""
FRAMES_PER_FINDING = 12
CAPTURES_NAMED = 10
IN_LADDER, MOST_NAMED = 12, 2000
"""Frames of a finding, and of all findings of a window, for which what is around them is kept."""
LAYERS = ("mac", "nwk", "aps")
LINE = (
    "frame", "seconds", "sender", "receiver", "mac_type", "protocol", "summary", "length", "rssi",
    "nwk_security", "fcs_ok",
)  # fmt: skip


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
        hops: what was sent over which hop.
        lines: what is shown of the frames that findings name. ladder_frames: what is around them. moments:
            seconds of frames that findings name.
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
    hops: Hops = field(default_factory=Hops)
    lines: dict[int, dict[str, Any]] = field(default_factory=dict)
    moments: dict[int, float] = field(default_factory=dict)
    ladder_frames: LadderFrames = field(default_factory=LadderFrames)

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
        self.hops.take(view, packets)
        self.name_frames(whole, [one.frames for one in evidence])

    def _in_part(self, view: View, window: Window | None) -> View:
        if self.chosen is None or window is None:
            return view
        packets = window.tables["packets"].filter(pa.array(self.chosen(window.tables["packets"])))
        return View.of({**window.tables, "packets": packets}, None, view.known())

    def _count(self, packets: Frame) -> None:
        for name in counted(packets, "capture"):
            if len(self.captures) < CAPTURES_NAMED:
                self.captures.setdefault(name)
        self.channels |= {int(channel) for channel in counted(packets, "channel")}
        self.pans.update(counted(packets, "pan"))
        self.protocols.update(counted(packets, "protocol"))
        for layer, found in self.security.items():
            found.update(counted(packets, f"{layer}_security"))
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

    def name_frames(self, view: View, named: Sequence[Sequence[int]]) -> None:
        """Keep what is shown of the frames that findings name, the first of each before the others."""
        self.list_frames(view, (frame for frames in named for frame in frames[:FRAMES_PER_FINDING]))
        self._note_moments(view, [one for frames in named for one in frames[:: len(frames) // MOMENTS + 1]])
        self.ladder_frames.take(
            view, islice((frame for frames in named for frame in frames[:IN_LADDER]), MOST_NAMED)
        )

    def list_frames(self, view: View, frames: Iterable[int]) -> None:
        """Keep what is shown of these frames, of the first ones when there are too many."""
        wanted = sorted({*frames} - self.lines.keys())[: FRAMES_LISTED - len(self.lines)]
        for row in view.packets.of_frames(wanted)[list(LINE)].to_dict("records"):
            names = {end: "" if pd.isna(row[end]) else view.label(row[end]) for end in ("sender", "receiver")}
            self.lines[int(row["frame"])] = {**row, **names}

    def _note_moments(self, view: View, frames: Sequence[int]) -> None:
        rows = view.packets.of_frames(frames)
        numbers, seconds = (
            numbers_of(rows["frame"])[0].tolist(),
            rows["seconds"].to_numpy(dtype=float).tolist(),
        )
        self.moments.update((frame, at) for frame, at in zip(numbers, seconds, strict=True) if at == at)

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


def _folded(counts: Frame) -> Frame:
    return np.append(counts, np.zeros(len(counts) % 2, counts.dtype)).reshape(-1, 2).sum(axis=1)


def _sum(one: Frame, two: Frame) -> Frame:
    out = np.zeros(max(len(one), len(two)), np.int64)
    out[: len(one)] += one
    out[: len(two)] += two
    return out

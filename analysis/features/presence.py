"""When devices are heard: their pauses, which of them are habit, and whether a pause was one or only was not heard.

Strategy: the frame counter of a device goes on while it is not heard (ZigBee PRO 05-3474 4.3.1.1). A pause over which
it rose as much as it always does was none: the sniffer did not hear the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.features.judging import mask
from analysis.features.polls import POLL
from analysis.features.repeats import repeats
from analysis.features.view import Frame, View
from analysis.tables.lazy import numbers_of

__all__ = [
    "SLEEP",
    "Presence",
    "habit",
    "heard_rows",
    "pauses_of_all",
    "presences",
    "sleepers",
    "to_the_absent",
]

Times = npt.NDArray[np.float64]
MOMENT = 1.0  # seconds; shorter pauses are those between frames of one exchange
RARE = 0.05  # of the pauses of a device, those that may be none of its habit; five at most
MOST = 0.5  # of the time in which it was heard
SLEEP = 1800.0  # seconds
GONE = 180.0  # seconds
LONG, MANY = 300.0, 10.0
"""Seconds, and times the habit, from which a pause of the whole capture is none of its habits."""
UNHEARD = 0.5  # of the frames that a device sends in that time
FEW_FRAMES = 6  # to a device, from which their acknowledgements tell
STORED_EVERY = (
    256  # frames, after which stacks store the counter, or a multiple; a restart goes on from the next
)
RESTARTED = 8  # frames behind such a place
PLENTY = 20.0  # frames that it would have sent, from which its counter tells


@dataclass(frozen=True, slots=True)
class Presence:
    """When one device was heard.

    Attributes:
        pan: of its last frame. seconds, frames: each frame that it sent, in order.
        counters: NWK frame counter of each; -1 where there is none.
    """

    station: int
    pan: int
    seconds: Times
    frames: npt.NDArray[np.int64]
    counters: npt.NDArray[np.int64]

    def unheard(self, at: int) -> bool | None:
        """Whether it went on sending in the pause behind frame `at`, by its frame counter; None: that is not told."""
        known = np.flatnonzero(self.counters >= 0)
        place = int(np.searchsorted(known, at, side="right"))
        if not 0 < place < len(known):
            return None
        before, after = known[place - 1], known[place]
        steps, pauses = np.diff(self.counters[known]), np.diff(self.seconds[known])
        usual = (steps > 0) & (steps <= 64)
        usual[place - 1] = False
        lasted, since = float(pauses[usual].sum()), float(self.seconds[after] - self.seconds[before])
        expected = float(steps[usual].sum()) / lasted * since if lasted else 0.0
        if expected < PLENTY:
            return None
        return float(self.counters[after] - self.counters[before]) >= UNHEARD * expected

    def acknowledged(self, view: View, at: int) -> bool | None:
        """Whether frames to it were acknowledged in the pause behind frame `at`; None where too few were sent to it."""
        sent = repeats(view)
        seconds = sent["seconds"].to_numpy(dtype=float)
        first, last = np.searchsorted(seconds, (self.seconds[at] + 0.1, self.seconds[at + 1] - 0.1))
        mine = sent.iloc[np.arange(first, last)]
        mine = mine[mask(mine["receiver"] == self.station)]
        return float(mask(mine["acked"]).mean()) > UNHEARD if len(mine) >= FEW_FRAMES else None

    def went_on(self, view: View, at: int) -> bool | None:
        """Whether it was there in the pause behind frame `at`, though not heard: by its acknowledgements, or else by its
        frame counter, unless that leapt to where a device goes on after a restart."""
        told = self.acknowledged(view, at)
        if told is not None:
            return told
        after = self.counters[at + 1 :]
        after = after[after >= 0]
        if len(after) and 0 <= int(after[0]) % STORED_EVERY <= RESTARTED:
            return False
        return self.unheard(at)

    def restarted(self, at: int) -> bool:
        """Whether its frame counter began anew behind frame `at`."""
        after = self.counters[at + 1 :]
        after = after[after >= 0]
        return len(after) > 0 and 0 <= after[0] < self.counters[: at + 1].max(initial=-1)


def habit(pauses: Times) -> float:
    """The longest pause that is a device's habit: those that are rare and longer are left away, unless they are most of
    the time."""
    long = np.sort(pauses[pauses > MOMENT])[::-1]
    if not len(long):
        return 0.0
    rare = min(5, int(np.ceil(RARE * len(long)))) if len(long) >= 8 else 0
    while rare and float(long[:rare].sum()) > MOST * float(pauses.sum()):
        rare -= 1
    return float(long[rare])


def pauses_of_all(view: View) -> Times:
    """Pauses in which nothing at all was heard, though something is all the time else: whoever listened paused, or nobody
    sent. A row each: its start and its end, in seconds."""
    return view.once(_pauses_of_all)


def _pauses_of_all(view: View) -> Times:
    times = np.sort(view.packets["seconds"].to_numpy(dtype=float))
    pauses = np.diff(times)
    at = np.flatnonzero(pauses > max(LONG, MANY * habit(pauses)))
    return np.column_stack([times[at], times[at + 1]])


def sleepers(view: View) -> frozenset[int]:
    """Devices that poll: between their times they sleep for half an hour (GBCS 10.4.2.8), whatever they did before."""
    return view.once(_sleepers)


def _sleepers(view: View) -> frozenset[int]:
    return frozenset(map(int, view.good.only(mac_command=POLL).values("sender")))


def heard_rows(view: View) -> Frame:
    """Frames that say that their sender is there: of the NWK layer, and polls."""
    return view.once(_heard_rows)


def _heard_rows(view: View) -> Frame:
    packets = view.good
    rows = packets[mask(packets["nwk_type"].notna()) | mask(packets["mac_command"] == POLL)]
    return rows[rows.known("sender") & mask(rows["pan"].notna()) & ~mask(rows["mac_type"] == "ack")]


def heard_at(view: View) -> dict[int, Times]:
    """When each station was heard (seconds of `heard_rows`), in the order of its frames."""
    return view.once(_heard_at)


def _heard_at(view: View) -> dict[int, Times]:
    rows = heard_rows(view)
    if rows.empty:
        return {}
    seconds = rows["seconds"].to_numpy(dtype=float)
    return {station: seconds.take(places) for station, places in _places(rows)}


def presences(view: View) -> dict[int, Presence]:
    """By station: when it was heard, of those that were heard at least eight times in order of time."""
    return view.once(_presences)


def _presences(view: View) -> dict[int, Presence]:
    rows = heard_rows(view)
    out: dict[int, Presence] = {}
    if rows.empty:
        return out
    heard, frames = heard_at(view), numbers_of(rows["frame"])[0].astype(np.int64)
    values, known = numbers_of(rows["nwk_counter"])
    own = known & rows.known("nwk_sender") & ~mask(rows["nwk_security"].isin(["bad_mic", "replay"]))
    counters = np.where(own, values.astype(np.int64), -1)
    pans = numbers_of(rows["pan"])[0]
    for station, places in _places(rows):
        seconds = heard[station]
        if len(places) < 8 or bool((np.diff(seconds) < 0).any()):
            continue
        pan = int(pans[places[-1]])
        out[station] = Presence(station, pan, seconds, frames[places], counters[places])
    return out


def _places(rows: Frame) -> Any:
    """Stations with the places of their rows, in order."""
    codes, keys = rows.codes("sender")
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-2))
    ends = [*starts[1:], len(order)]
    return [
        (int(keys[codes[order[b]]]), order[b:e])
        for b, e in zip(starts, ends, strict=True)
        if codes[order[b]] >= 0
    ]


def to_the_absent(view: View) -> npt.NDArray[np.bool_]:
    """Which rows of `repeats` were sent to a device that was gone, and not heard for minutes around: that nobody
    acknowledged them says nothing of a link."""
    return view.once(_to_the_absent)


def _to_the_absent(view: View) -> npt.NDArray[np.bool_]:
    sent, known = repeats(view), presences(view)
    seconds = sent["seconds"].to_numpy(dtype=float)
    out = np.zeros(len(sent), dtype=bool)
    asleep = sleepers(view)
    for receiver, places in sent.groupby("receiver", sort=False).places():
        one = known.get(int(receiver))
        if one is None or one.station in asleep:
            continue
        gone = max(GONE, 3 * habit(np.diff(one.seconds)))
        edges = np.r_[one.seconds[0], one.seconds, np.inf]
        behind = np.searchsorted(edges, seconds[places], side="right") - 1
        pauses = np.diff(np.r_[edges[:-1], max(view.duration, edges[-2])], append=0.0)
        out[places] = pauses[np.minimum(behind, len(pauses) - 1)] > gone
    return out

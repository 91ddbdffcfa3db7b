"""How often sleeping devices poll: facts that several rules share."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from analysis.features.identifiers import MAC_COMMANDS
from analysis.features.view import Frame, View

__all__ = ["POLL", "poll_gaps", "pollers"]

POLL = MAC_COMMANDS["Data Request"]

FRESH = 0.05  # seconds; a retry is no poll of its own
WAKE = 60.0  # seconds that a device is awake for one thing, at most
MOSTLY = 0.5  # of the polls of a wake, from which on it is one talk
TOGETHER = 30.0  # seconds between polls of one wake, at most
HELD = 7.68  # seconds for which a parent holds a frame (IEEE 802.15.4-2011 macTransactionPersistenceTime)


def pollers(view: View) -> frozenset[int]:
    """The devices that poll: they sleep, and are told nothing between."""
    return frozenset(map(int, view.good.only(mac_command=POLL).values("sender")))


def poll_gaps(view: View) -> Iterator[tuple[int, Frame, Frame, Frame]]:
    """Per device with polls (MAC data requests, IEEE 802.15.4-2011 5.3.4): its station, the seconds between one
    poll and the next, when each of those ended, and at which frame. What it polls for while it talks (for an answer, for
    the next of several frames that wait) is no pace: polls close together, right behind data that it sent or was sent, or
    in a wake of less than a minute, or of any length where most polls are of such talk: who fetches several messages one
    after the other waits for each."""
    packets = view.good
    talk = packets.only(mac_type="data")
    sent, got = (dict(talk.groupby(way, sort=False).places()) for way in ("sender", "receiver"))
    when = talk["seconds"].to_numpy(dtype=float)
    for sender, part in packets.only(mac_command=POLL).groupby("sender", sort=False):
        times = part["seconds"].to_numpy(dtype=float)
        gaps = np.diff(times)
        own = np.sort(np.r_[when[sent.get(sender, [])], when[got.get(sender, [])]], kind="stable")
        since = times[1:] - np.r_[-np.inf, own][np.searchsorted(own, times[1:], side="right")]
        talks = (gaps < HELD) & (since < HELD)
        fresh = (gaps > FRESH) & ~talks & ~_within_wakes(gaps, talks)
        yield int(sender), gaps[fresh], times[1:][fresh], part["frame"].to_numpy()[1:][fresh]


def _within_wakes(gaps: npt.NDArray[np.float64], talks: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which gaps lie within a short wake between longer ones, or within one that is mostly talk."""
    apart = np.flatnonzero(gaps >= TOGETHER)
    if not len(apart):
        return np.zeros(len(gaps), np.bool_)
    wake = np.searchsorted(apart, np.arange(len(gaps)))
    near = gaps < TOGETHER
    lasts = np.bincount(wake, np.where(near, gaps, 0.0))[wake]
    talking = np.bincount(wake, near & talks)[wake] >= MOSTLY * np.bincount(wake, near)[wake]
    inside: npt.NDArray[np.bool_] = near & ((lasts < WAKE) | talking)
    return inside

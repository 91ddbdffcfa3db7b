"""How often sleeping devices poll: facts that several rules share."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.features.identifiers import MAC_COMMANDS
from analysis.features.view import Frame, View

__all__ = ["POLL", "poll_gaps", "pollers"]

POLL = MAC_COMMANDS["Data Request"]

FRESH = 0.05  # seconds; retries and polls for the next of several waiting frames are no pace


def pollers(view: View) -> frozenset[int]:
    """The devices that poll: they sleep, and are told nothing between."""
    return frozenset(int(one) for one in view.good.only(mac_command=POLL)["sender"].dropna().unique())


def poll_gaps(view: View) -> Iterator[tuple[int, Frame, Frame, Frame]]:
    """Per device with polls (MAC data requests, IEEE 802.15.4-2011 5.3.4): its station, the seconds between one
    poll and the next, when each of those ended, and at which frame."""
    for sender, part in view.good.only(mac_command=POLL).groupby("sender", sort=False):
        times = part["seconds"].to_numpy(dtype=float)
        gaps = np.diff(times)
        fresh = gaps > FRESH
        yield int(sender), gaps[fresh], times[1:][fresh], part["frame"].to_numpy()[1:][fresh]

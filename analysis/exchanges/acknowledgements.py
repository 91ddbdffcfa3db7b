"""MAC and APS acknowledgements, and the data that polls fetch: which exchange they belong to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from analysis.exchanges.desk import Scene
from analysis.exchanges.frame_exchanges import POLL, UnitMemory
from analysis.exchanges.kinds import SECOND
from analysis.exchanges.owners import Owners
from analysis.exchanges.recent import Keys, Numbers, Recent, mixed

__all__ = ["Acknowledgements", "Heard"]

ACK_WAIT = SECOND // 10
"""An acknowledgement follows within a millisecond; clocks of captures are coarser."""
FETCHED = SECOND // 2
"""macMaxFrameTotalWaitTime is 20 ms at 2.4 GHz; repetitions of the data come on top."""


class Heard(NamedTuple):
    """What acknowledgements and data of a block show.

    Attributes:
        delivered: handles of exchanges a frame of which came to its last station.
        pending: handles of polls whose acknowledgement announced data.
        fetched: handles of polls, times, and handles of the exchanges that the data belongs to.
    """

    delivered: Numbers
    pending: Numbers
    fetched: tuple[Numbers, Numbers, Numbers]


@dataclass(slots=True)
class Acknowledgements:
    """Frames that wait for their acknowledgement (exchange times two, and whether this hop is the last), and polls."""

    frames: Recent = field(default_factory=lambda: Recent(ACK_WAIT))
    polls: Recent = field(default_factory=lambda: Recent(FETCHED))

    def attach(self, scene: Scene, memory: UnitMemory, owners: Owners) -> Heard:
        """Give acknowledgements, and data that belongs to nothing else, their exchange."""
        whole = self._aps(scene, memory)
        fetched = self._fetched(scene, owners)
        delivered, pending = self._mac(scene)
        return Heard(np.concatenate([whole, delivered]), pending, fetched)

    def _aps(self, scene: Scene, memory: UnitMemory) -> Numbers:
        frames, units = scene.frames, scene.units
        rows = np.flatnonzero(frames.is_aps_ack)
        if not len(rows):
            return np.zeros(0, np.int64)
        keys = mixed(
            2, frames.sent_to[rows], frames.sent_by[rows], frames.aps_counter[rows], frames.cluster[rows]
        )
        opened = units.keys, units.rows, units.handle[units.which] * 2, frames.time[units.rows]
        found = memory.units.latest(opened, (keys, rows, frames.time[rows])) >> 1
        scene.handle[rows] = found
        answered: Numbers = found[found != 0]
        return answered

    def _fetched(self, scene: Scene, owners: Owners) -> tuple[Numbers, Numbers, Numbers]:
        frames = scene.frames
        keys, poll = self._pollers(scene, np.flatnonzero(frames.mac_command == POLL), owners)
        opened = keys, poll, scene.handle[poll], frames.time[poll]
        pollers = np.unique(np.concatenate([self.polls.keys, opened[0]]))
        nothing = np.zeros(0, np.int64)
        if not len(pollers):
            return nothing, nothing, nothing
        back = mixed(8, frames.pan, frames.hop_to)
        at = np.minimum(np.searchsorted(pollers, back), len(pollers) - 1)
        rows = np.flatnonzero((pollers[at] == back) & ~frames.is_mac_ack & (frames.mac_command != POLL))
        found = self.polls.latest(opened, (back[rows], rows, frames.time[rows]))
        rows, found = rows[found != 0], found[found != 0]
        inner = scene.handle[rows].copy()
        scene.handle[rows] = np.where(inner == 0, found, inner)
        return found, frames.time[rows], inner

    def _mac(self, scene: Scene) -> tuple[Numbers, Numbers]:
        frames = scene.frames
        rows = np.flatnonzero(frames.is_mac_ack)
        row = self._just_before(scene, rows)
        here, handle, last = row >= 0, np.zeros(len(rows), np.int64), np.zeros(len(rows), np.bool_)
        handle[here], last[here] = scene.handle[row[here]], self._last_hop(scene, row[here])
        late = np.flatnonzero(~here)
        if len(late):
            waiting = np.flatnonzero(frames.ack_wanted)
            keys, times = self._waiting(scene, waiting)
            opened = keys, waiting, -1 - waiting, times
            key, time = self._waiting(scene, rows[late])
            found = self.frames.latest(opened, (key, rows[late], time))
            inside = found < 0
            at = np.where(inside, -1 - found, 0)
            handle[late] = np.where(inside, scene.handle[at], found >> 1)
            last[late] = np.where(inside, self._last_hop(scene, at), (found & 1) > 0) & (found != 0)
        scene.handle[rows] = handle
        return handle[last & (handle != 0)], handle[frames.pending[rows] & (handle != 0)]

    @staticmethod
    def _just_before(scene: Scene, rows: Numbers) -> Numbers:
        """The last frame before each acknowledgement that wants one, if it is this one; else -1. Nearly always it is."""
        frames = scene.frames
        before = np.maximum.accumulate(np.where(frames.ack_wanted, np.arange(frames.count), -1))[rows]
        at = np.maximum(before, 0)
        fits = (
            (before >= 0)
            & (frames.mac_seq[at] == frames.mac_seq[rows])
            & (frames.channel[at] == frames.channel[rows])
        )
        return np.where(fits & (frames.time[rows] - frames.time[at] <= ACK_WAIT), before, -1)

    @staticmethod
    def _waiting(scene: Scene, rows: Numbers) -> tuple[npt.NDArray[np.uint64], Numbers]:
        frames = scene.frames
        return mixed(9, frames.mac_seq[rows], frames.channel[rows]), frames.time[rows]

    @staticmethod
    def _last_hop(scene: Scene, rows: Numbers) -> npt.NDArray[np.bool_]:
        frames = scene.frames
        nwk = frames.nwk_dst[rows]
        last: npt.NDArray[np.bool_] = (nwk < 0) | (frames.hop_to[rows].astype(np.int64) == nwk)
        return last

    def remember(self, scene: Scene, exchange: Numbers, owners: Owners) -> None:
        """Take along what may still be acknowledged or fetched."""
        frames = scene.frames
        now = int(frames.time[-1])
        rows = np.flatnonzero(frames.ack_wanted & (frames.time >= now - ACK_WAIT))
        keys, times = self._waiting(scene, rows)
        self.frames.remember(keys, exchange[rows] * 2 + 1 * self._last_hop(scene, rows), times, now)
        rows = np.flatnonzero((frames.mac_command == POLL) & (frames.time >= now - FETCHED))
        keys, rows = self._pollers(scene, rows, owners)
        self.polls.remember(keys, exchange[rows], frames.time[rows], now)

    @staticmethod
    def _pollers(scene: Scene, rows: Numbers, owners: Owners) -> tuple[Keys, Numbers]:
        """Keys of polls by their child alone (it may ask by the short address and hear its parent by the long one), and
        by its EUI-64 where it polls with a short address whose owner is known."""
        frames = scene.frames
        pan, child = frames.pan[rows], frames.hop_from[rows]
        known = owners.at(pan << 16 | child.view(np.int64), frames.time[rows])
        owner = np.where(child < 1 << 16, known, 0)
        told = np.flatnonzero(owner > 0)
        keys = np.concatenate([mixed(8, pan, child), mixed(8, pan[told], owner[told])])
        return keys, np.concatenate([rows, rows[told]])

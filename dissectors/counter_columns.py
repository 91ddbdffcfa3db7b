"""Frame counters of many frames at once: the verdict of `dissectors.counters`, and its memory kept for it.

Strategy: in a capture read in order nearly every counter is greater than all before it, and one running
maximum over all senders shows which are not. Only those few are looked at one by one: have the same octets
been seen a moment ago? What the one-frame path has to know afterwards is written to its memory when a frame
goes that way, and at the end of the block: the greatest counter, and the uses of the last moments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from zlib import crc32

import numpy as np
import numpy.typing as npt

from dissectors.counters import RELAY_NS, REPEAT_NS, FrameCounters, Track, Use
from dissectors.vectors import Index, Mask, distinct, highest_before, stable_order

__all__ = ["Uses", "uses_of"]

KEPT_NS = {"nwk": 2 * REPEAT_NS, "aps": 2 * RELAY_NS}
"""Uses within this time before the last one stay in the memory of the one-frame path: twice its patience."""

Pair = tuple[str, int, bytes]
"""Layer, EUI-64 of the sender, key."""


@dataclass(slots=True)
class Uses:
    """The uses of counters in one layer of a block, in the order of the frames.

    `pair` is the place in `pairs`; `digest` and `mark` tell a frame sent again (see `dissectors.counters`).
    """

    pairs: list[Pair]
    pair: Index
    row: Index
    number: npt.NDArray[np.int64]
    counter: npt.NDArray[np.uint32]
    time_ns: npt.NDArray[np.int64]
    digest: npt.NDArray[np.uint32]
    mark: npt.NDArray[np.uint32]
    _by_pair: list[Index] = field(default_factory=list)
    _told: list[int] = field(default_factory=list)

    def _again(self, use: int) -> int:
        """What the one-frame path calls a repeated frame by."""
        return crc32(int(self.digest[use]).to_bytes(4, "little"), int(self.mark[use]))

    def replays(self, memory: FrameCounters, patience_ns: int) -> Mask:
        """Which uses are replays, given what happened before the block."""
        base = np.array([_greatest(memory.tracks.get(pair)) for pair in self.pairs], np.int64)
        before = highest_before(self.pair, self.counter, base)
        suspects = np.flatnonzero((self.counter <= before) & (self.number > 0))
        verdict = np.zeros(len(self.pair), np.bool_)
        for use in suspects.tolist():
            verdict[use] = not self._seen_again(memory, use, patience_ns)
        return verdict

    def _seen_again(self, memory: FrameCounters, use: int, patience_ns: int) -> bool:
        """Whether the same octets were used a short time ago, in this block or before it."""
        time_ns, counter, again = int(self.time_ns[use]), int(self.counter[use]), self._again(use)
        mine = self._uses(int(self.pair[use]))
        for index in mine[: np.searchsorted(mine, use)][::-1].tolist():
            if not self.number[index]:
                continue
            if time_ns - int(self.time_ns[index]) > patience_ns:
                return False
            if int(self.counter[index]) == counter and self._again(index) == again:
                return True
        track = memory.tracks.get(self.pairs[int(self.pair[use])])
        for earlier in reversed(track.uses if track else ()):
            if time_ns - earlier.time_ns > patience_ns:
                return False
            if earlier.counter == counter and earlier.again == again:
                return True
        return False

    def tell(self, memory: FrameCounters, row: int, only: Index | None = None) -> None:
        """Write the uses of rows before `row` to the memory of the one-frame path; `only` of some pairs."""
        for pair in range(len(self.pairs)) if only is None else only.tolist():
            uses = self._uses(pair)
            begin, end = self._told[pair], len(uses)
            if end and self.row[uses[-1]] >= row:
                end = int(np.searchsorted(self.row[uses], row, side="left"))
            if end > begin:
                self._told[pair] = end
                some = uses[begin:end]
                some = some[self.number[some] > 0]
                if len(some):
                    track = memory.tracks.setdefault(self.pairs[pair], Track())
                    self._remember(track, some, KEPT_NS[self.pairs[pair][0]])

    def told_otherwise(self, row: int) -> None:
        """The one-frame path counted the use of `row` itself."""
        begin, end = np.searchsorted(self.row, (row, row + 1), side="left")
        for pair in self.pair[begin:end].tolist():
            self._told[pair] = int(np.searchsorted(self.row[self._uses(pair)], row + 1, side="left"))

    def pairs_of(self, row: int) -> Index:
        """The pairs that `row` uses."""
        begin, end = np.searchsorted(self.row, (row, row + 1), side="left")
        return self.pair[begin:end]

    def _uses(self, pair: int) -> Index:
        """The uses of one pair, in order."""
        if not self._by_pair:
            order = stable_order(self.pair)
            bounds = np.searchsorted(self.pair[order], np.arange(len(self.pairs) + 1))
            self._by_pair = [order[bounds[i] : bounds[i + 1]] for i in range(len(self.pairs))]
            self._told = [0] * len(self.pairs)
        return self._by_pair[pair]

    def _remember(self, track: Track, uses: Index, kept_ns: int) -> None:
        greatest = max(_greatest(track), -1)
        running = np.maximum.accumulate(np.maximum(self.counter[uses].astype(np.int64), greatest))
        times = self.time_ns[uses]
        limit = max(int(times[-1]) - kept_ns, -(2**63))
        kept = int(np.argmax(times >= limit))
        if kept > 0:
            track.uses.clear()
            track.greatest.clear()
            track.forgotten = int(running[kept - 1])
        elif track.uses:
            recent = (i for i, u in enumerate(track.uses) if u.time_ns >= limit)
            old = next(recent, len(track.uses))
            if old:
                track.forgotten = track.greatest[old - 1]
                del track.uses[:old], track.greatest[:old]
        some = uses[kept:]
        digests, marks = self.digest[some].astype("<u4"), self.mark[some].tolist()
        octets = digests.tobytes()
        again = [crc32(octets[4 * i : 4 * i + 4], mark) for i, mark in enumerate(marks)]
        columns = (self.number[some], self.counter[some], self.time_ns[some])
        track.uses.extend(map(Use._make, zip(*(c.tolist() for c in columns), again, strict=True)))
        track.greatest.extend(running[kept:].tolist())


def _greatest(track: Track | None) -> int:
    """The greatest counter that was used, -1 when none was."""
    if track is None:
        return -1
    return int(track.greatest[-1] if track.greatest else track.forgotten)


def uses_of(
    layer: str,
    key_values: Sequence[bytes],
    key: Index,
    sender: npt.NDArray[np.uint64],
    row: Index,
    frames: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    counter: npt.NDArray[np.uint32],
    digest: npt.NDArray[np.uint32],
    mark: npt.NDArray[np.uint32],
) -> Uses:
    """The uses of counters in opened frames; `key` points into `key_values`, `frames` are numbers and times."""
    senders, of = distinct(sender)
    pairs, pair = distinct((of << 32) | key)
    names = [(layer, int(senders[p >> 32]), key_values[p & 0xFFFFFFFF]) for p in pairs.tolist()]
    number, time_ns = frames
    return Uses(names, pair, row, number[row], counter, time_ns[row], digest, mark)

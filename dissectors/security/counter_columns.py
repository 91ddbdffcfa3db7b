"""Frame counters of many frames at once: the verdict of `dissectors.security.counters`, and its memory kept for it.

Strategy: in a capture read in order nearly every counter is greater than all before it, and one running
maximum over all senders shows which are not. Only those few are looked at one by one: have the same octets
been seen a moment ago? What the one-frame path has to know of the frames before is written to its memory only
when it asks for a sender; at the end of a block the rest is kept as it is, as places in the block's arrays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from dissectors.model.context import HanContext
from dissectors.security.counters import RELAY_NS, REPEAT_NS, CounterUse, FrameCounters, Pair, Track
from dissectors.vectors import Index, Mask, distinct, first_places, highest_before, stable_order

__all__ = ["CounterUses", "counter_uses"]

MANY = 16
"""Suspects in a block from which on they are looked at together."""
KEPT_NS = {"nwk": 2 * REPEAT_NS, "aps": 2 * RELAY_NS}
"""Uses within this time before the last one stay in the memory of the one-frame path: twice its patience."""

Table = npt.NDArray[np.int64]
"""One column a use."""
NUMBER, COUNTER, TIME, DIGEST, MARK = range(5)
"""Rows of such a table."""


@dataclass(slots=True, eq=False, repr=False)
class CounterUses:
    """The uses of counters in one layer of a block, in the order of the frames.

    `pair` is the place in `pairs`; `digest` and `mark` tell a frame sent again (see `dissectors.security.counters`).
    """

    pairs: list[Pair]
    pair: Index
    row: Index
    number: npt.NDArray[np.int64]
    counter: npt.NDArray[np.uint32]
    time_ns: npt.NDArray[np.int64]
    digest: npt.NDArray[np.uint32]
    mark: npt.NDArray[np.uint32]
    published_row: int = 0
    _order: Index = field(default_factory=lambda: np.zeros(0, np.int64))
    _table: Table = field(default_factory=lambda: np.zeros((5, 0), np.int64))
    _retransmission_ids: npt.NDArray[np.uint32] = field(default_factory=lambda: np.zeros(0, np.uint32))
    _bounds: list[int] = field(default_factory=list)
    _written: dict[int, int] = field(default_factory=dict)
    _place: dict[Pair, int] = field(default_factory=dict)

    def replays(self, memory: FrameCounters, patience_ns: int) -> Mask:
        """Which uses are replays, given what happened before the block."""
        tracks = [memory.tracks.get(pair) for pair in self.pairs]
        base = np.array([-1 if track is None else track.top for track in tracks], np.int64)
        before = highest_before(self.pair, self.counter, base)
        suspects = np.flatnonzero((self.counter <= before) & (self.number > 0))
        verdict = np.zeros(len(self.pair), np.bool_)
        verdict[suspects] = True
        if len(suspects) >= MANY and self.number.all() and (np.diff(self.time_ns) >= 0).all():
            repeated, settled = self._repeated(suspects, patience_ns)
            verdict[suspects[repeated]] = False
            suspects = suspects[~(repeated | settled)]
        for use in suspects.tolist():
            verdict[use] = not self._is_retransmission(tracks[int(self.pair[use])], use, patience_ns)
        return verdict

    def _identified(self) -> npt.NDArray[np.uint32]:
        """What each use is known by when its frame is repeated."""
        if not len(self._retransmission_ids):
            self._retransmission_ids = _identify(self.digest, self.mark)
        return self._retransmission_ids

    def _repeated(self, suspects: Index, patience_ns: int) -> tuple[Mask, Mask]:
        """Which suspects the same octets precede within the patience, in a block whose time never runs
        backwards; and which have uses before them in it that are older, so that no other block matters."""
        again = self._identified()
        keys = np.lexsort((again, self.counter, self.pair))
        same = np.ones(len(keys) - 1, np.bool_)
        for column in (self.pair, self.counter, again):
            same &= column[keys[1:]] == column[keys[:-1]]
        before = np.full(len(keys), -1, np.int64)
        before[keys[1:]] = np.where(same, keys[:-1], -1)
        last, time_ns = before[suspects], self.time_ns[suspects]
        first = first_places(self.pair, len(self.pairs))[self.pair[suspects]]
        repeated = (last >= 0) & (time_ns - self.time_ns[last] <= patience_ns)
        return repeated, time_ns - self.time_ns[first] > patience_ns

    def _is_retransmission(self, track: Track | None, use: int, patience_ns: int) -> bool:
        """Whether the same octets were used a short time ago, in this block or before it (`track`)."""
        identifiers = self._identified()
        time_ns, counter, again = int(self.time_ns[use]), int(self.counter[use]), int(identifiers[use])
        mine = self._uses(int(self.pair[use]))
        for index in mine[: np.searchsorted(mine, use)][::-1].tolist():
            if not self.number[index]:
                continue
            if time_ns - int(self.time_ns[index]) > patience_ns:
                return False
            if int(self.counter[index]) == counter and int(identifiers[index]) == again:
                return True
        if track is not None and track.pending:
            track.write()
        for earlier in reversed(track.uses if track else ()):
            if time_ns - earlier.time_ns > patience_ns:
                return False
            if earlier.counter == counter and earlier.retransmission_id == again:
                return True
        return False

    def publish_before(self, context: HanContext, row: int) -> None:
        """What counts from now on for a frame that is read singly are the uses of rows before `row`."""
        self.published_row = row

    def write_pair(self, memory: FrameCounters, pair: Pair) -> None:
        """Write the uses of `pair` in rows before `published_row` to the memory of the one-frame path."""
        if not self._place:
            self._place = {one: place for place, one in enumerate(self.pairs)}
        place = self._place.get(pair)
        if place is not None:
            self._keep(memory, place, self.published_row)

    def finish_block(self, memory: FrameCounters, row: int) -> None:
        """The block ends before `row`: keep the uses of rows before it in the memory."""
        if not len(self.row):
            return
        self._bounds_of(0)
        if self._written or self.row[-1] >= row or not self.number.all():
            kept = (self._keep(memory, place, row) for place in range(len(self.pairs)))
            memory.add_pending([one for one in kept if one is not None])
            return
        recent = enumerate(_recent(self._table, self._bounds, self._kept_ns()))
        memory.add_pending([self._hand_over(memory, place, *one) for place, one in recent])

    def _kept_ns(self) -> int:
        return KEPT_NS[self.pairs[0][0]]

    def _keep(self, memory: FrameCounters, place: int, row: int) -> tuple[Track, RecentUses] | None:
        """Hand the uses of one pair in rows before `row`, as far as they are not there yet, to its track; what
        was handed over."""
        begin, end = self._bounds_of(place)
        begin = max(begin, self._written.get(place, 0))
        if end > begin and self.row[self._order[end - 1]] >= row:
            end = begin + int(np.searchsorted(self.row[self._order[begin:end]], row, side="left"))
        if end <= begin:
            return None
        self._written[place] = end
        table = self._table[:, begin:end]
        table = table[:, table[NUMBER] > 0]
        if not table.shape[1]:
            return None
        one = next(_recent(table, [0, table.shape[1]], self._kept_ns()))
        return self._hand_over(memory, place, *one)

    def _hand_over(
        self, memory: FrameCounters, place: int, table: Table, top: int, forgotten: int | None
    ) -> tuple[Track, RecentUses]:
        """Give uses to the track of a pair."""
        pair = self.pairs[place]
        track = memory.tracks.get(pair)
        if track is None:
            track = memory.tracks[pair] = Track()
        before = track.top
        if forgotten is not None:
            forgotten = max(forgotten, before)
            track.uses.clear()
            track.greatest.clear()
            track.pending.clear()
        recent = RecentUses(table, self._kept_ns(), max(top, before), forgotten)
        track.pending.append(recent)
        return track, recent

    def mark_read_singly(self, row: int) -> None:
        """The one-frame path counted the use of `row` itself."""
        self.published_row = row + 1
        begin, end = np.searchsorted(self.row, (row, row + 1), side="left")
        for place in self.pair[begin:end].tolist():
            begin, end = self._bounds_of(place)
            told = np.searchsorted(self.row[self._order[begin:end]], row + 1, side="left")
            self._written[place] = begin + int(told)

    def _uses(self, place: int) -> Index:
        """The uses of one pair, in order."""
        begin, end = self._bounds_of(place)
        return self._order[begin:end]

    def _bounds_of(self, place: int) -> tuple[int, int]:
        """Where the uses of one pair stand in `_order` and in the columns of `_table`."""
        if not self._bounds:
            self._order = stable_order(self.pair)
            counts = np.bincount(self.pair, minlength=len(self.pairs))
            self._bounds = [0, *np.cumsum(counts).tolist()]
            columns = (self.number, self.counter, self.time_ns, self.digest, self.mark)
            self._table = np.array([column[self._order] for column in columns], np.int64)
        return self._bounds[place], self._bounds[place + 1]


@dataclass(slots=True, eq=False, repr=False)
class RecentUses:
    """Some uses of one pair, not written out yet (see `dissectors.security.counters.Recent`): one column a use.

    `forgotten` is the greatest counter before them where what was used before them does not matter any
    more; None where it does.
    """

    table: Table
    kept_ns: int
    top: int
    forgotten: int | None

    def write(self, track: Track) -> None:
        """Append them to `track`; what is older than the patience leaves only its greatest counter."""
        table = self.table
        if self.forgotten is not None:
            track.forgotten = self.forgotten
        elif track.uses:
            limit = int(table[TIME, -1]) - self.kept_ns
            recent = (i for i, u in enumerate(track.uses) if u.time_ns >= limit)
            old = next(recent, len(track.uses))
            if old:
                track.forgotten = track.greatest[old - 1]
                del track.uses[:old], track.greatest[:old]
        greatest = track.greatest[-1] if track.greatest else track.forgotten
        running = np.maximum.accumulate(np.maximum(table[COUNTER], greatest))
        columns = (table[NUMBER], table[COUNTER], table[TIME], _identify(table[DIGEST], table[MARK]))
        track.uses.extend(map(CounterUse._make, zip(*(c.tolist() for c in columns), strict=True)))
        track.greatest.extend(running.tolist())


def _recent(table: Table, bounds: Sequence[int], kept_ns: int) -> Iterator[tuple[Table, int, int | None]]:
    """For each pair (its uses stand from one bound to the next): the uses of its last moments, its greatest
    counter, and the greatest of those before these moments (None where all are within them)."""
    start, end = np.array(bounds[:-1]), np.array(bounds[1:])
    counter, time = table[COUNTER], table[TIME]
    limit = np.maximum(time[end - 1], kept_ns - (1 << 63)) - kept_ns
    places = np.arange(len(counter))
    late = np.where(time >= np.repeat(limit, end - start), places, len(places))
    first = np.minimum.reduceat(late, start)
    top = np.maximum.reduceat(counter, start)
    early = np.maximum.reduceat(np.where(places < np.repeat(first, end - start), counter, -1), start)
    columns = zip(*(one.tolist() for one in (first, end, top, early)), strict=True)
    for (begin, stop, greatest, before), zero in zip(columns, bounds, strict=False):
        yield table[:, begin:stop], greatest, before if begin > zero else None


def _identify(digest: npt.NDArray[Any], mark: npt.NDArray[Any]) -> npt.NDArray[np.uint32]:
    """What the one-frame path calls repeated frames by: the CRC-32 of each digest's four octets, begun at its
    mark."""
    table = _crc_table()
    state = ~mark.astype(np.uint32)
    for shift in (0, 8, 16, 24):
        octet = (digest.astype(np.uint32) >> np.uint32(shift)) & np.uint32(0xFF)
        state = (state >> np.uint32(8)) ^ table[(state ^ octet) & np.uint32(0xFF)]
    found: npt.NDArray[np.uint32] = ~state
    return found


@cache
def _crc_table() -> npt.NDArray[np.uint32]:
    """The reversed CRC-32 of each octet (polynomial 0x04C11DB7)."""
    state = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        state = (state >> np.uint32(1)) ^ ((state & np.uint32(1)) * np.uint32(0xEDB88320))
    return state


def counter_uses(
    layer: str,
    key_values: Sequence[bytes],
    key: Index,
    sender: npt.NDArray[np.uint64],
    row: Index,
    frames: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    counter: npt.NDArray[np.uint32],
    digest: npt.NDArray[np.uint32],
    mark: npt.NDArray[np.uint32],
    peer: npt.NDArray[np.uint64] | None = None,
) -> CounterUses:
    """The uses of counters in opened frames; `key` points into `key_values`, `frames` are numbers and times.

    Where a counter belongs to a pair of devices, `peer` is the other one (`dissectors.security.counters.aps_scope`).
    """
    senders, of = distinct(sender)
    values: dict[bytes, int] = {}  # one key may have opened frames of several groups
    same = np.array([values.setdefault(value, len(values)) for value in key_values], np.int64)
    scope = of * len(values) + same[key]
    peers, at = (np.zeros(1, np.uint64), 0) if peer is None else distinct(peer)
    pairs, pair = distinct(scope * len(peers) + at)
    distinct_values, names = list(values), []
    ends = [b""] if peer is None else [one.to_bytes(8, "little") for one in peers.tolist()]
    for one in pairs.tolist():
        rest, end = divmod(one, len(ends))
        place, value = divmod(rest, len(values))
        names.append((layer, int(senders[place]), distinct_values[value] + ends[end]))
    number, time_ns = frames
    return CounterUses(names, pair, row, number[row], counter, time_ns[row], digest, mark)

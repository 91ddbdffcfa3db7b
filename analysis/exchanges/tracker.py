"""Blocks of decoded frames to exchanges: the number of each frame's exchange, and the rows of those that are over.

Strategy: the bulk is told in arrays (`analysis.exchanges.frame_exchanges`), what is seldom in objects
(`analysis.exchanges.desk`). Numbers are given in the order of first frames, when these are read, so that they depend on
nothing that comes later. What is held from block to block is bounded: exchanges are closed a while after their
last frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.exchanges.acknowledgements import Acknowledgements
from analysis.exchanges.answers import CLUSTER, LAYER
from analysis.exchanges.desk import ENTRIES, Desk, Entry, Scene
from analysis.exchanges.frame_arrays import FrameArrays
from analysis.exchanges.frame_exchanges import UnitMemory, remember, units_of
from analysis.exchanges.gaps import Gaps
from analysis.exchanges.joins import Joins
from analysis.exchanges.message_exchanges import Messages
from analysis.exchanges.opening import update_records
from analysis.exchanges.output import exchange_batch
from analysis.exchanges.owners import SHORT, Owners
from analysis.exchanges.records import RECORD, Records, Words, chosen, close, joined
from analysis.exchanges.said_fields import Fields
from analysis.exchanges.sessions import Downloads, Establishments, Tunnels

__all__ = ["ExchangeTracker"]

STEADY = 15
"""Frames the median of whose times is the time at the end of a block."""
MOST_OPEN, MOST_ENTRIES, MOST_WORDS = 65_536, 4096, 65_536
"""Exchanges that are open, those of them that are seldom, and words: of more the oldest are closed. So what is held comes
to some 40 MB at most, and to less than 1 MB for a home."""


class ExchangeTracker:
    """All that exchanges have to hand on from block to block. It can be pickled."""

    def __init__(self) -> None:
        self.count = 0
        self.last_time = 0
        self.memory = UnitMemory()
        self.acknowledgements = Acknowledgements()
        self.records, self.words, self.desk = Records(), Words(), Desk()
        self.joins, self.messages, self.gaps = Joins(), Messages(), Gaps()
        self.owners = Owners()
        self.sessions: list[Any] = [Tunnels(), Establishments(), Downloads()]

    def take(self, batches: Mapping[str, Any]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[Any]]:
        """A block: the exchange of each of its packets (0: none), and the rows of exchanges that are over.

        Args:
            batches: of its tables `packets`, `commands`, `attributes` and `messages`, as far as they were decoded.
        """
        packets = batches["packets"]
        frames = FrameArrays(packets, self.last_time)
        out = np.zeros(len(packets), np.uint64)
        if not frames.count:
            return out, np.zeros(0, RECORD)
        self.gaps.take(frames)
        self.owners.take(frames)
        units = units_of(frames, self.memory)
        handle = np.zeros(frames.count, np.int64)
        handle[units.rows] = units.handle[units.which]
        fields = Fields(batches.get("commands"))
        scene = Scene(frames, units, handle, fields.of)
        self._tell_stories(scene)
        heard = self.acknowledgements.attach(scene, self.memory, self.owners)
        for message in _messages(batches):
            self.messages.see(self.desk, scene, message)
        numbers, of_unit = self._number(scene)
        exchange = numbers(scene.handle)
        update_records(self, scene, exchange, numbers, heard, fields, batches.get("attributes"))
        self._remember(scene, exchange, numbers, of_unit)
        out[frames.rows] = exchange.astype(np.uint64)
        self.last_time = int(frames.time[-1])
        # A clock may be set, and a single time stamp may be wrong: neither ends what is open.
        return out, self._closed(int(np.median(frames.time[-STEADY:])))

    def finish(self) -> npt.NDArray[Any]:
        """The capture has ended: the rows of all that is still open."""
        return self._closed(None)

    def batch(self, rows: npt.NDArray[Any], capture: str, vocabulary: Any) -> Any:
        """Rows as a batch of the table `exchanges`; their words are let go then, where they are too many."""
        batch = exchange_batch(rows, self.words, capture, vocabulary)
        self._forget_words()
        return batch

    def _tell_stories(self, scene: Scene) -> None:
        """Show seldom rows to those who know what they mean, in order."""
        units, frames = scene.units, scene.frames
        joining = Joins.rows(frames, frames.numbers("nwk_command"))
        places: dict[int, Any] = {int(row): None for row in np.flatnonzero(joining).tolist()}
        clusters = {session.cluster: session for session in self.sessions}
        cluster = np.where(units.code >> LAYER == CLUSTER, units.code >> 8 & 0xFFFF, -1)
        for unit in np.flatnonzero(np.isin(cluster, list(clusters)) & (units.head >= 0)).tolist():
            places[int(units.head[unit])] = clusters[int(cluster[unit])], int(units.code[unit])
        for row in sorted(places):
            if places[row] is None:
                self.joins.see(self.desk, scene, row)
            else:
                session, code = places[row]
                session.see(self.desk, scene, row, code, False)

    def _number(self, scene: Scene) -> tuple[Callable[[Any], npt.NDArray[np.int64]], npt.NDArray[np.int64]]:
        """Number what began in this block; returns what makes numbers of handles, and the number of each unit."""
        units, new = scene.units, self.desk.new
        begun = np.flatnonzero(units.begins & (units.carried == 0))
        rows = np.concatenate([[one.row for one in new], units.first[begun]]).astype(np.int64)
        order = np.argsort(rows, kind="stable")
        given = np.empty(len(order), np.int64)
        given[order] = self.count + 1 + np.arange(len(order))
        self.count += len(order)
        own = np.zeros(len(units.first), np.int64)
        own[begun] = given[len(new) :]
        entries = given[: len(new)]
        for one, number in zip(new, entries.tolist(), strict=True):
            one.number = number
            self.desk.open[number] = one

        def numbers(handles: Any) -> npt.NDArray[np.int64]:
            found = np.array(handles, np.int64)
            unit = (found < 0) & (found > ENTRIES)
            # A unit that belongs to another one's exchange has its handle, which is never passed on itself.
            found[unit] = own[-1 - found[unit]]
            entry = found <= ENTRIES
            found[entry] = entries[ENTRIES - found[entry]] if entry.any() else 0
            return found

        return numbers, numbers(units.handle)

    def _remember(
        self,
        scene: Scene,
        exchange: npt.NDArray[np.int64],
        numbers: Callable[[Any], Any],
        of_unit: npt.NDArray[np.int64],
    ) -> None:
        remember(scene.frames, scene.units, self.memory, of_unit)
        self.acknowledgements.remember(scene, exchange, self.owners)
        establishments = self.sessions[1]
        establishments.numbered(lambda handle: int(numbers([handle])[0]))
        transfers = np.flatnonzero(scene.frames.cluster == self.sessions[0].cluster)
        tunnels = {
            int(numbers([handle])[0]): entry
            for handle, entry in self.desk.parents.items()
            if entry.kind == "tunnel"
        }
        frames = scene.frames
        carried = frames.frame[transfers], frames.time[transfers], exchange[transfers]
        self.messages.carried(*carried, tunnels)
        self.desk.parents, self.desk.verdicts, self.desk.new = {}, {}, []

    def _closed(self, now: int | None) -> npt.NDArray[Any]:
        """What is over at a time (None: all, because the capture is over), in the order in which it ended."""
        rows = self.records.rows
        over = rows["closes"] < now if now is not None else np.ones(len(rows), np.bool_)
        if len(rows) - over.sum() > MOST_OPEN:
            over[np.argsort(rows["closes"], kind="stable")[: -MOST_OPEN * 3 // 4]] = True
        closed = self._judged(over, False) if now is not None else self._ended()
        self._count_in(closed)
        told: list[Any] = []
        while ready := self._ready(now):
            told += [self._close_entry(one, now) for one in ready]
        every = joined([closed, np.array(told, RECORD)]) if told else closed
        self.owners.name(every)
        return chosen(every, np.lexsort((every["exchange"], every["closes"])))

    def _ready(self, now: int | None) -> list[Entry]:
        """Entries that are over, and in which nothing lies that is not."""
        ready = [one for one in self.desk.open.values() if now is None or one.closes < now]
        if len(self.desk.open) - len(ready) > MOST_ENTRIES:
            ready = sorted(self.desk.open.values(), key=lambda one: one.closes)[: -MOST_ENTRIES * 3 // 4]
        if not ready:
            return []
        busy = set(np.unique(self.records.rows["parent"]).tolist())
        busy |= {one.parent.number for one in self.desk.open.values() if one.parent is not None}
        return [one for one in ready if one.number not in busy]

    def _ended(self) -> npt.NDArray[Any]:
        rows = self.records.rows
        from analysis.exchanges.kinds import KINDS, SECOND

        limits = np.array([int(kind.limit * SECOND) for kind in KINDS])
        ended = rows["end"] + limits[rows["kind"]] > self.last_time
        return joined([self._judged(ended, True), self._judged(np.ones((~ended).sum(), np.bool_), False)])

    def _judged(self, which: npt.NDArray[np.bool_], ended: bool) -> npt.NDArray[Any]:
        return close(self.records.taken(which), self.words, self.gaps, ended)

    def _forget_words(self) -> None:
        """Keep the words of open exchanges, where there are too many others."""
        if len(self.words) > MOST_WORDS:
            old, self.words, rows = self.words, Words(), self.records.rows
            told = np.flatnonzero(rows["status"] >= 0)
            rows["status"][told] = [self.words.place(old[at]) for at in rows["status"][told].tolist()]

    def _count_in(self, closed: npt.NDArray[Any]) -> None:
        """Add what was closed to the entries that it lies in."""
        if not self.desk.open:
            return
        inside = np.isin(closed["parent"], np.array([*self.desk.open], np.uint64))
        for place in np.flatnonzero(inside).tolist():
            _add(self.desk.open[int(closed["parent"][place])], closed[place])

    def _all_heard(self, one: Entry) -> bool:
        """Whether no frame of the responder is missing between an exchange's beginning and when it is closed."""
        start, closes = (np.array([time], np.int64) for time in (one.start, one.closes))
        responder = np.array([one.responder], np.uint64)
        if one.responder < SHORT:
            responder = self.owners.at(np.array([one.pan << 16 | one.responder]), closes)
        return bool(responder[0]) and not self.gaps.unheard(responder, start, closes)[0]

    def _close_entry(self, one: Entry, now: int | None) -> Any:
        from analysis.exchanges.verdicts import settle

        settle(one, self.last_time, now is None, self._all_heard)
        del self.desk.open[one.number]
        row = one.record(self.words)
        if one.parent is not None:
            _add(one.parent, row)
        for story in (self.joins, self.messages, *self.sessions):
            story.forget(one)
        return row


def _add(entry: Entry, row: Any) -> None:
    entry.frames += int(row["frames"])
    entry.retries += int(row["retries"])
    entry.end, entry.last_frame = (
        max(entry.end, int(row["end"])),
        max(entry.last_frame, int(row["last_frame"])),
    )
    entry.start = min(entry.start, int(row["start"]))
    entry.first_frame = min(entry.first_frame, int(row["first_frame"]))
    entry.delivered = entry.delivered or bool(row["delivered"])
    entry.not_before = max(entry.not_before, int(row["closes"]))


def _messages(batches: Mapping[str, Any]) -> list[dict[str, Any]]:
    batch = batches.get("messages")
    if batch is None:
        return []
    names = ("message", "frames", "kind", "cra", "originator", "recipient", "originator_counter", "use_case", "answers",
             "outcome", "mac", "summary")  # fmt: skip
    columns = [batch.column(name).to_pylist() for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]

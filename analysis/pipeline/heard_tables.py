"""The tables of a live source as they stand: what decoding gave of its last frames, for whoever looks at all of it again
and again while it grows.

Strategy: one thread puts in what comes, another one looks. Batches never change, so a look is a list of them. Small ones
are joined to larger ones as they come (each row a few times only), because a quiet network gives a batch for every frame.
What is older than the last frames is let go of, but for what a window keeps of it (`analysis.pipeline.windows.Held`).
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Mapping
from functools import partial
from threading import Condition
from typing import Any, NamedTuple

from analysis.pipeline.windows import FRAME_TABLES, Held, Window, window_of
from analysis.tables.batches import appended
from analysis.tables.pieces import join_last

__all__ = ["MOST_FRAMES", "Heard", "HeardTables"]

MOST_FRAMES = 100_000
"""Frames whose tables are kept, at most, and half of them at least: hours of a busy network, days of a quiet one."""
ONE_BATCH = 4096
"""Rows of a batch that is made of smaller ones, at most."""
COUNTS = {
    "devices": frozenset({"first_seen", "last_seen", "frames", "rssi"}),
    "certificates": frozenset[str](),
    "keys": frozenset({"frames_opened"}),
}
"""Tables that come as a whole each time, and those of their columns that change with every frame."""
MARKS = 3
"""Moments to which a live source may come back, at most (`analysis.pipeline.live`)."""


class Heard(NamedTuple):
    """What there was at one moment.

    Attributes:
        window: the tables.
        grown: those of them that have other rows than when this was last asked; what only counts does not matter.
        fresh: how many rows at the end of each table are new since then; of tables that come as a whole all are.
        first: the first frame that is kept.
        ended: nothing more will come.
    """

    window: Window
    grown: frozenset[str]
    first: int
    ended: bool
    fresh: Mapping[str, int]


class HeardTables:
    """Tables that grow.

    Args:
        most: frames that are kept.
    """

    def __init__(self, most: int = MOST_FRAMES) -> None:
        self.most = most
        self._changed = Condition()
        self._marks: OrderedDict[int, tuple[Held, int, int]] = OrderedDict()
        self._standing: dict[str, Any] = {}
        self._grown: set[str] = set()
        self._fresh: Counter[str] = Counter()
        self._ended = False
        self._begin(Held(), 1, 0)

    def _begin(self, held: Held, first: int, frames: int) -> None:
        self._held, self._first, self._frames = held, first, frames
        self._count = sum(len(batch) for _, batch in held.batches.get("packets", ()))

    def take(self, batches: Mapping[str, Any], frames: int) -> None:
        """Batches by table, and how many frames were decoded with them."""
        with self._changed:
            for table, batch in batches.items():
                self._put(table, batch, frames)
            self._frames = frames
            if self._count > self.most:
                self._let_go()
            self._changed.notify_all()

    def mark(self, number: int) -> None:
        """A moment to which `back` may come back."""
        with self._changed:
            self._marks[number] = _copied(self._held), self._first, self._frames
            while len(self._marks) > MARKS:
                self._marks.popitem(last=False)

    def back(self, number: int) -> None:
        """Everything as it was at a moment; what came since comes again."""
        with self._changed:
            held, first, frames = self._marks[number]
            for later in [one for one in self._marks if one > number]:
                del self._marks[later]
            self._begin(_copied(held), first, frames)
            self._grown |= {*FRAME_TABLES, *held.batches}
            self._fresh = Counter(
                {name: sum(len(b) for _, b in found) for name, found in held.batches.items()}
            )

    def end(self) -> None:
        """Nothing more will come."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self._ended

    @property
    def changed(self) -> bool:
        """Whether there are other rows than when `heard` was last asked."""
        return bool(self._grown)

    def wait(self, seconds: float | None = None) -> None:
        """Wait until something came, or the end; for no longer than so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._grown or self._ended, seconds)

    def rest(self, seconds: float) -> None:
        """Let so many seconds pass, whatever comes; only the end ends it."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended, seconds)

    def heard(self) -> Heard:
        """What there is now."""
        with self._changed:
            grown, self._grown = frozenset(self._grown), set()
            fresh, self._fresh = self._fresh, Counter()
            window = window_of(self._held, self._standing, 0, self._first, self._frames + 1, last=True)
            return Heard(window, grown, self._first, self._ended, fresh)

    def _put(self, table: str, batch: Any, frames: int) -> None:
        if table in COUNTS:
            before, self._standing[table] = self._standing.get(table), batch
            if before is None or not _facts(table, before).equals(_facts(table, batch)):
                self._grown.add(table)
            return
        if not len(batch):
            return
        self._held.add(table, batch, frames)
        self._grown.add(table)
        self._fresh[table] += len(batch)
        self._count += len(batch) if table == "packets" else 0
        join_last(self._held.batches[table], partial(_join, table), ONE_BATCH, lambda one: len(one[1]))

    def _let_go(self) -> None:
        numbers = self._held.column("frame")
        self._first = int(numbers[len(numbers) // 2])
        self._held.drop_before(self._first)
        self._count = len(numbers) - len(numbers) // 2


def _facts(table: str, batch: Any) -> Any:
    return batch.select([name for name in batch.schema.names if name not in COUNTS[table]])


def _copied(held: Held) -> Held:
    batches = {name: deque(found) for name, found in held.batches.items()}
    return Held(batches, {name: list(found) for name, found in held.earlier.items()})


def _join(table: str, before: tuple[int, Any], last: tuple[int, Any]) -> tuple[int, Any]:
    return last[0], appended(table, [before[1], last[1]])

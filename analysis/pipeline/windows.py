"""A capture of any length in windows: as much of its tables as the rules look at together.

Strategy: a window holds the frames that it judges (its core) and a stretch before and behind them, so that an
exchange on the edge is seen whole; what lies only in such a stretch is the neighbour's to judge. A stretch is
two hours, but never more than a sixteenth of a window. What a frame means may hang on one long before it (the
opening of a tunnel, a command that is sent again, the counter that a frame must be above), so a window also
holds the last commands of each kind, the last secured frames of each sender, and the last few thousand messages,
before its first frame. A capture that fits into one window is one. Batches are
cut without a copy and let go as soon as no window needs them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analysis.pipeline.passes import DecodedBlock, DecodePass
from analysis.pipeline.sinks import Sink
from analysis.tables.arrow import empty_table, numpy_of
from analysis.tables.batches import in_one_code
from analysis.tables.schema import TABLES

__all__ = ["FRAME_TABLES", "MESSAGES_KEPT", "WINDOW", "Held", "Window", "WindowSink", "window_of"]

WINDOW = 1_000_000  # frames that one window judges, at most
STRETCH = 2 * 3600 * 10**9  # nanoseconds before and behind them
PART = 16  # ... and at most this part of a window
MESSAGES_KEPT = 5000
ROWS_KEPT = 1000  # rows of commands of one kind, or of secured frames of one sender and key
EARLIER_KEPT = 100_000  # ... and of all kinds
KINDS = {
    "commands": ("layer", "cluster", "direction", "command"),
    "packets": ("nwk_sender", "nwk_key_seq", "aps_sender"),
}
MIXER = np.uint64(0xBF58476D1CE4E5B9)  # makes of several columns one number
COUNTERS = ("nwk_counter", "aps_frame_counter")
FRAME_TABLES = ("packets", "attributes", "commands")
MESSAGE_TABLES = ("messages", "items")


@dataclass(frozen=True, slots=True)
class Window:
    """Tables of some frames of a capture.

    Attributes:
        tables: Arrow tables by name; `devices` and `keys` as they stand at its end.
        number: 0-based.
        start, end: the frames that it judges: from `start` up to and without `end`.
        last: whether the capture ends with it.
        longer: `packets` with the last secured frames of each sender before them.
    """

    tables: dict[str, Any]
    number: int
    start: int
    end: int
    last: bool
    longer: Any = None

    @property
    def whole(self) -> bool:
        """Whether it is the whole capture."""
        return self.number == 0 and self.last

    def judges(self, frames: tuple[int, ...]) -> bool:
        """Whether what these frames show is this window's to tell, and not its neighbour's."""
        if not frames:
            return True
        late = not self.last and min(frames) >= self.end
        early = self.number > 0 and max(frames) < self.start
        return not (late or early)


@dataclass(slots=True)
class Held:
    """Batches that some window still needs, each with the frame number up to which it was read, and the last
    commands and secured frames of each kind before them."""

    batches: dict[str, deque[tuple[int, Any]]] = field(default_factory=dict)
    earlier: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in KINDS})

    def add(self, table: str, batch: Any, read: int) -> None:
        self.batches.setdefault(table, deque()).append((read, batch))

    def table(self, name: str, *, longer: bool = False) -> Any:
        import pyarrow as pa

        found = [batch for _, batch in self.batches.get(name, ())]
        if longer:
            found = [*self.earlier[name], *found]
        return pa.Table.from_batches(found) if found else empty_table(name)

    def column(self, name: str) -> Any:
        """The values of a column of whole numbers of packets, as they are held."""
        return np.concatenate([numpy_of(b.column(name))[0] for _, b in self.batches["packets"]])

    def drop_before(self, frame: int) -> None:
        """Let go of the frames before `frame`, of exchanges that were over, and of messages but for the last of them."""
        for name in FRAME_TABLES:
            gone = []
            held = self.batches.get(name, deque())
            while held and held[0][0] < frame:
                gone.append(held.popleft()[1])
            if held:
                read, batch = held[0]
                at = int(np.searchsorted(numpy_of(batch.column("frame"))[0], frame))
                gone.append(batch.slice(0, at))
                held[0] = read, batch.slice(at)
            if name in KINDS:
                counters = COUNTERS if name == "packets" else ()
                self.earlier[name] = _last_of_each_kind([*self.earlier[name], *gone], KINDS[name], counters)
        self._drop_messages(frame)
        ended = self.batches.get("exchanges", deque())
        while ended and ended[0][0] < frame:
            ended.popleft()

    def _drop_messages(self, frame: int) -> None:
        held = self.batches.get("messages", deque())
        old = sum(len(batch) for read, batch in held if read < frame)
        while held and held[0][0] < frame and old - len(held[0][1]) >= MESSAGES_KEPT:
            old -= len(held.popleft()[1])
        for table in ("items", "events"):
            theirs = self.batches.get(table, deque())
            while theirs and theirs[0][0] < (held[0][0] if held else frame):
                theirs.popleft()


def _last_of_each_kind(batches: list[Any], columns: tuple[str, ...], known: tuple[str, ...]) -> list[Any]:
    """The last rows of each kind, which is what `columns` say, of those that have one of `known`."""
    sizes = [len(batch) for batch in batches]
    if not sum(sizes):
        return []
    kind = np.zeros(sum(sizes), np.uint64)
    for name in columns:
        pairs = [numpy_of(column) for column in in_one_code([batch.column(name) for batch in batches])]
        values = np.concatenate(
            [np.where(valid, found, 0).astype(np.uint64) + valid for found, valid in pairs]
        )
        kind = (kind ^ values) * MIXER
        kind ^= kind >> np.uint64(29)
    rows = np.arange(len(kind))
    if known:
        has = [np.concatenate([numpy_of(batch.column(name))[1] for batch in batches]) for name in known]
        rows = np.flatnonzero(np.logical_or.reduce(has))
        if not len(rows):
            return []
    order = rows[np.argsort(kind[rows], kind="stable")][::-1]
    starts = np.r_[True, kind[order][1:] != kind[order][:-1]]
    rank = np.arange(len(order)) - np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))
    kept = np.sort(order[rank < ROWS_KEPT])[-EARLIER_KEPT:]
    bounds = np.cumsum([0, *sizes])
    at = np.searchsorted(kept, bounds)
    return [
        batch.take(kept[low:high] - start)
        for batch, low, high, start in zip(batches, at, at[1:], bounds, strict=False)
        if high > low
    ]


class WindowSink(Sink):
    """Hands the windows of a pass, in order, to whoever looks at them; the last one comes with the capture's end.

    Args:
        use: called with each window.
        frames: that a window judges, at most.
        tables: that its windows have.
    """

    def __init__(
        self, use: Callable[[Window], None], frames: int = WINDOW, tables: tuple[str, ...] | None = None
    ) -> None:
        self.use, self.frames, self.tables = use, frames, tables

    def restart(self, decode_pass: DecodePass) -> None:
        self._held, self._count, self._number, self._start = Held(), 0, 0, 0

    def take(self, block: DecodedBlock) -> None:
        held = self._held
        if "packets" in block.batches:
            if self._count >= self.frames + 2 * (self.frames // PART):
                self._hand_out(block.decode_pass)
            self._count += len(block.batches["packets"])
        for table, batch in block.batches.items():
            held.add(table, batch, block.frames)
        if block.last:
            self.use(window_of(held, {}, self._number, self._start, block.frames + 1, last=True))

    def _hand_out(self, decode_pass: DecodePass) -> None:
        """Hand out the window that is full, and let go of what the next one does not need."""
        held = self._held
        end, keep = _edges(held, self.frames)
        standing = decode_pass.snapshot_tables()
        self.use(window_of(held, standing, self._number, self._start, end, last=False))
        held.drop_before(keep)
        self._start, self._number = end, self._number + 1
        self._count = sum(len(b) for _, b in held.batches["packets"])


def _edges(held: Held, frames: int) -> tuple[int, int]:
    """The frame behind the core of a window that is not the last, and the first frame that the next needs."""
    numbers, times = held.column("frame"), held.column("time")
    most = frames // PART
    later = np.flatnonzero(times > times[-1] - STRETCH)[0]
    end = max(int(later), len(numbers) - most)
    earlier = np.flatnonzero(times > times[end] - STRETCH)[0]
    keep = max(int(earlier), end - most)
    return int(numbers[end]), int(numbers[keep])


def window_of(
    held: Held, standing: dict[str, Any], number: int, start: int, end: int, *, last: bool
) -> Window:
    """The window of what is held, with the tables that are `standing` as a whole; for the rest see `Window`."""
    import pyarrow as pa

    tables = {name: held.table(name, longer=name == "commands") for name in TABLES}
    tables |= {name: pa.Table.from_batches([batch]) for name, batch in standing.items()}
    return Window(tables, number, start, end, last, held.table("packets", longer=True))

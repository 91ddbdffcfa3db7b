"""Seldom exchanges: what a join, a tunnel or a message is known by while it lasts, one object each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.exchanges.frame_arrays import FrameArrays
from analysis.exchanges.frame_exchanges import Units
from analysis.exchanges.kinds import KINDS, OUTCOMES, SECOND, kind_number
from analysis.exchanges.records import NONE, RECORD, Words

__all__ = ["ENTRIES", "Desk", "Entry", "Scene"]

SAME = (
    "initiator", "responder", "start", "end", "first_frame", "last_frame", "frames", "retries", "answered", "code",
    "message", "delivered", "pan",
)  # fmt: skip
"""What an entry and its row call alike."""
ENTRIES = -(1 << 40)
"""Handles from here down are entries that began in this block."""


@dataclass(slots=True, eq=False)
class Entry:
    """One exchange of a seldom kind.

    Attributes:
        number: 0 while its block is being read; `handle` stands for it then.
        row: of its block in which it began.
        touched: time of the last thing that belongs to it.
        outcome: None while it is open.
        done: nothing more is awaited.
        delivered: that a request of it came to its receiver.
        secured: that its answer has a frame counter, so that a gap tells of one that was not heard.
        not_before: when the last exchange in it was closed.
    """

    kind: str
    handle: int
    row: int
    initiator: int
    responder: int
    start: int
    first_frame: int
    number: int = 0
    end: int = 0
    last_frame: int = 0
    frames: int = 0
    retries: int = 0
    touched: int = 0
    outcome: str | None = None
    status: str = ""
    missing: list[str] = field(default_factory=list)
    answered: int = 0
    parent: Entry | None = None
    name: str = ""
    code: int = 0
    use_case: str = ""
    message: int = 0
    done: bool = False
    delivered: bool = False
    secured: bool = False
    not_before: int = 0
    pan: int = 0

    def settle(self, outcome: str, status: str = "", answered: int = 0) -> None:
        """Say what became of it; the first word counts."""
        if self.outcome is None:
            self.outcome, self.status = outcome, status
        self.answered = self.answered or answered

    def touch(self, time: int, frame: int) -> None:
        """Something of it happened."""
        self.touched = max(self.touched, time)
        self.end, self.last_frame = max(self.end, time), max(self.last_frame, frame)

    def record(self, words: Words) -> Any:
        """Its row."""
        row = np.zeros(1, RECORD)[0]
        for name in SAME:
            row[name] = getattr(self, name)
        row["exchange"], row["kind"] = self.number, kind_number(self.kind)
        row["parent"] = self.parent.number if self.parent is not None else 0
        row["outcome"] = OUTCOMES.index(self.outcome or "incomplete")
        row["status"], row["name"] = words.place(self.status), words.place(self.name)
        row["missing_words"] = words.place(", ".join(self.missing)) if self.outcome != "ok" else NONE
        row["use_case"], row["closes"] = words.place(self.use_case), self.closes
        return row

    @property
    def closes(self) -> int:
        """When it is closed, unless something happens."""
        kind = KINDS[kind_number(self.kind)]
        return max(self.not_before, self.touched + int((kind.limit if self.done else kind.held) * SECOND))


@dataclass(slots=True)
class Scene:
    """What a story is shown of a block of frames.

    Attributes:
        handle: the exchange of each row, 0 for none.
        fields: fields of the commands of a frame, by name: number and meaning.
    """

    frames: FrameArrays
    units: Units
    handle: npt.NDArray[np.int64]
    fields: Callable[[int], Mapping[str, tuple[int, str]]]

    def time(self, row: int) -> int:
        return int(self.frames.time[row])

    def frame(self, row: int) -> int:
        return int(self.frames.frame[row])

    def initiator(self, row: int) -> int:
        """Who sent a row, as the table says it."""
        return int(self.frames.initiators(np.array([row]))[0])

    def responder(self, row: int) -> int:
        """Whom a row is for."""
        return int(self.frames.responders(np.array([row]))[0])


@dataclass(slots=True)
class Desk:
    """Entries that are open, and whose parents they are.

    Attributes:
        open: by number.
        new: those of this block.
        parents: of exchanges by handle, where this block told them.
        verdicts: of exchanges by handle: time, whether it was refused, and status, where a story tells them.
    """

    open: dict[int, Entry] = field(default_factory=dict)
    new: list[Entry] = field(default_factory=list)
    parents: dict[int, Entry] = field(default_factory=dict)
    verdicts: dict[int, tuple[int, bool, str]] = field(default_factory=dict)

    def begin(self, scene: Scene, kind: str, row: int, initiator: int, responder: int, name: str) -> Entry:
        """An exchange begins with a row."""
        time, frame = scene.time(row), scene.frame(row)
        one = Entry(kind, ENTRIES - len(self.new), row, initiator, responder, time, frame, name=name)
        one.touch(time, frame)
        one.pan = int(scene.frames.pan[row])
        self.new.append(one)
        return one

    def belongs(self, scene: Scene, row: int, entry: Entry) -> None:
        """The exchange of a row lies in an entry, or the row itself where it has none."""
        handle = int(scene.handle[row])
        if handle == 0:
            scene.handle[row] = entry.number or entry.handle
        else:
            self.parents[handle] = entry
        entry.touch(scene.time(row), scene.frame(row))

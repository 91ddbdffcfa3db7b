"""Findings of a live source, told to others: a command, a web address, an MQTT broker.

Strategy: each of them has a queue of a bounded length and a thread of its own, so that one which is slow or gone holds up
neither the frames nor the other ones. What cannot be told is counted, and said.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, Full, Queue
from threading import Event, Lock, Thread
from typing import Any, Protocol

from dissectors.text import json_text

__all__ = ["Alerts", "Told", "Undelivered", "Way", "alerting"]

WAITING = 256
"""Findings that wait for one way, at most."""
PAUSES = (0.5, 2.0)
"""Seconds before a finding that was not taken is offered again."""
AT_THE_END = 10.0
"""Seconds that what still waits has to be told in, when the source has ended."""


class Undelivered(Exception):
    """A finding was not taken; its text says why, and holds no password.

    Attributes:
        again: whether it may be taken later.
    """

    def __init__(self, text: str, *, again: bool = False) -> None:
        super().__init__(text)
        self.again = again


class Way(Protocol):
    """One way to tell somebody.

    Attributes:
        name: how messages call it; without passwords.
    """

    name: str

    def send(self, octets: bytes) -> None:
        """Tell a finding: JSON in UTF-8. Raises Undelivered."""

    def close(self) -> None:
        """Nothing more will be told."""


@dataclass(slots=True)
class Told:
    """What came of one way so far.

    Attributes:
        left_out: findings for which there was no room, or no time at the end.
        trouble: why the last one failed; empty where it did not.
    """

    name: str
    sent: int = 0
    failed: int = 0
    left_out: int = 0
    trouble: str = ""

    def to_json(self) -> dict[str, Any]:
        """It in an event."""
        out = {"to": self.name, "sent": self.sent, "failed": self.failed, "left_out": self.left_out}
        return out | ({"trouble": self.trouble} if self.trouble else {})


@dataclass(slots=True, eq=False)
class _Line:
    """A way, what waits for it, and what came of it."""

    way: Way
    told: Told
    waiting: Queue[bytes | None] = field(default_factory=lambda: Queue(WAITING))
    thread: Thread | None = None


class Alerts:
    """Tells findings to several ways.

    Args:
        ways: to tell them.
        pauses: seconds before each further attempt.
    """

    def __init__(self, ways: Iterable[Way], pauses: tuple[float, ...] = PAUSES) -> None:
        self.pauses = pauses
        self._lock, self._left = Lock(), Event()
        self._said: dict[str, Told] = {}
        self._lines = [_Line(way, Told(way.name)) for way in ways]
        for line in self._lines:
            line.thread = Thread(target=self._run, args=(line,), name=f"alert {line.way.name}", daemon=True)
            line.thread.start()

    def offer(self, event: dict[str, Any]) -> None:
        """Let an event be told; returns at once."""
        octets = json_text(event).encode()
        for line in self._lines:
            try:
                line.waiting.put_nowait(octets)
            except Full:
                with self._lock:
                    line.told.left_out += 1
                    line.told.trouble = line.told.trouble or f"more than {WAITING} findings wait"

    def troubles(self) -> list[Told]:
        """Ways on which something went wrong, or well again, since this was last asked."""
        with self._lock:
            out = []
            for line in self._lines:
                before, now = self._said.get(line.way.name, Told(line.way.name)), line.told
                if (before.trouble, bool(before.failed)) != (now.trouble, bool(now.failed)):
                    self._said[line.way.name] = _copy(now)
                    out.append(_copy(now))
            return out

    def finish(self, seconds: float = AT_THE_END, clock: Callable[[], float] = time.monotonic) -> list[Told]:
        """Let what waits be told, but for no longer than `seconds`; what came of each way."""
        until = clock() + seconds
        for line in self._lines:
            self._ask_to_end(line, max(0.0, until - clock()))
        for line in self._lines:
            if line.thread is not None:
                line.thread.join(max(0.0, until - clock()))
        self._left.set()
        with self._lock:
            for line in self._lines:
                line.told.left_out += _emptied(line.waiting)
            return [_copy(line.told) for line in self._lines]

    def _ask_to_end(self, line: _Line, seconds: float) -> None:
        with suppress(Full):  # it is busy: what waits is counted
            line.waiting.put(None, timeout=seconds)

    def _run(self, line: _Line) -> None:
        try:
            while not self._left.is_set() and (octets := line.waiting.get()) is not None:
                self._send(line, octets)
        finally:
            line.way.close()

    def _send(self, line: _Line, octets: bytes) -> None:
        trouble = ""
        for pause in (*self.pauses, None):
            try:
                line.way.send(octets)
            except Undelivered as error:
                trouble, again = str(error), error.again
            except Exception as error:  # told and counted: a way that breaks must not end the others' telling
                trouble, again = f"{type(error).__name__}", False
            else:
                trouble = ""
                break
            if not again or pause is None or self._left.wait(pause):
                break
        with self._lock:
            line.told.trouble = trouble
            line.told.sent += not trouble
            line.told.failed += bool(trouble)


def alerting(tell: Callable[[dict[str, Any]], None], alerts: Alerts) -> Callable[[dict[str, Any]], None]:
    """Takes the events of a live source: findings that are raised or withdrawn go to `alerts`, all of them to `tell`.

    What goes wrong is an event `alert`; the event `end` says in `alerts` what came of each way.
    """

    def told(event: dict[str, Any]) -> None:
        kind = event["event"]
        if kind == "finding" and event["state"] != "changed":
            alerts.offer({"schema": 1, **event})
        if kind == "end":
            event = {**event, "alerts": [one.to_json() for one in alerts.finish()]}
        if kind in ("rate", "end"):
            for one in alerts.troubles():
                tell({"event": "alert", **one.to_json()})
        tell(event)

    return told


def _copy(told: Told) -> Told:
    return Told(told.name, told.sent, told.failed, told.left_out, told.trouble)


def _emptied(waiting: Queue[bytes | None]) -> int:
    count = 0
    while True:
        try:
            count += waiting.get_nowait() is not None
        except Empty:
            return count

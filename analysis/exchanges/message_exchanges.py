"""GBCS exchanges: a command with its response and alerts, or an alert of its own (GBCS 4.x section 7.2.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analysis.exchanges.desk import Desk, Entry, Scene

__all__ = ["Messages"]

MOST = 65_536
"""Frames and messages that are remembered, at most; the oldest are forgotten first."""
Parties = tuple[str, str, int]


@dataclass(slots=True)
class Messages:
    """Exchanges by who asks whom under which counter, and by message; and which transfer carried which frame."""

    open: dict[Parties, Entry] = field(default_factory=dict)
    by_message: dict[int, Entry] = field(default_factory=dict)
    carriers: dict[int, int] = field(default_factory=dict)
    times: dict[int, int] = field(default_factory=dict)
    tunnels: dict[int, Entry] = field(default_factory=dict)

    def see(self, desk: Desk, scene: Scene, message: Mapping[str, Any]) -> None:
        """One message whose last frame is in this block."""
        frames, numbers = message["frames"] or [], scene.frames.frame
        if message["kind"] != "gbcs" or not frames or not len(numbers):
            return
        row = min(int(np.searchsorted(numbers, frames[-1])), len(numbers) - 1)
        entry = self._exchange(desk, scene, row, message)
        self.by_message[message["message"]] = entry
        handles = {self._carrier(scene, frame) for frame in frames} - {0}
        for handle in handles:
            tunnel = desk.parents.get(handle) or self.tunnels.get(handle)
            if tunnel is not None and entry.parent is None and tunnel.kind == "tunnel":
                entry.parent = tunnel
            desk.parents[handle] = entry
        entry.touch(scene.time(row), int(frames[-1]))
        self._tell(entry, message, self._start(scene, int(frames[0]), scene.time(row)))
        _keep_within(self.open)
        _keep_within(self.by_message)

    def _start(self, scene: Scene, frame: int, last: int) -> int:
        """When a message began to be sent."""
        numbers = scene.frames.frame
        at = int(np.searchsorted(numbers, frame))
        if at < len(numbers) and int(numbers[at]) == frame:
            return scene.time(at)
        return self.times.get(frame, last)

    def _carrier(self, scene: Scene, frame: int) -> int:
        numbers = scene.frames.frame
        at = int(np.searchsorted(numbers, frame))
        here = at < len(numbers) and int(numbers[at]) == frame
        return int(scene.handle[at]) if here else self.carriers.get(frame, 0)

    def _exchange(self, desk: Desk, scene: Scene, row: int, message: Mapping[str, Any]) -> Entry:
        """The exchange of a message: that of its command, or a new one."""
        cra, answers = message["cra"], message["answers"]
        mine = message["originator"], message["recipient"], message["originator_counter"]
        asker = (mine[1], mine[0], mine[2]) if cra == "response" else mine
        entry = self.by_message.get(answers) if answers else self.open.get(asker)
        if entry is not None and not entry.done:
            return entry
        initiator, responder = (int(one or "0", 16) for one in asker[:2])
        kind = cra or "message"
        entry = desk.begin(
            scene, "gbcs", row, initiator, responder, f"{message['use_case'] or 'GBCS'} {kind}"
        )
        entry.message, entry.use_case = message["message"], message["use_case"] or ""
        if cra == "response":
            entry.missing.append("command")
        if cra in ("command", "response"):
            entry.name = f"{message['use_case'] or 'GBCS'}"
        self.open[asker] = entry
        return entry

    @staticmethod
    def _tell(entry: Entry, message: Mapping[str, Any], time: int) -> None:
        cra, outcome = message["cra"], message["outcome"]
        if cra == "response":
            if not entry.answered:
                entry.answered = time
            if outcome == "failure":
                entry.settle("refused", message["summary"] or "the response tells of a failure")
            elif not entry.missing:
                entry.settle("ok", message["summary"] or "answered")
        elif cra == "alert" and entry.message == message["message"]:
            entry.settle("ok", message["summary"] or "alert")
        if cra == "command" and message["mac"] == "invalid":
            entry.status = "its MAC is invalid"

    def carried(self, frames: Any, times: Any, numbers: Any, tunnels: Mapping[int, Entry]) -> None:
        """Remember which exchange carried which frame, and when, and whose tunnel it lies in."""
        self.times.update(zip(frames.tolist(), times.tolist(), strict=True))
        _keep_within(self.times)
        self.carriers.update(zip(frames.tolist(), numbers.tolist(), strict=True))
        self.tunnels.update(tunnels)
        _keep_within(self.carriers)
        _keep_within(self.tunnels)

    def forget(self, closed: Entry) -> None:
        """Let go of an entry that was closed."""
        self.open = {key: one for key, one in self.open.items() if one is not closed}
        self.by_message = {key: one for key, one in self.by_message.items() if one is not closed}


def _keep_within(table: dict[Any, Any]) -> None:
    while len(table) > MOST:
        del table[next(iter(table))]

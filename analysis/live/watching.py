"""What is said of a live source while it speaks: devices, exchanges, messages, findings, rates, event by event."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from typing import Any

from analysis.engine.rounds import Change
from analysis.live.judging import LiveJudge
from analysis.live.kept_frames import KeptFrames
from analysis.pipeline.freed_memory import give_back_after
from analysis.pipeline.passes import DecodedBlock, DecodePass
from analysis.pipeline.sinks import Sink
from analysis.tables.addresses import with_addresses
from analysis.tables.python_values import rows_of

__all__ = ["Event", "WatchSink"]

Event = dict[str, Any]
OFTEN = 1.0
"""Seconds between two rates, and two looks at the devices."""
REMEMBERED = 20_000
"""Exchanges and messages of which it is known that they were told, for when frames are given again."""
TABLES = ("packets", "messages", "exchanges", "devices")
SEEN = ("name", "role", "short", "join_state")
"""What of a device is told when it changes."""


class WatchSink(Sink):
    """Tells what happens.

    Args:
        live: the source.
        tell: given each event: a dictionary with `event` (device, exchange, message, finding, step, awaited, rate or end)
            and what its table has of it.
        judge: is given what is decoded; None where nobody wants findings.
        clock: seconds, that rise.

    Attributes:
        devices: rows of that table by address, as they stand.
        frames: so far.
        rate: frames a second, over the last seconds.
    """

    def __init__(
        self,
        live: KeptFrames,
        tell: Callable[[Event], None],
        judge: LiveJudge | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.live, self.tell, self.judge, self.clock = live, tell, judge, clock
        self.devices: dict[str, dict[str, Any]] = {}
        self.frames, self.rate = 0, 0.0
        self.decode_pass: DecodePass | None = None
        self._told: OrderedDict[tuple[Any, ...], None] = OrderedDict()
        self._counts: deque[tuple[float, int]] = deque(maxlen=6)
        self._due = 0.0

    @property
    def tables(self) -> tuple[str, ...]:  # type: ignore[override]
        """What it reads, and what its judge does."""
        return TABLES if self.judge is None else self.judge.tables

    def restart(self, decode_pass: DecodePass) -> None:
        self.decode_pass = decode_pass
        if self.judge is not None:
            self.judge.restart(decode_pass)

    def take(self, block: DecodedBlock) -> None:
        give_back_after(self.frames, block.frames)
        self.frames = max(self.frames, block.frames)
        if self.judge is not None:
            self.judge.take(block)
        for name in ("exchanges", "messages"):
            if name in block.batches:
                self._tell_rows(name, block.batches[name])
        self.quiet()

    def quiet(self) -> None:
        now = self.clock()
        if now >= self._due and self.decode_pass is not None:
            self._due = now + OFTEN
            self._look_at_devices(self.decode_pass)
            self._tell_rate(now)
        if self.judge is not None:
            self._tell_findings(self.judge.look())
            self._tell_steps(self.judge)

    def end(self, decode_pass: DecodePass) -> None:
        self._look_at_devices(decode_pass)
        if self.judge is not None:
            self._tell_findings(self.judge.finish())
            self._tell_steps(self.judge)
        facts = decode_pass.facts
        trouble = [self.judge.trouble] if self.judge is not None and self.judge.trouble else []
        self.tell(
            {
                "event": "end", "frames": self.frames, "dropped": self.live.dropped,
                "warnings": [*facts.warnings, *facts.notes, *trouble], "lost": [one.text for one in facts.lost],
            }
        )  # fmt: skip

    def abandon(self) -> None:
        if self.judge is not None:
            self.judge.close()

    def snapshot(self) -> Any:
        return None if self.judge is None else self.judge.snapshot()

    def rewind(self, decode_pass: DecodePass, saved: Any) -> None:
        self.decode_pass = decode_pass  # what is given again and was told is not told again
        if self.judge is not None:
            self.judge.rewind(decode_pass, saved)

    def _tell_rows(self, table: str, batch: Any) -> None:
        for row in rows_of(with_addresses(table, batch)):
            frames = row.get("frames")
            ends = (
                (row.get("first_frame"), row.get("last_frame"))
                if table == "exchanges"
                else tuple(frames or ())
            )
            key = (table, row.get("kind"), row.get("name"), *ends, row.get("outcome"))
            if key in self._told:
                continue
            self._told[key] = None
            while len(self._told) > REMEMBERED:
                self._told.popitem(last=False)
            self.tell({"event": table.removesuffix("s"), **row})

    def _look_at_devices(self, decode_pass: DecodePass) -> None:
        batch = decode_pass.snapshot_tables().get("devices")
        if batch is None:
            return
        for row in rows_of(with_addresses("devices", batch)):
            address = row.get("eui64") or f"{row.get('pan')}:{row.get('short')}"
            before = self.devices.get(address)
            if before is None or any(before.get(name) != row.get(name) for name in SEEN):
                self.tell({"event": "device", **row})
            self.devices[address] = row

    def _tell_rate(self, now: float) -> None:
        self._counts.append((now, self.frames))
        (begin, before), (end, after) = self._counts[0], self._counts[-1]
        self.rate = (after - before) / (end - begin) if end > begin else 0.0
        self.tell(
            {
                "event": "rate",
                "frames": self.frames,
                "rate": round(self.rate, 1),
                "dropped": self.live.dropped,
            }
        )

    def _tell_steps(self, judge: LiveJudge) -> None:
        """Of a device that is followed: the steps that changed, and what is waited for."""
        changed = [*judge.step_changes()]
        for one in changed:
            self.tell({"event": "step", "device": judge.device, **one.to_json()})
        if changed and judge.awaited is not None:
            awaited = judge.awaited
            self.tell({"event": "awaited", "device": judge.device, **awaited._asdict()})

    def _tell_findings(self, changes: Iterable[Change]) -> None:
        for one in changes:
            told = {"event": "finding", "state": one.state, **one.finding.to_json()}
            told.pop("incident", None)
            self.tell({**told, "reason": one.reason} if one.reason else told)

"""Findings of a live source: raised as soon as the frames show them, changed, and withdrawn when later frames clear them.

Strategy: the rules are judged in rounds (`analysis.engine.rounds`) over the tables that decoding gives anyhow: nothing is
decoded twice. Where this process can be copied they are judged by a copy of it (`analysis.live.judging_apart`), so that
decoding is not held up; else by a thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any, Protocol

from analysis.engine.checking import Checking
from analysis.engine.rounds import Change, Key, Rounds, Told
from analysis.findings.model import Finding
from analysis.live.judging_apart import JudgedApart
from analysis.pipeline.heard_tables import MOST_FRAMES, HeardTables
from analysis.pipeline.parallel import processors
from analysis.pipeline.passes import DECODED_TABLES, DecodedBlock, DecodePass

__all__ = ["LiveJudge"]


class Judging(Protocol):
    """Judges what it is given, elsewhere or meanwhile."""

    def take(self, batches: dict[str, Any], frames: int) -> None: ...
    def mark(self, number: int) -> None: ...
    def back(self, number: int) -> None: ...
    def end(self) -> None: ...
    def told(self, *, wait: bool) -> Told | None:
        """The next that is new; None where nothing is yet."""

    def close(self) -> None: ...


class LiveJudge:
    """Judges a live source. It takes what a sink takes, from a sink that then looks whether there is something new.

    Args:
        profile: of rules.
        apart: by another process, where that can be.
        most: frames whose tables are kept.

    Attributes:
        device, awaited: of a device that is followed: `analysis.live.joining`.
        findings: that stand, by rule and device.
        trouble: why judging broke off; empty when it did not.

    Raises:
        ProfileError: the profile cannot be read.
    """

    tables = DECODED_TABLES
    device = ""
    awaited: Any = None

    def __init__(self, profile: str | None = None, *, apart: bool = True, most: int = MOST_FRAMES) -> None:
        self.findings: dict[Key, Finding] = {}
        self.trouble = ""
        self._mark, self._ended = 0, False
        self._judging = self._begun(Checking(profile), apart, most)

    def rounds(self, heard: HeardTables, checking: Checking, tell: Callable[[Told], None]) -> Rounds:
        """What judges, in the process or thread that does."""
        return Rounds(heard, checking, tell)

    def step_changes(self) -> Iterator[Any]:
        """Steps of a device that is followed; none here."""
        return iter(())

    def restart(self, decode_pass: DecodePass) -> None:
        """The source begins."""

    def take(self, block: DecodedBlock) -> None:
        """What decoding gave."""
        batches = block.batches if block.last else block.batches | block.decode_pass.snapshot_tables()
        self._judging.take(batches, block.frames)

    def snapshot(self) -> int:
        """The number of this moment, for `rewind`."""
        self._mark += 1
        self._judging.mark(self._mark)
        return self._mark

    def rewind(self, decode_pass: DecodePass, saved: int) -> None:
        """What came since that moment comes again."""
        self._judging.back(saved)

    def look(self) -> Iterator[Change]:
        """What changed since it was last asked."""
        while (told := self._judging.told(wait=False)) is not None:
            yield from self._heard(told)

    def finish(self) -> Iterator[Change]:
        """What changes when all has been heard."""
        self._judging.end()
        while not self._ended and (told := self._judging.told(wait=True)) is not None:
            yield from self._heard(told)
        self.close()

    def close(self) -> None:
        """Judge no more."""
        self._judging.close()

    def more(self, told: Any) -> None:
        """What else was said."""

    def _begun(self, checking: Checking, apart: bool, most: int) -> Judging:
        def judge(heard: HeardTables, tell: Callable[[Told], None]) -> None:
            self.rounds(heard, checking, tell).run()

        if apart and processors() > 1:
            try:
                return JudgedApart(judge, most)
            except OSError:  # no more memory, or processes
                pass
        return JudgedHere(judge, most)

    def _heard(self, told: Told) -> Iterator[Change]:
        self._ended = self._ended or told.last
        self.trouble = told.trouble or self.trouble
        if told.more is not None:
            self.more(told.more)
        for one in told.changes:
            key = (one.finding.rule, one.finding.device)
            if one.state == "withdrawn":
                self.findings.pop(key, None)
            else:
                self.findings[key] = one.finding
            yield one


class JudgedHere:
    """A thread of this process judges."""

    def __init__(self, judge: Callable[[HeardTables, Callable[[Told], None]], None], most: int) -> None:
        self._heard = HeardTables(most)
        self.take, self.mark, self.back = self._heard.take, self._heard.mark, self._heard.back
        self._told: deque[Told] = deque()
        self._thread = Thread(target=judge, args=(self._heard, self._told.append), name="judge", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Nothing more will come."""
        self._heard.end()

    def told(self, *, wait: bool) -> Told | None:
        """The next that is new; None where nothing is yet, and never will be if one waits."""
        if wait:
            self._thread.join()
        return self._told.popleft() if self._told else None

    def close(self) -> None:
        """Judge no more."""
        self._heard.end()

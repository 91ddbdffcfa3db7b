"""Findings of a live source: raised as soon as the frames show them, changed, and withdrawn when later frames clear them.

Strategy: the rules run over all frames that are kept, as `hanscope check` would run them over these, again and again in a
thread of its own, but at most half of the time. What one run said is compared with what the one before had said.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Thread
from typing import Any, NamedTuple

from analysis.engine.checking import check_capture
from analysis.findings.model import Finding
from captures import CaptureError, FrameBlock
from dissectors import Keyring

__all__ = ["Change", "LiveJudge"]

PAUSE = 0.25
"""Seconds between two runs of the rules, at least."""
Key = tuple[str, str]


class Change(NamedTuple):
    """What a run of the rules changed.

    Attributes:
        state: raised, changed or withdrawn.
        reason: why it was withdrawn.
    """

    state: str
    finding: Finding
    reason: str = ""


class LiveJudge:
    """Runs the rules over what is kept.

    Args:
        kept: gives the frames that are kept, and the number of the first of them.
        keyring: gives the keys that are known by now.
        profile: of rules.

    Attributes:
        device, awaited: of a device that is followed: `analysis.live.joining`.
        findings: that stand, by rule and device.
        trouble: why the last run broke off; empty when it did not.
    """

    def __init__(
        self,
        kept: Callable[[], tuple[list[FrameBlock], int]],
        keyring: Callable[[], Keyring],
        profile: str | None = None,
    ) -> None:
        self.kept, self.keyring, self.profile = kept, keyring, profile
        self.findings: dict[Key, Finding] = {}
        self.trouble = ""
        self._thread: Thread | None = None
        self._found: tuple[Sequence[Finding], int] | None = None
        self._judged, self._not_before = 0, 0.0

    device = ""
    awaited: Any = None

    def step_changes(self) -> Iterator[Any]:
        """Steps of a device that is followed; none here."""
        return iter(())

    def look(self, frames: int) -> Iterator[Change]:
        """What changed since it was last asked; begins another run where there are new frames and it is time."""
        if self._thread is not None and not self._thread.is_alive():
            self._thread = None
            yield from self._changes()
        if self._thread is None and frames > self._judged and time.monotonic() >= self._not_before:
            self._judged = frames
            self._thread = Thread(target=self._run, args=self._given(), daemon=True)
            self._thread.start()

    def finish(self) -> Iterator[Change]:
        """What changes when all has been heard."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._run(*self._given())
        yield from self._changes()

    def _given(self) -> tuple[list[FrameBlock], int, Keyring]:
        return (*self.kept(), self.keyring())

    def _run(self, blocks: list[FrameBlock], first: int, keyring: Keyring) -> None:
        with self._timed():
            try:
                if blocks:
                    result = check_capture(blocks, keyring, profile=self.profile).result
                    self._found = result.findings, first
            except CaptureError as error:
                self.trouble = str(error)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        """One run: the next one waits as long as this takes."""
        began = time.monotonic()
        self._found, self.trouble = None, ""
        yield
        now = time.monotonic()
        self._not_before = now + max(PAUSE, now - began)

    def _changes(self) -> Iterator[Change]:
        if self._found is None:
            return
        found, first = self._found
        now = {(one.rule, one.device): one for one in found}
        for key, one in now.items():
            before = self.findings.get(key)
            if before is None or before.evidence != one.evidence:
                yield Change("raised" if before is None else "changed", one)
        for key, one in self.findings.items():
            if key in now:
                continue
            if one.frames and min(one.frames) < first:
                now[key] = one  # its frames are no longer kept: it stands
            else:
                yield Change("withdrawn", one, "later frames do not bear it out")
        self.findings = now

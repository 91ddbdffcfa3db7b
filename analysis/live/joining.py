"""A device that joins, step by step, as `hanscope why` tells the steps of its role, while it happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from analysis.diagnosis import StepResult
from analysis.diagnosis.whole import device_so_far
from analysis.engine.checking import Checking
from analysis.engine.rounds import Rounds, Told
from analysis.findings.model import Finding
from analysis.live.judging import LiveJudge
from analysis.pipeline.heard_tables import Heard, HeardTables

__all__ = ["Awaited", "JoinJudge"]


class Awaited(NamedTuple):
    """The first step that is not reached yet of those that come by themselves; without a title: there is none.

    Attributes:
        check: what to look at, should it not come.
    """

    title: str
    check: str


class JoinRounds(Rounds):
    """Judges the steps of one device; its findings are those about that device."""

    device = ""

    def more(self, view: Any, at: Heard, findings: Sequence[Finding]) -> tuple[Sequence[Finding], Any]:
        found = device_so_far(view, at.window, findings, self.device)
        return ((), None) if found is None else (found.findings, found.steps)


class JoinJudge(LiveJudge):
    """Follows the steps of one device; its findings are those about that device.

    Args:
        device: its name, role or address, as `hanscope why` takes it.
    """

    def __init__(self, profile: str | None = None, *, device: str, **options: Any) -> None:
        self.device = device
        self.steps: list[StepResult] = []
        self._said: dict[str, str] = {}
        super().__init__(profile, **options)

    def rounds(self, heard: HeardTables, checking: Checking, tell: Callable[[Told], None]) -> Rounds:
        found = JoinRounds(heard, checking, tell)
        found.device = self.device
        return found

    @property
    def awaited(self) -> Awaited | None:
        """What is waited for; None where nothing is known of the device."""
        if not self.steps:
            return None
        coming = [one for one in self.steps if one.step.kinds and not one.step.asked]
        last = max((n for n, one in enumerate(coming) if one.state == "reached"), default=-1)
        later = [one for one in coming[last + 1 :] if one.state != "implied"]
        return Awaited(later[0].step.title, later[0].step.check) if later else Awaited("", "")

    def step_changes(self) -> Iterator[StepResult]:
        """The steps whose state changed since this was last asked."""
        for one in self.steps:
            if self._said.get(one.step.step, "not seen") != one.state:
                self._said[one.step.step] = one.state
                yield one

    def more(self, told: list[StepResult]) -> None:
        self.steps = told

"""A device that joins, step by step, as `hanscope why` tells the steps of its role, while it happens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from analysis.diagnosis import StepResult, diagnose
from analysis.live.judging import LiveJudge
from captures import CaptureError, FrameBlock
from dissectors import Keyring

__all__ = ["Awaited", "JoinJudge"]


class Awaited(NamedTuple):
    """The first step that is not reached yet.

    Attributes:
        check: what to look at, should it not come.
    """

    title: str
    check: str


class JoinJudge(LiveJudge):
    """Follows the steps of one device; its findings are those about that device.

    Args:
        device: its name, role or address, as `hanscope why` takes it.
    """

    def __init__(self, *args: Any, device: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.device = device
        self.steps: list[StepResult] = []
        self._told: dict[str, str] = {}

    @property
    def awaited(self) -> Awaited | None:
        """What is waited for; None where nothing is known of the device, or all is reached."""
        last = max((n for n, one in enumerate(self.steps) if one.state == "reached"), default=-1)
        later = [one for one in self.steps[last + 1 :] if one.state != "implied"]
        return Awaited(later[0].step.title, later[0].step.check) if later else None

    def step_changes(self) -> Iterator[StepResult]:
        """The steps whose state changed since this was last asked."""
        for one in self.steps:
            if self._told.get(one.step.step, "not seen") != one.state:
                self._told[one.step.step] = one.state
                yield one

    def _run(self, blocks: list[FrameBlock], first: int, keyring: Keyring) -> None:
        with self._timed():
            try:
                found = diagnose(blocks, keyring, self.device, profile=self.profile) if blocks else None
            except LookupError:  # it has not been heard yet
                return
            except CaptureError as error:
                self.trouble = str(error)
                return
            if found is not None and found.devices:
                self.steps = found.devices[0].steps
                self._found = found.devices[0].findings, first

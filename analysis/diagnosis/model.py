"""What is said of a home and of each device in it, as values; `told` makes sentences of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from analysis.diagnosis.steps import Step
from analysis.findings.model import Finding

__all__ = ["DeviceDiagnosis", "Diagnosis", "Party", "State", "StepResult"]

State = Literal["reached", "failed", "implied", "under way", "not seen"]


class Party(NamedTuple):
    """A device: its addresses as hex digits (empty where unknown), role and name, and how many frames it sent."""

    eui64: str
    short: str
    role: str
    name: str
    frames: int

    def __str__(self) -> str:
        called = self.name or self.role
        address = self.eui64 or (f"0x{self.short}" if self.short else "")
        return f"{called} ({address})" if called and address else called or address or "unknown device"


@dataclass(frozen=True, slots=True)
class StepResult:
    """How far a device came with a step.

    Attributes:
        state: reached; failed (proved); implied: not heard, but something later needs it; under way when the capture
            ended; not seen.
        text: how often, and with which status.
        time: nanoseconds since 1970 of the first sign of this state; None without one.
        frames: that show it.
        count: signs that tell of it.
        rules: findings that say that it failed.
    """

    step: Step
    state: State
    text: str = ""
    time: int | None = None
    frames: tuple[int, ...] = ()
    count: int = 0
    rules: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        from analysis.tables.python_values import iso_time

        failed = self.state == "failed"
        return {
            "step": self.step.step, "title": self.step.title, "state": self.state, "text": self.text,
            "time": None if self.time is None else iso_time(self.time), "frames": list(self.frames),
            "count": self.count, "rules": list(self.rules), "check_next": self.step.check if failed else None,
            "source": self.step.source,
        }  # fmt: skip


@dataclass(slots=True)
class DeviceDiagnosis:
    """The steps of one device, and what else was found about it."""

    device: Party
    steps: list[StepResult]
    findings: list[Finding] = field(default_factory=list)
    heard: bool = True

    @property
    def failed(self) -> StepResult | None:
        """The first step that failed."""
        return next((one for one in self.steps if one.state == "failed"), None)

    @property
    def verdict(self) -> str:
        """``step failed``, ``findings`` (no step failed, but something is wrong), ``no fault found``, ``cannot tell``
        (its frames stay shut), ``not heard``."""
        if self.failed is not None:
            return "step failed"
        if self.findings:
            return "findings"
        shut = any(
            one.step.step == "network-key-use" and one.state != "reached" and one.count for one in self.steps
        )
        return "not heard" if not self.heard else "cannot tell" if shut else "no fault found"

    def to_json(self) -> dict[str, Any]:
        first = self.failed
        return {
            "device": self.device._asdict(), "verdict": self.verdict,
            "failed_step": None if first is None else first.step.step,
            "steps": [one.to_json() for one in self.steps],
            "findings": [one.to_json() for one in self.findings],
        }  # fmt: skip


@dataclass(slots=True)
class Diagnosis:
    """What is said of a capture.

    Attributes:
        devices: those that were asked for.
        home: what is about no device of it: scans, the network, the channel, strangers.
        looked_at: what was looked at, numbers by name (`analysis.diagnosis.looked`).
        cannot_tell: what the capture cannot tell, a sentence each.
    """

    source: str
    devices: list[DeviceDiagnosis]
    home: DeviceDiagnosis
    looked_at: dict[str, Any]
    cannot_tell: list[str]

    @property
    def failed(self) -> Sequence[tuple[Party, StepResult]]:
        """The first step that failed of each device, in the order of time."""
        found = [(one.device, one.failed) for one in (*self.devices, self.home) if one.failed is not None]
        return sorted(found, key=lambda pair: (pair[1].time is None, pair[1].time or 0))

    @property
    def verdict(self) -> str:
        """The gravest of the devices' verdicts, and of the home's."""
        said = {one.verdict for one in self.devices}
        said |= {self.home.verdict} & {"step failed", "findings"}
        order = ("step failed", "findings", "cannot tell", "no fault found", "not heard")
        return next((one for one in order if one in said), "not heard")

    def to_json(self) -> dict[str, Any]:
        """One JSON document; see docs/why.md."""
        return {
            "schema": 1, "source": self.source, "verdict": self.verdict,
            "failed": [{"device": party._asdict(), "step": one.step.step} for party, one in self.failed],
            "devices": [one.to_json() for one in self.devices],
            "home": self.home.to_json(),
            "looked_at": self.looked_at, "cannot_tell": self.cannot_tell,
        }  # fmt: skip

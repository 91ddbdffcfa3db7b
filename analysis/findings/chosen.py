"""What the rules said, narrowed down to the findings that somebody wants to see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from analysis.findings.model import CheckResult, Finding

__all__ = ["only"]


def only(result: CheckResult, chosen: Callable[[Sequence[Finding]], Sequence[bool]]) -> CheckResult:
    """The result with those of its findings (and of those that waivers accept) that `chosen` says, and with the incidents
    that they belong to."""
    keep = chosen(result.findings)
    place = {old: new for new, old in enumerate(n for n, wanted in enumerate(keep) if wanted)}
    accepted = chosen([one.finding for one in result.accepted])
    return replace(
        result,
        findings=[one for one, wanted in zip(result.findings, keep, strict=True) if wanted],
        incidents=[
            replace(one, findings=tuple(place[n] for n in one.findings if n in place))
            for one in result.incidents
            if not place.keys().isdisjoint(one.findings)
        ],
        accepted=[one for one, wanted in zip(result.accepted, accepted, strict=True) if wanted],
    )

"""One page over the reports of several captures: which are bad, what they have in common, what could not be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from analysis.findings.model import SEVERITIES, CheckResult
from analysis.report import environment, version
from analysis.report.chapters import overview
from analysis.report.tally import Tally

__all__ = ["ReportedCapture", "render_roll_up"]


@dataclass(frozen=True, slots=True)
class ReportedCapture:
    """What the page says of one capture; plain values, so that another process may have made it.

    Attributes:
        capture: its name.
        link: its own report, as a path from the page.
        overview: as the first chapter of its report.
        findings: severity, rule, title, and about whom, of each.
    """

    capture: str
    link: str
    overview: dict[str, Any]
    findings: list[tuple[str, str, str, str]] = field(default_factory=list)

    @classmethod
    def of(cls, capture: str, link: str, tally: Tally, result: CheckResult) -> ReportedCapture:
        """What is said of a capture that was counted and checked."""
        told = [(one.severity, one.rule, one.title, one.device) for one in result.findings]
        return cls(capture, link, overview(tally, result), told)

    @property
    def rank(self) -> tuple[int, ...]:
        """Grave captures come first."""
        return tuple(-count for _, count in self.overview["severities"])


def render_roll_up(captures: Sequence[ReportedCapture], failed: Sequence[tuple[str, str]], title: str) -> str:
    """The page as HTML text.

    Args:
        failed: captures that could not be read, and why.
    """
    ranked = sorted(captures, key=lambda one: one.rank)
    totals = [
        (severity, sum(dict(one.overview["severities"])[severity] for one in captures))
        for severity in reversed(SEVERITIES)
    ]
    page: str = environment().get_template("roll_up.html.j2").render(
        title=title, version=version(), captures=ranked, failed=failed, totals=totals, rules=_by_rule(ranked),
        frames=sum(one.overview["frames"] for one in captures),
    )  # fmt: skip
    return page


def _by_rule(captures: Sequence[ReportedCapture]) -> list[dict[str, Any]]:
    """Each rule that found something: how grave, in which captures, about whom."""
    found: dict[str, dict[str, Any]] = {}
    for one in captures:
        for severity, rule, title, device in one.findings:
            entry = found.setdefault(
                rule,
                {
                    "rule": rule,
                    "title": title,
                    "severity": severity,
                    "count": 0,
                    "captures": {},
                    "devices": {},
                },
            )
            entry["severity"] = max(entry["severity"], severity, key=SEVERITIES.index)
            entry["count"] += 1
            entry["captures"].setdefault(one.capture, one.link)
            entry["devices"].setdefault(device)
    return sorted(
        found.values(),
        key=lambda one: (-SEVERITIES.index(one["severity"]), -len(one["captures"]), one["rule"]),
    )

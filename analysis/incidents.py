"""Incidents: findings about one cause, put together, with a timeline and what to check in the field.

Strategy: findings of one cause belong together when they share a frame or a device, or follow each other
within a few minutes. What each cause probably means stands in one table.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

from analysis.findings import SEVERITIES, Finding, Incident, Rule

__all__ = ["causes", "incidents_of"]

NEAR = 300.0  # seconds between two findings of one cause that are still one story


@cache
def causes() -> dict[str, dict[str, str]]:
    """The table of causes: title, likely cause and next check, by name."""
    path = resources.files("analysis") / "causes.csv"
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
    return {row["cause"]: row for row in csv.DictReader(lines)}


def incidents_of(
    findings: Sequence[Finding], rules: Mapping[str, Rule], when: Sequence[tuple[float, float]]
) -> list[Incident]:
    """The incidents among `findings`, gravest first; findings of severity info make none alone.

    `when` says for each finding from which to which second of the capture it happened."""
    groups: dict[str, list[int]] = {}
    for index, finding in enumerate(findings):
        groups.setdefault(rules[finding.rule].cause, []).append(index)
    out: list[list[int]] = []
    for members in groups.values():
        out += _together(sorted(members, key=lambda i: when[i]), findings, when)
    made = [_incident(part, findings, when, rules) for part in out]
    made = [i for i in made if i.severity != "info"]
    made.sort(key=lambda i: (-SEVERITIES.index(i.severity), i.start))
    return [
        Incident(n, i.title, i.severity, i.start, i.end, i.findings, i.timeline, i.likely_cause, i.next_check)
        for n, i in enumerate(made, 1)
    ]


def _together(
    members: list[int], findings: Sequence[Finding], when: Sequence[tuple[float, float]]
) -> list[list[int]]:
    parts: list[list[int]] = []
    for index in members:
        start, end = when[index]
        for part in parts:
            near = any(start <= when[i][1] + NEAR and end >= when[i][0] - NEAR for i in part)
            same = any(findings[i].device == findings[index].device for i in part)
            if near or same:
                part.append(index)
                break
        else:
            parts.append([index])
    return parts


def _incident(
    part: list[int],
    findings: Sequence[Finding],
    when: Sequence[tuple[float, float]],
    rules: Mapping[str, Rule],
) -> Incident:
    first = findings[part[0]]
    row = causes().get(rules[first.rule].cause, {})
    severity = max((findings[i].severity for i in part), key=SEVERITIES.index)
    timeline = sorted((when[i][0], f"{findings[i].device}: {findings[i].evidence}") for i in part)
    return Incident(
        0,
        row.get("title") or first.title,
        severity,
        min(when[i][0] for i in part),
        max(when[i][1] for i in part),
        tuple(part),
        tuple(timeline),
        row.get("likely_cause") or first.title,
        row.get("next_check") or first.advice,
    )

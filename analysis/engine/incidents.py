"""Incidents: findings about one cause, put together, with a timeline and what to check in the field.

Strategy: findings of one cause belong together when they share a device, or follow each other within a few minutes,
unless their frames show different other causes: then each goes with its own. Findings of two causes are one story
when the same frames show both (half of the fewer at least), or when one cause brings the other along: a jammed
channel silences devices. What each cause probably means, and what it brings along, stands in one table; the gravest
finding names the incident.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

import numpy as np

from analysis.findings.model import SEVERITIES, Finding, Incident, Rule

__all__ = ["causes", "incidents_of"]

NEAR = 300.0  # seconds between two findings of one cause that are still one story


@cache
def causes() -> dict[str, dict[str, str]]:
    """The table of causes: title, likely cause and next check, by name."""
    path = resources.files("analysis.engine") / "causes.csv"
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
    others = _shown_with(findings, rules)
    for members in groups.values():
        out += _together(sorted(members, key=lambda i: when[i]), findings, when, others)
    for part in out:
        part.sort(key=lambda i: (-SEVERITIES.index(findings[i].severity), when[i]))
    out.sort(key=lambda part: (-SEVERITIES.index(findings[part[0]].severity), when[part[0]]))
    made = [_incident(part, findings, when, rules) for part in _stories(out, findings, when, rules)]
    made = [i for i in made if i.severity != "info"]
    made.sort(key=lambda i: (-SEVERITIES.index(i.severity), i.start))
    return [
        Incident(n, i.title, i.severity, i.start, i.end, i.findings, i.timeline, i.likely_cause, i.next_check)
        for n, i in enumerate(made, 1)
    ]


def _shown_with(findings: Sequence[Finding], rules: Mapping[str, Rule]) -> dict[int, set[str]]:
    """Per finding: other causes, as grave or graver, that half of its frames or more show as well."""
    frames, place = np.unique([n for f in findings for n in f.frames], return_inverse=True)
    ends = np.cumsum([len(f.frames) for f in findings])
    places = [place[end - len(f.frames) : end] for f, end in zip(findings, ends, strict=True)]
    named = sorted({rules[f.rule].cause for f in findings})
    number = {cause: n for n, cause in enumerate(named)}
    graver = np.zeros((len(number), len(frames)), dtype=bool)  # which causes a frame shows
    out: dict[int, set[str]] = {}
    for severity in reversed(SEVERITIES):
        members = [(n, rules[f.rule].cause) for n, f in enumerate(findings) if f.severity == severity]
        for n, cause in members:
            graver[number[cause], places[n]] = True
        for n, cause in members:
            many = graver[:, places[n]].sum(axis=1)
            half = np.flatnonzero((many > 0) & (many * 2 >= len(places[n])))
            out[n] = {named[one] for one in half.tolist() if named[one] != cause}
    return out


def _together(
    members: list[int],
    findings: Sequence[Finding],
    when: Sequence[tuple[float, float]],
    others: Mapping[int, set[str]],
) -> list[list[int]]:
    parts: list[list[int]] = []
    for index in members:
        for part in parts:
            alike = [i for i in part if not others[i] or not others[index] or others[i] & others[index]]
            near = any(_near(when[index], when[i]) for i in alike)
            same = any(findings[i].about == findings[index].about for i in part)
            if near or same:
                part.append(index)
                break
        else:
            parts.append([index])
    return parts


def _near(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] <= other[1] + NEAR and one[1] >= other[0] - NEAR


def _stories(
    parts: list[list[int]],
    findings: Sequence[Finding],
    when: Sequence[tuple[float, float]],
    rules: Mapping[str, Rule],
) -> list[list[int]]:
    """Parts of several causes put together where they are one story; the gravest first, and first in each."""
    stories: list[list[int]] = []
    shown: list[set[int]] = []  # frames of each story
    for part in parts:
        frames = {f for i in part for f in findings[i].frames}
        for story, seen in zip(stories, shown, strict=True):
            if _same_frames(seen, frames) or _brought_along(story, part, findings, when, rules):
                story += part
                seen |= frames
                break
        else:
            stories.append(list(part))
            shown.append(frames)
    return stories


def _same_frames(one: set[int], other: set[int]) -> bool:
    fewest = min(len(one), len(other))
    return fewest > 0 and len(one & other) * 2 >= fewest


def _brought_along(
    story: list[int],
    part: list[int],
    findings: Sequence[Finding],
    when: Sequence[tuple[float, float]],
    rules: Mapping[str, Rule],
) -> bool:
    """Whether the story's own cause brings the part's cause along: on its devices, or where its row says
    ``anywhere``, and while it lasted."""
    row = causes().get(rules[findings[story[0]].rule].cause, {})
    brings = (row.get("brings") or "").split("; ")
    if rules[findings[part[0]].rule].cause not in brings:
        return False
    start, end = min(when[i][0] for i in story), max(when[i][1] for i in story)
    while_it_lasted = start - NEAR <= min(when[i][0] for i in part) <= end + NEAR
    same = {findings[i].about for i in story} & {findings[i].about for i in part}
    return while_it_lasted and (bool(same) or "anywhere" in brings)


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

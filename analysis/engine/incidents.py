"""Incidents: findings about one cause, put together, with a timeline and what to check in the field.

Strategy: findings of one cause belong together when they share a device, or follow each other within a few minutes,
unless their frames show different other causes: then each goes with its own. Findings of two causes are one story
when the same frames show both (half of the fewer at least), or when one cause brings the other along: a jammed
channel silences devices. What each cause probably means, and what it brings along, stands in one table; the gravest
finding names the incident.
"""

from __future__ import annotations

import csv
from bisect import insort
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

import numpy as np

from analysis.findings.model import SEVERITIES, Finding, Incident, Rule
from analysis.findings.subject import Subject

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


@dataclass(slots=True, eq=False)
class _Part:
    """Findings of one cause that belong together; `ends` is when the last of them was over, by the other causes that
    their frames show."""

    members: list[int] = field(default_factory=list)
    ends: dict[frozenset[str], float] = field(default_factory=dict)

    @property
    def end(self) -> float:
        return max(self.ends.values())

    def near(self, start: float, shown: frozenset[str]) -> bool:
        """Whether a finding that begins at `start` follows closely upon one whose frames show the same, and nothing that
        its own do not while these show something else."""
        return any(
            end + NEAR >= start and (shown <= other or other <= shown) for other, end in self.ends.items()
        )

    def add(self, index: int, end: float, shown: frozenset[str]) -> None:
        self.members.append(index)
        self.ends[shown] = max(end, self.ends.get(shown, end))


def _together(
    members: list[int],
    findings: Sequence[Finding],
    when: Sequence[tuple[float, float]],
    others: Mapping[int, set[str]],
) -> list[list[int]]:
    """The findings (in the order of their beginnings), each in the first part that it is near to, or that has its
    device."""
    parts: list[_Part] = []
    recent: list[int] = []  # places of the parts that a finding may still be near to, ascending
    first_of: dict[Subject, int] = {}
    for index in members:
        (start, end), shown, about = when[index], frozenset(others[index]), findings[index].about
        recent = [place for place in recent if parts[place].end + NEAR >= start]
        found = next((place for place in recent if parts[place].near(start, shown)), len(parts))
        place = min(found, first_of.get(about, len(parts)))
        if place == len(parts):
            parts.append(_Part())
        parts[place].add(index, end, shown)
        first_of[about] = min(place, first_of.get(about, place))
        if place not in recent:
            insort(recent, place)
    return [part.members for part in parts]


@dataclass(slots=True, eq=False)
class _Story:
    """Parts of several causes that are one story: its members, the cause that names it, and what it spans."""

    members: list[int]
    cause: str
    frames: set[int]
    start: float
    end: float
    about: set[Subject]

    @classmethod
    def of(
        cls,
        part: list[int],
        findings: Sequence[Finding],
        when: Sequence[tuple[float, float]],
        rules: Mapping[str, Rule],
    ) -> _Story:
        """The story of one part."""
        return cls(
            list(part),
            rules[findings[part[0]].rule].cause,
            {frame for i in part for frame in findings[i].frames},
            min(when[i][0] for i in part),
            max(when[i][1] for i in part),
            {findings[i].about for i in part},
        )

    def take(self, other: _Story) -> None:
        self.members += other.members
        self.frames |= other.frames
        self.start, self.end = min(self.start, other.start), max(self.end, other.end)
        self.about |= other.about

    def brings(self, other: _Story) -> bool:
        """Whether its own cause brings the other's cause along: on its devices, or where its row says ``anywhere``, and
        while it lasted."""
        brings = _brought_by(self.cause)
        while_it_lasted = self.start - NEAR <= other.start <= self.end + NEAR
        return (
            other.cause in brings
            and while_it_lasted
            and ("anywhere" in brings or not self.about.isdisjoint(other.about))
        )


@cache
def _brought_by(cause: str) -> frozenset[str]:
    return frozenset((causes().get(cause, {}).get("brings") or "").split("; "))


def _stories(
    parts: list[list[int]],
    findings: Sequence[Finding],
    when: Sequence[tuple[float, float]],
    rules: Mapping[str, Rule],
) -> list[list[int]]:
    """Parts of several causes put together where they are one story; the gravest first, and first in each."""
    stories: list[_Story] = []
    of_frame: dict[int, list[int]] = {}  # places of the stories that have a frame
    of_cause: dict[str, list[int]] = {}
    for one in (_Story.of(part, findings, when, rules) for part in parts):
        shared = Counter(place for frame in one.frames for place in of_frame.get(frame, ()))
        found = [
            place
            for place, count in shared.items()
            if count * 2 >= min(len(stories[place].frames), len(one.frames))
        ]
        for cause, places in of_cause.items():
            if one.cause in _brought_by(cause):
                found += [place for place in places if stories[place].brings(one)][:1]
        place = min(found, default=len(stories))
        fresh = one.frames if place == len(stories) else one.frames - stories[place].frames
        for frame in fresh:
            of_frame.setdefault(frame, []).append(place)
        if place == len(stories):
            of_cause.setdefault(one.cause, []).append(place)
            stories.append(one)
        else:
            stories[place].take(one)
    return [story.members for story in stories]


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

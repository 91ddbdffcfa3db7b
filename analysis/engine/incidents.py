"""Incidents: findings about one cause, put together, with a timeline and what to check in the field.

Strategy: findings of one cause belong together when they share a device, or follow each other within a few minutes,
unless their frames show different other causes: then each goes with its own. Findings of two causes are one story
when the same frames show both (half of the fewer at least), or when one cause brings the other along: a jammed
channel silences devices. What each cause probably means, and what it brings along, stands in one table; the gravest
finding names the incident, in the words of its cause where they fit it, else in its own.
"""

from __future__ import annotations

import math
from bisect import insort
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain

import numpy as np
import numpy.typing as npt

from analysis.findings.model import SEVERITIES, Finding, Incident, Rule
from analysis.findings.subject import Subject
from analysis.tables.lazy import Places
from dissectors.layout import rows_in

__all__ = ["causes", "incidents_of"]

Mask = npt.NDArray[np.bool_]
NEAR = 300.0  # seconds between two findings of one cause that are still one story


@cache
def causes() -> dict[str, dict[str, str]]:
    """The table of causes: title, likely cause and next check, by name."""
    return {row["cause"]: row for row in rows_in("analysis.engine", "causes")}


def incidents_of(
    findings: Sequence[Finding], rules: Mapping[str, Rule], when: Sequence[tuple[float, float]]
) -> list[Incident]:
    """The incidents among `findings`, gravest first; findings of severity info make none alone.

    `when` says for each finding from which to which second of the capture it happened."""
    groups: dict[str, list[int]] = {}
    for index, finding in enumerate(findings):
        groups.setdefault(rules[finding.rule].cause, []).append(index)
    out: list[list[int]] = []
    shown = _Shown(findings)
    others = _shown_with(findings, rules, shown)
    for members in groups.values():
        out += _together(sorted(members, key=lambda i: when[i]), findings, when, others)
    for part in out:
        part.sort(key=lambda i: (-SEVERITIES.index(findings[i].severity), when[i]))
    out.sort(key=lambda part: _rank(findings[part[0]], rules, when[part[0]]))
    made = [_incident(part, findings, when, rules) for part in _stories(out, findings, when, rules, shown)]
    made = [i for i in made if i.severity != "info"]
    made.sort(key=lambda i: (-SEVERITIES.index(i.severity), i.start))
    return [
        Incident(n, i.title, i.severity, i.start, i.end, i.findings, i.timeline, i.likely_cause, i.next_check)
        for n, i in enumerate(made, 1)
    ]


class _Shown:
    """The frames of findings: `places`, their numbers among all frames that are shown, one finding's behind the other's,
    and where in it each finding `begins` and `ends`."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        sizes = np.fromiter((len(f.frames) for f in findings), np.int64, len(findings))
        every = chain.from_iterable(f.frames for f in findings)
        self.ends = np.cumsum(sizes)
        self.begins = self.ends - sizes
        frames, self.places = np.unique(np.fromiter(every, np.int64, int(sizes.sum())), return_inverse=True)
        self.frames = len(frames)

    def at(self, findings: Sequence[int]) -> Places:
        """Where in `places` the frames of some findings stand."""
        begins, sizes = self.begins[findings], (self.ends - self.begins)[findings]
        return np.repeat(begins - (np.cumsum(sizes) - sizes), sizes) + np.arange(int(sizes.sum()))


def _shown_with(findings: Sequence[Finding], rules: Mapping[str, Rule], shown: _Shown) -> dict[int, set[str]]:
    """Per finding: other causes, as grave or graver, that half of its frames or more show as well."""
    cause_of = [rules[f.rule].cause for f in findings]
    graver: dict[str, Mask] = {}  # which frames show a cause
    out: dict[int, set[str]] = {n: set() for n in range(len(findings))}
    for severity in reversed(SEVERITIES):
        members = [n for n, f in enumerate(findings) if f.severity == severity]
        if not members:
            continue
        for cause in sorted({cause_of[n] for n in members}):
            own = shown.at([n for n in members if cause_of[n] == cause])
            graver.setdefault(cause, np.zeros(shown.frames, np.bool_))[shown.places[own]] = True
        places, sizes = shown.places[shown.at(members)], (shown.ends - shown.begins)[members]
        ends = np.cumsum(sizes)
        for cause, frames in graver.items():
            until = np.r_[0, np.cumsum(frames[places])]
            many = until[ends] - until[ends - sizes]
            for place in np.flatnonzero((many > 0) & (many * 2 >= sizes)).tolist():
                if cause_of[members[place]] != cause:
                    out[members[place]].add(cause)
    return out


@dataclass(slots=True, eq=False)
class _Part:
    """Findings of one cause that belong together; `ends` is when the last of them was over, by the other causes that
    their frames show, and `end` the last of these."""

    members: list[int] = field(default_factory=list)
    ends: dict[frozenset[str], float] = field(default_factory=dict)
    end: float = -math.inf

    def near(self, start: float, shown: frozenset[str]) -> bool:
        """Whether a finding that begins at `start` follows closely upon one whose frames show the same, and nothing that
        its own do not while these show something else."""
        if self.ends.get(shown, -math.inf) + NEAR >= start:
            return True
        return any(
            end + NEAR >= start and (shown <= other or other <= shown) for other, end in self.ends.items()
        )

    def add(self, index: int, end: float, shown: frozenset[str]) -> None:
        self.members.append(index)
        self.ends[shown] = max(end, self.ends.get(shown, end))
        self.end = max(end, self.end)


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
    """Parts of several causes that are one story: its members, the cause that names it, and what it spans. Its `frames`
    are those that other parts show as well; of frames that it alone shows there are `alone`."""

    members: list[int]
    cause: str
    frames: set[int]
    alone: int
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
        frames: tuple[set[int], int],
    ) -> _Story:
        """The story of one part, with its `frames` that other parts show as well, and how many it alone shows."""
        return cls(
            list(part),
            rules[findings[part[0]].rule].cause,
            *frames,
            min(when[i][0] for i in part),
            max(when[i][1] for i in part),
            {findings[i].about for i in part},
        )

    @property
    def size(self) -> int:
        """How many frames it shows."""
        return len(self.frames) + self.alone

    def take(self, other: _Story) -> None:
        self.members += other.members
        self.frames |= other.frames
        self.alone += other.alone
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


def _rank(
    first: Finding, rules: Mapping[str, Rule], when: tuple[float, float]
) -> tuple[int, int, float, float]:
    """Where a part stands: graver ones first; of those what brings others along before what they bring, then by time."""
    return -SEVERITIES.index(first.severity), -len(_all_brought_by(rules[first.rule].cause)), *when


@cache
def _all_brought_by(cause: str) -> frozenset[str]:
    """All causes that follow from one, and from what it brings along."""
    found, new = set[str](), {cause}
    while new:
        found |= new
        new = {one for each in new for one in _brought_by(each)} - found - {"", "anywhere"}
    return frozenset(found - {cause})


@cache
def _brought_by(cause: str) -> frozenset[str]:
    return frozenset((causes().get(cause, {}).get("brings") or "").split("; "))


def _stories(
    parts: list[list[int]],
    findings: Sequence[Finding],
    when: Sequence[tuple[float, float]],
    rules: Mapping[str, Rule],
    shown: _Shown,
) -> list[list[int]]:
    """Parts of several causes put together where they are one story; the gravest first, and first in each."""
    stories: list[_Story] = []
    of_frame: dict[int, list[int]] = {}  # places of the stories that have a frame
    of_cause: dict[str, list[int]] = {}
    for part, frames in zip(parts, _frames_of(parts, shown), strict=True):
        one = _Story.of(part, findings, when, rules, frames)
        shared = Counter(place for frame in one.frames for place in of_frame.get(frame, ()))
        found = [place for place, count in shared.items() if count * 2 >= min(stories[place].size, one.size)]
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


def _frames_of(parts: Sequence[Sequence[int]], shown: _Shown) -> Iterator[tuple[set[int], int]]:
    """Of each part the frames that other parts show as well, and how many it alone shows. Most frames are of one part,
    and to look each of them up takes longer than all that the rules say."""
    own = [_distinct(shown.places[shown.at(part)]) for part in parts]
    many = np.bincount(np.concatenate(own), minlength=shown.frames) if own else np.zeros(0, np.int64)
    for frames in own:
        common = frames[many[frames] > 1]
        yield set(common.tolist()), len(frames) - len(common)


def _distinct(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    numbers = np.sort(numbers)
    return numbers[np.diff(numbers, prepend=-1) > 0]


def _words(shown: Sequence[Rule]) -> Mapping[str, str]:
    """The words of the cause of the first of some rules, where they fit one of those; none where its own say more."""
    row = causes().get(shown[0].cause, {})
    areas = set(row.get("areas", "").split("; ")) - {""}
    fits = not areas or any(one.area in areas for one in shown if one.cause == shown[0].cause)
    return row if fits else {}


def _incident(
    part: list[int],
    findings: Sequence[Finding],
    when: Sequence[tuple[float, float]],
    rules: Mapping[str, Rule],
) -> Incident:
    first = findings[part[0]]
    severity = max((findings[i].severity for i in part), key=SEVERITIES.index)
    row = _words([rules[findings[i].rule] for i in part if findings[i].severity == severity])
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

"""What the rules said of each window of a capture, put together to what they say of the capture.

Strategy: of one window, all is told as it was said. Of several, a rule's evidence about one subject is one
piece: broken in any window is broken, the frames joined, the text of the gravest window. Where a rule says
several things of one subject in one window (one for each join, say), they stay apart. What is kept is bounded
for each rule, so that neither a capture without end nor one full of strangers fills the memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from analysis.findings.model import FRAMES_KEPT, SEVERITIES, Evidence, Rule
from analysis.findings.subject import Subject

__all__ = ["Said", "Sayings"]

SUBJECTS_KEPT = (
    4000  # of one rule that break it, and as many that keep it; what it says of more is told together
)
PIECES_KEPT = 100  # of one rule and subject
PIECES_OF_FIRST = 1000  # in the first window, which is the whole of most captures
PIECES_OF_WINDOW = 20_000  # of one rule that tell of something broken, and as many of something kept
OTHERS = {
    False: Subject("capture", words="others"),
    True: Subject("capture", words="others that keep it"),
}
"""Those that a rule tells of besides, by whether they keep it."""


def bounded(said: Iterable[Evidence]) -> Iterator[Evidence]:
    """What a rule says of one window; where that is too much, the rest is counted in a piece of its own."""
    count: Counter[bool] = Counter()
    last: dict[bool, Evidence] = {}
    for one in said:
        count[one.holds] += 1
        if count[one.holds] <= PIECES_OF_WINDOW:
            yield one
        else:
            last[one.holds] = one
    for holds, one in last.items():
        text = f"and {count[holds] - PIECES_OF_WINDOW:,} more that are not listed: {one.text}"
        yield replace(one, subject=OTHERS[holds], text=text)


@dataclass(frozen=True, slots=True)
class Said:
    """One piece of evidence, when its frames were (seconds since the capture's first), and in which window."""

    evidence: Evidence
    span: tuple[float, float]
    window: int
    order: int


@dataclass(slots=True)
class Sayings:
    """All that the windows of a capture gave for one rule."""

    rule: Rule
    subjects: dict[Subject, list[Said]] = field(default_factory=dict)
    more: dict[Subject, int] = field(default_factory=dict)
    count: int = 0
    told_of: Counter[bool] = field(default_factory=Counter)

    def add(self, evidence: Evidence, span: tuple[float, float], window: int) -> None:
        """Take in one piece of evidence of one window."""
        subject = evidence.subject
        if subject not in self.subjects:
            if self.told_of[evidence.holds] >= SUBJECTS_KEPT:
                subject = OTHERS[evidence.holds]
            self.told_of[evidence.holds] += 1
        said = self.subjects.setdefault(subject, [])
        one = Said(evidence, span, window, self.count)
        self.count += 1
        if len(said) >= (PIECES_KEPT if window else PIECES_OF_FIRST):
            self.more[subject] = self.more.get(subject, 0) + 1
        else:
            said.append(one)

    @property
    def broken(self) -> list[Evidence]:
        """What is broken, as it was said."""
        return [one.evidence for said in self.subjects.values() for one in said if not one.evidence.holds]

    def told(self, last_heard: dict[int, float]) -> list[Said]:
        """The evidence for the whole capture, in the order in which it was found.

        Args:
            last_heard: when each station was last heard, for what was said of silent ones; empty when the
                capture was one window.
        """
        return sorted(self._each(last_heard), key=lambda one: one.order)

    def _each(self, last_heard: dict[int, float]) -> Iterator[Said]:
        for subject, every in self.subjects.items():
            said = [one for one in every if not _came_back(one.evidence, last_heard)]
            windows = [one.window for one in said]
            apart = len(set(windows)) < len(windows)
            if not said:
                continue
            if apart or len(said) == 1:
                yield from said
            else:
                worse = [one for one in said if not one.evidence.holds] or said
                yield _joined(worse, self.rule, _elsewhere(worse))
            if subject in self.more:
                text = f"and {self.more[subject]:,} more that are not listed"
                yield replace(
                    said[-1],
                    evidence=replace(said[-1].evidence, subject=subject, text=text, frames=()),
                    order=said[-1].order + 1,
                )


def _came_back(evidence: Evidence, last_heard: dict[int, float]) -> bool:
    if evidence.silent is None:
        return False
    station, seconds = evidence.silent
    return last_heard.get(station, float("-inf")) > seconds + 1.0


def _elsewhere(said: Sequence[Said]) -> str:
    texts = {one.evidence.text for one in said}
    many = len(said) - 1
    return f"; and in {many} more part{'s' * (many > 1)} of the capture" if len(texts) > 1 else ""


def _joined(said: Sequence[Said], rule: Rule, suffix: str) -> Said:
    """Several pieces as one: the gravest one's text, all frames."""
    first = max(said, key=lambda one: (SEVERITIES.index(one.evidence.severity or rule.severity), -one.order))
    frames = sorted(_frames(one.evidence for one in said))[:FRAMES_KEPT]
    known = [one.span for one in said if one.span[0] == one.span[0]]
    span = (min(s for s, _ in known), max(e for _, e in known)) if known else first.span
    evidence = replace(first.evidence, text=first.evidence.text + suffix, frames=tuple(frames))
    return Said(evidence, span, said[0].window, said[0].order)


def _frames(every: Iterable[Evidence]) -> set[int]:
    return {frame for one in every for frame in one.frames}

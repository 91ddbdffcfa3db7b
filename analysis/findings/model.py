"""Findings and verdicts, and what a rule is (`analysis.rules.registry` has them, `analysis.engine.checking` runs them).

Strategy: a rule is one function over a `View` of the tables that yields `Evidence`, for what keeps it as
well as for what breaks it. Its decorator carries what a person must know about it; its keyword-only
arguments are its parameters, which a profile may change. A rule that yields nothing has seen nothing to
judge, and its verdict says what the capture would have to hold. So no rule is ever silent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

from analysis.findings.hearing import Hearing
from analysis.findings.subject import Subject
from analysis.findings.waivers import Accepted
from analysis.tables import html

__all__ = [
    "CONFIDENCES",
    "FAMILIES",
    "SEVERITIES",
    "CheckResult",
    "Evidence",
    "Finding",
    "Incident",
    "Rule",
    "Verdict",
    "broken",
    "kept",
]

SEVERITIES = ("info", "warning", "error", "critical")
# How well a requirement is known, best first. What is only recalled can warn, never fail.
CONFIDENCES = ("text", "derived", "secondary", "recalled")
FAMILIES = ("compliance", "anomaly")
FRAMES_KEPT, FRAMES_SHOWN = 2000, 12

State = Literal["pass", "warn", "fail", "not seen"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a rule saw of one subject: kept or broken, in one sentence with the numbers.

    `silent` is a station of which it was said that it sends nothing after so many seconds: of a capture that
    is checked window by window, it is not told when the station is heard again later. `lacking` tells of how many things
    how many are not there, of a rule that judges by what is `absent`; without it, each piece of evidence is one."""

    subject: Subject
    text: str
    frames: tuple[int, ...] = ()
    holds: bool = False
    severity: str | None = None
    silent: tuple[int, float] | None = None
    lacking: tuple[int, int] | None = None


def broken(
    subject: Subject | str,
    text: str,
    frames: Iterable[int] = (),
    severity: str | None = None,
    silent: tuple[int, float] | None = None,
    lacking: tuple[int, int] | None = None,
) -> Evidence:
    """Evidence that `subject` breaks the rule; `severity` when it differs from the rule's own; `silent` and `lacking` as
    in `Evidence`."""
    return Evidence(Subject.of(subject), text, _frames(frames), False, severity, silent, lacking)


def kept(subject: Subject | str, text: str, frames: Iterable[int] = ()) -> Evidence:
    """Evidence that `subject` keeps the rule."""
    return Evidence(Subject.of(subject), text, _frames(frames), True)


def _frames(frames: Iterable[int]) -> tuple[int, ...]:
    column: Any = frames
    if hasattr(column, "tolist"):  # an array or a pandas column: its numbers at once
        return tuple(map(int, column[:FRAMES_KEPT].tolist()))
    return tuple(map(int, islice(frames, FRAMES_KEPT)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule and what a person must know about it.

    Attributes:
        id: short name in kebab case.
        title: what was found when it is broken.
        family: ``compliance`` (a requirement), or ``anomaly`` (attack, fault, deviation).
        area: the chapter it belongs to.
        severity: when broken; one of `SEVERITIES`.
        source: document and clause, paper or tool.
        confidence: one of `CONFIDENCES`.
        requires: what a capture must hold for the rule to judge.
        advice: what to do.
        explanation: for a field engineer: what it finds and why that matters.
        example: a piece of its evidence.
        needs: tables that it reads.
        awaits: rows without which, anew, it has hardly anything else to say (`analysis.rules.rows.Rows`): a live source
            judges it when such rows come, and besides whenever there is time.
        covers: rows of the fact tables that it decides (``rules:Z03``, ``attacks:A02``, ``spec:R096``): said here only.
        cause: incidents gather findings of one cause.
        smart_energy: judges only networks that carry Smart Energy.
        absent: told by something that is not there, which is so many frames on the air; 0 for all other rules. Where the
            sniffer may not have heard them, its findings inform only (`analysis.features.completeness`).
        hearing: its findings hang on what the sniffer heard in another way: it allows for what was missed.
        parameters: name to default.
        reads: the rows that it declares (`analysis.rules.rows.Rows`); its function gets them as frames, in this order.
        judge: what it says of them (`analysis.rules.judgement`), of a rule that needs no function.
        function: what judges, of a rule that needs code.
        broken_by: a simulation that breaks it (arguments of `hanscope simulate`), or a capture beside it.
        kept_by: one that keeps it.
        origin: file it was read from, of a rule of somebody else.
    """

    id: str
    title: str
    family: str
    area: str
    severity: str
    source: str
    confidence: str
    requires: str
    advice: str
    explanation: str
    example: str = ""
    needs: tuple[str, ...] = ()
    awaits: tuple[Any, ...] = ()
    covers: tuple[str, ...] = ()
    cause: str = ""
    smart_energy: bool = False
    absent: int = 0
    hearing: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict)
    reads: tuple[Any, ...] = ()
    judge: Any = None
    function: Callable[..., Iterable[Evidence]] | None = field(default=None, repr=False)
    broken_by: str = ""
    kept_by: str = ""
    origin: str = ""

    @property
    def cap(self) -> str:
        """The gravest severity that this rule may give."""
        recalled = self.family == "compliance" and self.confidence == "recalled"
        return "warning" if recalled else "critical"

    @property
    def merges(self) -> tuple[str, ...]:
        """Its former name for `covers`."""
        return self.covers

    @property
    def unseen(self) -> str:
        """Its former name for `requires`."""
        return self.requires


@dataclass(frozen=True, slots=True)
class Finding:
    """One verdict that somebody should look at; the columns of the `findings` table.

    `device` is what a person calls its subject, `about` the subject itself. `hearing`: how much the sniffer missed, of a
    finding that hangs on it."""

    rule: str
    severity: str
    title: str
    frames: tuple[int, ...]
    device: str
    evidence: str
    source: str
    confidence: str
    advice: str
    incident: int | None = None
    hearing: str = ""
    about: Subject = field(kw_only=True)

    def to_json(self) -> dict[str, Any]:
        return {name: _plain(getattr(self, name)) for name in self.__slots__}

    def _repr_html_(self) -> str:
        shown = ", ".join(map(str, self.frames[:FRAMES_SHOWN]))
        more = len(self.frames) - FRAMES_SHOWN
        facts = [
            ("rule", self.rule), ("severity", self.severity), ("what", self.title), ("whom", self.device),
            ("evidence", self.evidence), ("frames", f"{shown} and {more} more" if more > 0 else shown),
            ("incident", self.incident), ("source", self.source), ("confidence", self.confidence),
            ("advice", self.advice), ("heard", self.hearing),
        ]  # fmt: skip
        return html.facts_table(facts)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says of one device, message or network: never silence.

    `subject` is what a person calls it, `about` the subject itself."""

    rule: str
    subject: str
    state: State
    text: str
    about: Subject = field(kw_only=True)

    def _repr_html_(self) -> str:
        return html.facts_table(
            [("rule", self.rule), ("whom", self.subject), ("verdict", self.state), ("why", self.text)]
        )


@dataclass(frozen=True, slots=True)
class Incident:
    """Findings about one cause, with when it happened, what it probably is, and what to check next."""

    number: int
    title: str
    severity: str
    start: float
    end: float
    findings: tuple[int, ...]
    timeline: tuple[tuple[float, str], ...]
    likely_cause: str
    next_check: str


@dataclass(slots=True)
class CheckResult:
    """All that the rules said: findings (gravest first), verdicts, incidents, and the profile they used.

    `failures` names rules that broke down themselves, with the exception: a fault of the rule, not of the
    capture. `shut` counts the frames whose security is not in order, by layer, verdict and reason.
    `accepted` are findings that waivers take out of `findings`; `waivers` says what came of each. `provenance`: see
    `analysis.engine.provenance`. `names` are those of devices, by EUI-64. `hearing`: what the sniffer missed."""

    findings: list[Finding]
    verdicts: list[Verdict]
    incidents: list[Incident]
    profile: str
    rules: list[Rule]
    failures: dict[str, Exception] = field(default_factory=dict)
    shut: dict[Any, int] = field(default_factory=dict)
    accepted: list[Accepted] = field(default_factory=list)
    waivers: list[dict[str, Any]] = field(default_factory=list)
    provenance: dict[str, Any] = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=dict)
    hearing: Hearing = field(default_factory=Hearing)

    def at_least(self, severity: str) -> list[Finding]:
        """Findings of `severity` or graver."""
        floor = SEVERITIES.index(severity)
        return [f for f in self.findings if SEVERITIES.index(f.severity) >= floor]


def _plain(value: Any) -> Any:
    if isinstance(value, Subject):
        return value.to_json()
    return list(value) if isinstance(value, tuple) else value

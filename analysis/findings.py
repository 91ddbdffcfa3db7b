"""Findings and verdicts: what a rule is, how rules are registered, and how they are run over a decoded
capture.

Strategy: a rule is one function over a `View` of the tables that yields `Evidence`, for what keeps it as
well as for what breaks it. Its decorator carries what a person must know about it; its keyword-only
arguments are its parameters, which a profile may change. A rule that yields nothing has seen nothing to
judge, and its verdict says what the capture would have to hold. So no rule is ever silent."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata
from typing import Any, Literal

from analysis.profile import Profile, read_profile
from analysis.view import View

__all__ = [
    "SEVERITIES",
    "CheckResult",
    "Evidence",
    "Finding",
    "Incident",
    "Rule",
    "Verdict",
    "broken",
    "check",
    "kept",
    "rule",
    "rules",
]

SEVERITIES = ("info", "warning", "error", "critical")
# How well a requirement is known, best first. What is only recalled can warn, never fail.
CONFIDENCES = ("text", "derived", "secondary", "recalled")
FRAMES_KEPT = 2000

State = Literal["pass", "warn", "fail", "not seen"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a rule saw of one subject: kept or broken, in one sentence with the numbers."""

    subject: str
    text: str
    frames: tuple[int, ...] = ()
    holds: bool = False
    severity: str | None = None


def broken(subject: str, text: str, frames: Iterable[int] = (), severity: str | None = None) -> Evidence:
    """Evidence that `subject` breaks the rule; `severity` when it differs from the rule's own."""
    return Evidence(subject, text, tuple(int(f) for f in frames)[:FRAMES_KEPT], False, severity)


def kept(subject: str, text: str, frames: Iterable[int] = ()) -> Evidence:
    """Evidence that `subject` keeps the rule."""
    return Evidence(subject, text, tuple(int(f) for f in frames)[:FRAMES_KEPT], True)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule and what a person must know about it.

    Attributes:
        id: short name in kebab case.
        title: what was found when it is broken.
        area: the chapter it belongs to (its file).
        family: ``compliance`` (a requirement), or ``anomaly`` (attack, fault, deviation).
        severity: when broken; one of `SEVERITIES`.
        source: document and clause, paper or tool.
        confidence: one of `CONFIDENCES`.
        unseen: what a capture must hold for the rule to judge.
        advice: what to do.
        needs: tables that it reads.
        merges: rows of the fact tables that it decides (``rules:Z03``, ``attacks:A02``, ``spec:R096``).
        cause: incidents gather findings of one cause.
        smart_energy: judges only networks that carry Smart Energy.
        explanation: for a field engineer; the function's docstring.
        parameters: name to default.
    """

    id: str
    title: str
    area: str
    family: str
    severity: str
    source: str
    confidence: str
    unseen: str
    advice: str
    needs: tuple[str, ...]
    merges: tuple[str, ...]
    cause: str
    smart_energy: bool
    explanation: str
    parameters: Mapping[str, Any]
    function: Callable[..., Iterable[Evidence]] = field(repr=False)

    @property
    def cap(self) -> str:
        """The gravest severity that this rule may give."""
        recalled = self.family == "compliance" and self.confidence == "recalled"
        return "warning" if recalled else "critical"


@dataclass(frozen=True, slots=True)
class Finding:
    """One verdict that somebody should look at; the columns of the `findings` table."""

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

    def to_json(self) -> dict[str, Any]:
        return {name: _plain(getattr(self, name)) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says of one device, message or network: never silence."""

    rule: str
    subject: str
    state: State
    text: str


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
    capture."""

    findings: list[Finding]
    verdicts: list[Verdict]
    incidents: list[Incident]
    profile: str
    rules: list[Rule]
    failures: dict[str, Exception] = field(default_factory=dict)

    def at_least(self, severity: str) -> list[Finding]:
        """Findings of `severity` or graver."""
        floor = SEVERITIES.index(severity)
        return [f for f in self.findings if SEVERITIES.index(f.severity) >= floor]


REGISTRY: dict[str, Rule] = {}


def rule(
    id: str,  # noqa: A002
    title: str,
    *,
    severity: str,
    source: str,
    confidence: str,
    unseen: str,
    advice: str,
    needs: Sequence[str] = ("packets",),
    merges: Sequence[str] = (),
    cause: str = "",
    smart_energy: bool = False,
) -> Callable[[Callable[..., Iterable[Evidence]]], Callable[..., Iterable[Evidence]]]:
    """Registers a function ``(view, *, parameter=default, ...) -> evidence`` as a rule; see `Rule`.

    A rule in a folder called ``anomalies`` is an anomaly, every other one a requirement.

    Raises ValueError for an id that is taken, or an unknown severity or confidence.
    """
    if id in REGISTRY:
        raise ValueError(f"two rules are called {id}")
    if severity not in SEVERITIES or confidence not in CONFIDENCES:
        raise ValueError(f"rule {id}: severity {severity}, confidence {confidence}")

    def register(function: Callable[..., Iterable[Evidence]]) -> Callable[..., Iterable[Evidence]]:
        arguments = list(inspect.signature(function).parameters.values())[1:]
        area = function.__module__.rsplit(".", 1)[-1].replace("_", " ")
        family = "anomaly" if ".anomalies." in function.__module__ else "compliance"
        explanation = inspect.cleandoc(function.__doc__ or title)
        parameters = {p.name: p.default for p in arguments}
        REGISTRY[id] = Rule(
            id, title, area, family, severity, source, confidence, unseen, advice, tuple(needs),
            tuple(merges), cause or id, smart_energy, explanation, parameters, function,
        )  # fmt: skip
        return function

    return register


def rules() -> list[Rule]:
    """All rules: ours, and those of modules that entry points in group ``hanscope.rules`` name."""
    for name in ("analysis.compliance", "analysis.anomalies"):
        package = importlib.import_module(name)
        for module in pkgutil.iter_modules(package.__path__, f"{name}."):
            importlib.import_module(module.name)
    for entry in metadata.entry_points(group="hanscope.rules"):
        entry.load()
    return sorted(REGISTRY.values(), key=lambda r: (r.family, r.area, r.id))


def check(
    decoded: Any,
    profile: Profile | str | None = None,
    rules: Sequence[str] | None = None,
    baseline: Any = None,
) -> CheckResult:
    """Runs the rules over a decoded capture.

    Args:
        decoded: an `analysis.decode.Decoded`, or a mapping of table name to DataFrame.
        profile: a profile, its name or its file; None for the default.
        rules: ids of the rules to run; None for all.
        baseline: a decoded capture of the same network in good health, for the rules that compare.

    Raises ValueError for a rule that does not exist, `ProfileError` for a profile that cannot be read.
    """
    chosen = _chosen(rules)
    settings = profile if isinstance(profile, Profile) else read_profile(profile)
    settings.hold_to({r.id: r.parameters for r in chosen}, known={r.id for r in _all_rules()})
    view = View.of(decoded, baseline)
    findings: list[Finding] = []
    verdicts: list[Verdict] = []
    active = [r for r in chosen if settings.enabled(r.id)]
    failures: dict[str, Exception] = {}
    for one in active:
        try:
            evidence = list(_evidence(one, view, settings))
        except Exception as error:
            failures[one.id] = error
            verdicts.append(Verdict(one.id, "capture", "not seen", f"the rule itself failed: {error!r}"))
            continue
        verdicts += _verdicts(one, evidence, view)
        findings += [_finding(one, e, settings) for e in evidence if not e.holds]
    findings.sort(key=lambda f: (-SEVERITIES.index(f.severity), f.frames[:1], f.rule, f.device))
    from analysis.incidents import incidents_of

    incidents = incidents_of(findings, {r.id: r for r in active}, view)
    number = {index: i.number for i in incidents for index in i.findings}
    findings = [replace(f, incident=number.get(n)) for n, f in enumerate(findings)]
    return CheckResult(findings, verdicts, incidents, settings.name, active, failures)


def _all_rules() -> list[Rule]:
    return rules()


def _chosen(wanted: Sequence[str] | None) -> list[Rule]:
    known = rules()
    if wanted is None:
        return known
    missing = sorted(set(wanted) - {r.id for r in known})
    if missing:
        raise ValueError(f"no such rule: {', '.join(missing)} (`hanscope check --list-rules` shows all)")
    return [r for r in known if r.id in set(wanted)]


def _evidence(one: Rule, view: View, settings: Profile) -> Iterator[Evidence]:
    if any(not view.has(table) for table in one.needs):
        return
    scope = view.smart_energy_view if one.smart_energy else view
    if scope is not None:
        yield from one.function(scope, **settings.parameters(one.id, one.parameters))


def _verdicts(one: Rule, evidence: list[Evidence], view: View) -> Iterator[Verdict]:
    fails: State = "warn" if one.cap == "warning" else "fail"
    for e in evidence:
        yield Verdict(one.id, e.subject, "pass" if e.holds else fails, e.text)
    if not evidence:
        lacking = [table for table in one.needs if not view.has(table)]
        text = f"needs {one.unseen}"
        if one.smart_energy and view.smart_energy_view is None:
            text += " (no Smart Energy network was recognised)"
        elif lacking:
            text += f" (nothing in the tables {', '.join(lacking)})"
        yield Verdict(one.id, "capture", "not seen", text)


def _finding(one: Rule, e: Evidence, settings: Profile) -> Finding:
    severity = settings.severity(one.id) or e.severity or one.severity
    severity = SEVERITIES[min(SEVERITIES.index(severity), SEVERITIES.index(one.cap))]
    source = settings.source(one.id) or one.source
    return Finding(
        one.id, severity, one.title, e.frames, e.subject, e.text, source, one.confidence, one.advice
    )


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value

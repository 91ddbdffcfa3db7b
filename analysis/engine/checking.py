"""Running the rules: over tables in memory, or over a capture of any length, window by window.

Strategy: `Checking` takes one view after the other and keeps only what the rules said, so memory is bounded by
the window. It is fed by the pass runner (`analysis.pipeline.passes`): as soon as it is known that another pass
follows, no rule is run any more."""

from __future__ import annotations

import gc
import math
import pickle
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any, Protocol, runtime_checkable

import numpy as np

from analysis.engine.incidents import incidents_of
from analysis.engine.judging import evidence_of
from analysis.engine.merging import Said, Sayings, bounded
from analysis.engine.provenance import provenance_of
from analysis.features.completeness import completeness, tempered
from analysis.features.shut import ShutKind, count_shut
from analysis.features.view import Known, View
from analysis.findings.hearing import Hearing
from analysis.findings.model import SEVERITIES, CheckResult, Evidence, Finding, Rule, State, Verdict
from analysis.findings.subject import CAPTURE
from analysis.findings.waivers import Accepted, Waivers
from analysis.pipeline.decode import decode
from analysis.pipeline.parallel import map_forked, processors
from analysis.pipeline.passes import DECODED_TABLES, DecodePass, Progress
from analysis.pipeline.runner import run_passes
from analysis.pipeline.sinks import Sink
from analysis.pipeline.source import ReopenableSource, Source
from analysis.pipeline.windows import PART, WINDOW, Window, WindowSink
from analysis.rules.profile import Profile, read_profile
from analysis.rules.registry import rules as all_rules
from analysis.tables.lazy import numbers_of
from dissectors import Keyring

__all__ = ["Checked", "Checking", "ClosingWatcher", "RuleSink", "Watcher", "check", "check_capture"]

SHARED_FROM = 100_000  # frames of a window from which on it is worth while to share out the rules


class Watcher(Protocol):
    """Somebody who looks at each window besides the rules: a report counts its frames."""

    def see(self, view: View, window: Window, evidence: Sequence[Evidence]) -> None:
        """One window, and what the rules found broken in it."""


@runtime_checkable
class ClosingWatcher(Watcher, Protocol):
    """A watcher that has something to say of the capture as a whole, as the evidence of rules."""

    def judged(self, rules: Collection[str]) -> Iterable[tuple[str, Evidence]]:
        """Rules and evidence; `rules` are those that found something in the capture."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of checking a capture: the rules' result, the pass that counts, and who watched it."""

    result: CheckResult
    reading: DecodePass
    watcher: Any = None


def check(
    decoded: Any,
    profile: Profile | str | None = None,
    rules: Sequence[str] | None = None,
    baseline: Any = None,
    waivers: Waivers | None = None,
) -> CheckResult:
    """Runs the rules over a decoded capture.

    Args:
        decoded: an `analysis.pipeline.decode.Decoded`, or a mapping of table name to DataFrame.
        profile: a profile, its name or its file; None for the default.
        rules: ids of the rules to run; None for all.
        baseline: a decoded capture of the same network in good health, for the rules that compare.
        waivers: what of it is accepted.

    Raises ValueError for a rule that does not exist, `ProfileError` for a profile that cannot be read.
    """
    checking = Checking(profile, rules, waivers)
    checking.take(View.of(decoded, baseline), None)
    return checking.result()


def check_capture(
    source: Source | ReopenableSource,
    keyring: Keyring | None = None,
    *,
    profile: Profile | str | None = None,
    chosen: Sequence[str] | None = None,
    baseline: Source | None = None,
    watcher: Callable[[], Watcher] | None = None,
    progress: Progress | None = None,
    window: int = WINDOW,
    waivers: Waivers | None = None,
    sinks: Sequence[Sink] = (),
) -> Checked:
    """Decodes a capture and runs the rules over it, in memory bounded by the window.

    Args:
        source: see `analysis.pipeline.decode.decode`.
        keyring: keys to try.
        profile: a profile, its name or its file; None for the default.
        chosen: ids of the rules to run; None for all.
        baseline: a capture of the same network in good health; its first window is compared with.
        watcher: made anew for each reading and shown its windows.
        progress: called after each block.
        window: frames that are judged together, at most.
        waivers: findings that are accepted.
        sinks: that take what is decoded besides.

    Raises CaptureError for a capture that cannot be read at all, ValueError for a rule that does not exist,
    `ProfileError` for a profile that cannot be read, `WaiverError` for a waiver of such a rule.
    """
    if not isinstance(source, ReopenableSource):
        with ReopenableSource(source) as replay:
            return check_capture(
                replay, keyring, profile=profile, chosen=chosen, baseline=baseline, watcher=watcher,
                progress=progress, window=window, waivers=waivers, sinks=sinks,
            )  # fmt: skip
    Checking(profile, chosen, waivers)  # so that a mistake in either is told before the capture is read
    healthy = None if baseline is None else _first_window(baseline, keyring, window)
    sink = RuleSink(profile, chosen, waivers, healthy, watcher, window)
    block = max(window // PART, 1)  # so that a window ends where it should
    last = run_passes(source, keyring, sink, *sinks, progress=progress, block_frames=block)
    if isinstance(sink.seen, ClosingWatcher):
        sink.checking.hear(sink.seen)
    result = sink.checking.result()
    result.provenance = provenance_of(source, last.session, sink.checking.settings)
    return Checked(result, last, sink.seen)


def _first_window(source: Source, keyring: Keyring | None, window: int) -> View:
    return View.of(decode(source, keyring, limit=window, tables=("packets", "messages", "devices")))


class RuleSink(WindowSink):
    """Runs the rules over what is decoded, window by window.

    Attributes:
        checking: the rules, and what they have said in this pass.
        seen: who watched it.
    """

    def __init__(
        self,
        profile: Profile | str | None = None,
        chosen: Sequence[str] | None = None,
        waivers: Waivers | None = None,
        healthy: View | None = None,
        watcher: Callable[[], Watcher] | None = None,
        window: int = WINDOW,
    ) -> None:
        super().__init__(self._judge, window)
        self._new = partial(Checking, profile, chosen, waivers)
        self._healthy, self._watcher = healthy, watcher

    def restart(self, decode_pass: DecodePass) -> None:
        super().restart(decode_pass)
        self.checking = self._new()
        self.seen = None if self._watcher is None else self._watcher()
        self._before: Known | None = None

    def _judge(self, window: Window) -> None:
        before = self._before and replace(self._before, packets=window.longer)
        view = View.of(window.tables, self._healthy, before)
        found = self.checking.take(view, window)
        if self.seen is not None:
            self.seen.see(view, window, found)
        self._before = view.known()
        if not window.last:
            del view
            gc.collect()  # columns know their table and the table its columns


class Checking:
    """The rules, and what they have said so far.

    Raises ValueError for a rule that does not exist, `ProfileError` for a profile that cannot be read.
    """

    def __init__(
        self,
        profile: Profile | str | None = None,
        chosen: Sequence[str] | None = None,
        waivers: Waivers | None = None,
    ) -> None:
        known = all_rules()
        self.waivers = waivers or Waivers()
        self.waivers.hold_to(r.id for r in known)
        self.settings = profile if isinstance(profile, Profile) else read_profile(profile)
        wanted = _chosen(known, chosen)
        self.settings.hold_to({r.id: r.parameters for r in wanted}, known={r.id for r in known})
        self.rules = [r for r in wanted if self.settings.enabled(r.id)]
        self.sayings = {r.id: Sayings(r) for r in self.rules}
        self.failures: dict[str, Exception] = {}
        self.tables: set[str] = set()
        self.smart_energy = False
        self.duration = 0.0
        self.last_heard: dict[int, float] = {}
        self.names: dict[int, str] = {}
        self.shut: Counter[ShutKind] = Counter()
        self.hearing = Hearing()

    def take(self, view: View, window: Window | None) -> list[Evidence]:
        """Runs the rules over one view: the whole capture, or the window that it shows. Returns what is
        broken."""
        self._look(view)
        many = window is not None and not window.whole
        self._count_shut(view, window)
        self.hearing.add(completeness(view).hearing)
        if many:
            self._hear(view)
        out = []
        for rule, evidence in zip(self.rules, self._said(view), strict=True):
            out += self._take_in(rule, evidence, view, window)
        return out

    def look_again(self, view: View) -> None:
        """A view in place of the one before: rules are judged by it one by one, with `retake`."""
        self.tables.clear()
        self._look(view)
        self.hearing = completeness(view).hearing

    def retake(self, rule: Rule, view: View) -> bool:
        """Takes what a rule says of a view in place of what it said before; whether it is something else."""
        before, self.sayings[rule.id] = self.sayings[rule.id], Sayings(rule)
        self.failures.pop(rule.id, None)
        self._take_in(rule, _outcome(rule, view, self.settings), view, None)
        return before.broken != self.sayings[rule.id].broken

    def _look(self, view: View) -> None:
        self.tables |= {name for name in DECODED_TABLES if view.has(name)}
        self.smart_energy = self.smart_energy or view.smart_energy_view is not None
        self.duration = max(self.duration, view.duration)
        self.names = view.names

    def _take_in(
        self, rule: Rule, evidence: list[Evidence] | Exception, view: View, window: Window | None
    ) -> list[Evidence]:
        """Adds what a rule said to its sayings; what of it is broken."""
        if isinstance(evidence, Exception):
            self.failures[rule.id] = evidence
            return []
        told = [
            one for one in evidence if window is None or one.holds or one.silent or window.judges(one.frames)
        ]
        for one, span in zip(told, _spans(told, view), strict=True):
            self.sayings[rule.id].add(one, span, window.number if window else 0)
        return [one for one in told if not one.holds]

    def hear(self, watcher: ClosingWatcher) -> None:
        """Take in what a watcher says at the end."""
        found = [name for name, sayings in self.sayings.items() if sayings.told_of[False]]
        for rule, evidence in watcher.judged(found):
            if rule in self.sayings:
                self.sayings[rule].add(evidence, (math.nan, math.nan), 0)

    def _said(self, view: View) -> list[list[Evidence] | Exception]:
        """What each rule says, or why it broke down. Over many frames the rules are shared out among processes,
        those of one module together, because they read the same columns."""

        def said(piece: int) -> list[list[Evidence] | Exception]:
            return [_outcome(rule, view, self.settings) for rule in modules[piece]]

        modules = _by_module(self.rules)
        many = len(view.tables["packets"]) >= SHARED_FROM
        if many:
            view.prepare()
        found = map_forked(said, len(modules), processors() if many else 1)
        by_rule = {
            rule.id: outcome
            for module, outcomes in zip(modules, found, strict=True)
            for rule, outcome in zip(module, outcomes, strict=True)
        }
        return [by_rule[rule.id] for rule in self.rules]

    def _count_shut(self, view: View, window: Window | None) -> None:
        packets = view.packets
        if window is not None and not window.whole:
            numbers = numbers_of(packets["frame"])[0]
            packets = packets[(numbers >= window.start) & (numbers < window.end)]
        count_shut(packets, self.shut)

    def _hear(self, view: View) -> None:
        codes, stations = view.good.codes("sender")
        seconds = np.nan_to_num(view.good["seconds"].to_numpy())
        last = np.full(len(stations) + 1, -np.inf)
        np.maximum.at(last, codes, seconds)
        heard = zip(stations, last[: len(stations)].tolist(), strict=True)
        self.last_heard.update({station: when for station, when in heard if when > -np.inf})

    def findings(self) -> list[Finding]:
        """What is broken in all that was taken, the gravest first; what `result` says besides takes longer."""
        hearing = self.hearing.words(self.names)
        every = (
            self._finding(rule, one.evidence, hearing)
            for rule in self.rules
            if self.sayings[rule.id].broken
            for one in self.sayings[rule.id].told(self.last_heard)
            if not one.evidence.holds
        )
        return sorted(every, key=_gravest_first)

    def result(self) -> CheckResult:
        """Findings, verdicts and incidents of all that was taken."""
        findings: list[tuple[Finding, tuple[float, float]]] = []
        verdicts: list[Verdict] = []
        hearing = self.hearing.words(self.names)
        for rule in self.rules:
            said = self.sayings[rule.id].told(self.last_heard)
            verdicts += self._verdicts(rule, said)
            findings += [
                (self._finding(rule, one.evidence, hearing), one.span)
                for one in said
                if not one.evidence.holds
            ]
        findings.sort(key=lambda pair: _gravest_first(pair[0]))
        accepted = [
            Accepted(one, waiver)
            for one, _ in findings
            if (waiver := self.waivers.accepting(one)) is not None
        ]
        taken = {id(one.finding) for one in accepted}
        findings = [pair for pair in findings if id(pair[0]) not in taken]
        spans = [span if span[0] == span[0] else (0.0, self.duration) for _, span in findings]
        found = [finding for finding, _ in findings]
        incidents = incidents_of(found, {r.id: r for r in self.rules}, spans)
        number = {index: i.number for i in incidents for index in i.findings}
        found = [replace(f, incident=number[n]) if n in number else f for n, f in enumerate(found)]
        return CheckResult(
            found,
            verdicts,
            incidents,
            self.settings.name,
            self.rules,
            self.failures,
            dict(self.shut),
            accepted,
            self.waivers.states(accepted, found),
            names=self.names,
            hearing=self.hearing,
        )

    def _verdicts(self, rule: Rule, said: list[Said]) -> Iterator[Verdict]:
        fails: State = "warn" if rule.cap == "warning" else "fail"
        for e in (one.evidence for one in said):
            state: State = "pass" if e.holds else fails
            yield Verdict(rule.id, e.subject.text(self.names), state, e.text, about=e.subject)
        if rule.id in self.failures:
            text = f"the rule itself failed: {self.failures[rule.id]!r}"
            yield Verdict(rule.id, "capture", "not seen", text, about=CAPTURE)
        elif not said:
            lacking = [table for table in rule.needs if table not in self.tables]
            text = f"needs {rule.requires}"
            if rule.smart_energy and not self.smart_energy:
                text += " (no Smart Energy network was recognised)"
            elif lacking:
                text += f" (nothing in the tables {', '.join(lacking)})"
            yield Verdict(rule.id, "capture", "not seen", text, about=CAPTURE)

    def _finding(self, rule: Rule, e: Evidence, hearing: str) -> Finding:
        severity = self.settings.severity(rule.id) or e.severity or rule.severity
        severity = SEVERITIES[min(SEVERITIES.index(severity), SEVERITIES.index(rule.cap))]
        source = self.settings.source(rule.id) or rule.source
        return Finding(
            rule.id, severity, rule.title, e.frames, e.subject.text(self.names), e.text, source, rule.confidence,
            rule.advice, hearing=hearing if rule.absent or rule.hearing else "", about=e.subject,
        )  # fmt: skip


def _chosen(known: Sequence[Rule], wanted: Sequence[str] | None) -> list[Rule]:
    if wanted is None:
        return list(known)
    missing = sorted(set(wanted) - {r.id for r in known})
    if missing:
        raise ValueError(f"no such rule: {', '.join(missing)} (`hanscope check --list-rules` shows all)")
    return [r for r in known if r.id in set(wanted)]


def _by_module(chosen: Sequence[Rule]) -> list[list[Rule]]:
    """Rules by the module that holds them; of the families the anomalies first, which look at most rows."""
    found: dict[str, list[Rule]] = {}
    for rule in sorted(chosen, key=lambda rule: rule.family):
        found.setdefault(getattr(rule.function, "__module__", rule.area), []).append(rule)
    return list(found.values())


def _outcome(rule: Rule, view: View, settings: Profile) -> list[Evidence] | Exception:
    try:
        return list(_evidence(rule, view, settings))
    except Exception as error:
        return error if _travels(error) else RuntimeError(f"{type(error).__name__}: {error}")


def _travels(error: Exception) -> bool:
    """Whether it can be sent from one process to another."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return False
    return True


def _evidence(rule: Rule, view: View, settings: Profile) -> Iterator[Evidence]:
    if any(not view.has(table) for table in rule.needs):
        return
    scope = view.smart_energy_view if rule.smart_energy else view
    if scope is not None:
        said = bounded(evidence_of(rule, scope, settings.parameters(rule.id, rule.parameters)))
        yield from said if not rule.absent else tempered(view, rule, list(said))


def _spans(evidence: Sequence[Evidence], view: View) -> list[tuple[float, float]]:
    """Seconds of the first and the last frame of each piece that is broken; nan where they are not known."""
    unknown = (math.nan, math.nan)
    if not any(one.frames and not one.holds for one in evidence):
        return [unknown] * len(evidence)
    numbers, seconds = view.once(_times)
    sizes = np.array([0 if one.holds else len(one.frames) for one in evidence], dtype=np.int64)
    every = chain.from_iterable(one.frames for one in evidence if not one.holds)
    wanted = np.fromiter(every, np.uint64, int(sizes.sum()))
    if not len(numbers):
        return [unknown] * len(evidence)
    at = _places(numbers, wanted)
    times = seconds[at]
    known = (numbers[at] == wanted) & ~np.isnan(times)
    some = np.flatnonzero(sizes)
    begins = (np.cumsum(sizes) - sizes)[some]
    spans = np.full((len(evidence), 2), np.nan)
    spans[some, 0] = np.minimum.reduceat(np.where(known, times, np.inf), begins)
    spans[some, 1] = np.maximum.reduceat(np.where(known, times, -np.inf), begins)
    spans[np.isinf(spans).any(axis=1)] = np.nan
    return [(first, last) for first, last in spans.tolist()]


def _places(numbers: Any, wanted: Any) -> Any:
    """Where rising frame numbers are, or would be; of those without a gap nothing is searched for."""
    last = len(numbers) - 1
    if int(numbers[last]) - int(numbers[0]) == last:
        return np.clip(wanted.astype(np.int64) - int(numbers[0]), 0, last)
    return np.minimum(np.searchsorted(numbers, wanted), last)


def _times(view: View) -> tuple[Any, Any]:
    """The frame numbers of the packets, and when each was heard."""
    packets = view.tables["packets"]
    return numbers_of(packets["frame"])[0], packets["seconds"].to_numpy()


def _gravest_first(f: Finding) -> tuple[Any, ...]:
    return (-SEVERITIES.index(f.severity), f.frames[:1], f.rule, f.device)

"""How far a device came with each of its steps: reached, failed (only where that is proved), implied, not seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

import numpy as np

from analysis.diagnosis.looked import FRAMES_NAMED, Looked
from analysis.diagnosis.model import Party, State, StepResult
from analysis.diagnosis.signs import SignSink
from analysis.diagnosis.spans import time_span
from analysis.diagnosis.steps import OTHERS, Step, steps_of
from analysis.features.completeness import FEW, improbable
from analysis.features.judging import plural
from analysis.findings.model import Finding

__all__ = ["Case", "judged_steps"]

GOOD, BAD, OPEN, UNKNOWN, NOTHING = 1, -1, 0, 2, 3
SESSIONS = ("tunnel", "ota")
SCANNED = 30_000_000_000
"""A device associates so many nanoseconds after its scan, at most."""
VERDICTS = {
    "ok": GOOD,
    "refused": BAD,
    "failed": BAD,
    "unanswered": BAD,
    "running": OPEN,
    "incomplete": UNKNOWN,
}
WORDS = {"refused": "refused", "failed": "failed", "unanswered": "not answered", "unheard": "no answer heard"}
UNHEARD = "unheard"
"""An exchange whose answer may have been sent and was not heard: proof only where so many of them are improbable."""
REPEATED = 3
"""So many times in a row has what comes again and again to fail, before it is said to have failed."""


@dataclass(slots=True)
class Case:
    """What was seen of a home.

    Attributes:
        exchanges: a DataFrame, see `SignSink.exchanges`.
        roles: of devices, by address.
    """

    signs: SignSink
    looked: Looked
    exchanges: Any
    roles: dict[str, str]


def judged_steps(case: Case, device: Party, findings: Iterable[Finding]) -> list[StepResult]:
    """The steps of a device, in their order.

    Args:
        findings: those about it; what says that a step failed.
    """
    own = _own(case, device.eui64 or device.short)
    taken = np.zeros(len(own), np.bool_)
    results = []
    for step in steps_of(device.role):
        mask = _mask(step, own) if step.names != OTHERS else np.isin(own["kind"], step.kinds) & ~taken
        taken |= mask
        rows = [*_of_exchanges(case, step, own[mask], device), *_of_frames(case, step, own, device)]
        results.append(_result(case, step, sorted(rows, key=lambda sign: sign.time), device))
    return _implied(_with_findings(results, findings))


@dataclass(frozen=True, slots=True)
class _Sign:
    """One thing that tells of a step: `verdict` is one of `GOOD`, `BAD`, `OPEN`, `UNKNOWN`; `group` what it is about."""

    time: int
    first: int
    last: int
    verdict: int
    outcome: str
    status: str = ""
    group: str = ""
    essential: bool = True
    begin: int = 0
    count: int = 1
    frames: tuple[int, ...] = ()


def _own(case: Case, address: str) -> Any:
    """The exchanges of a device, with the role of their other end."""
    rows = case.exchanges
    own = rows[(rows["initiator"] == address) | (rows["responder"] == address)].copy()
    begins = own["initiator"] == address
    own["begins"] = begins
    own["peer"] = own["responder"].where(begins, own["initiator"]).map(lambda one: case.roles.get(one, ""))
    return own


def _mask(step: Step, own: Any) -> Any:
    mask = np.isin(own["kind"], step.kinds)
    if step.names:
        pairs = {pair: step.takes(*pair) for pair in set(zip(own["name"], own["use_case"], strict=True))}
        mask &= np.array(
            [pairs[pair] for pair in zip(own["name"], own["use_case"], strict=True)], dtype=np.bool_
        )
    if step.party in ("initiator", "responder"):
        mask &= own["begins"].to_numpy(np.bool_) == (step.party == "initiator")
    if step.peer:
        mask &= (own["peer"] == step.peer).to_numpy(np.bool_)
    return mask


def _of_exchanges(case: Case, step: Step, rows: Any, device: Party) -> Iterator[_Sign]:
    keyed = ("transport-key", device.eui64) in case.looked.seen
    for row in rows.itertuples(index=False):
        verdict = VERDICTS.get(row.outcome, UNKNOWN)
        asked = case.signs.asked.get(row.exchange, set())
        refused = case.signs.refused.get(row.exchange, set())
        outcome, status = row.outcome, case.signs.reasons.get(row.message, row.status)
        if outcome == "incomplete" and row.kind == "zcl" and row.missing.split(", ")[0] == "answer":
            verdict, outcome = BAD, UNHEARD
        partly = row.outcome == "refused" and asked - refused and refused
        if partly or (row.outcome == "running" and row.kind in SESSIONS and row.answered):
            verdict = GOOD
        if step.part and row.kind in ("join", "rejoin"):
            verdict = _of_part(step.part, row, keyed)
        if verdict == NOTHING:
            continue
        about = ", ".join(sorted(asked)) if asked else row.use_case or row.name
        essential = not (step.asks and asked) or not asked.isdisjoint(step.asks)
        yield _Sign(
            row.start, row.first_frame, row.last_frame, verdict, outcome, status,
            about if step.every or row.kind == "gbcs" else "", essential,
        )  # fmt: skip


def _of_part(part: str, row: Any, keyed: bool) -> int:
    """What a join says of one of its parts.

    Args:
        keyed: keys were sent to the device, which may be shut and so not told as such in the exchange.
    """
    missing = [one for one in row.missing.split(", ") if one and one != "request"]
    if keyed and "network key" in missing:
        missing.remove("network key")
    if row.outcome == "refused":
        return BAD if part.endswith("response") else NOTHING
    if part not in missing:
        return GOOD
    if missing[0] != part:
        return NOTHING
    return VERDICTS.get(row.outcome, UNKNOWN)


def _of_frames(case: Case, step: Step, own: Any, device: Party) -> Iterator[_Sign]:
    for kind in step.kinds:
        found = case.looked.seen.get((kind, device.eui64 or device.short))
        if found is not None:
            verdict, frames = UNKNOWN if kind == "shut" else GOOD, tuple(found.frames)
            status = "no held key opens them" if kind == "shut" else ""
            yield _Sign(
                found.last, frames[0], frames[-1], verdict, "ok", status,
                begin=found.time, count=found.count, frames=frames,
            )  # fmt: skip
    if "scan" in step.kinds:
        asked = own["start"][own["kind"] == "join"].to_numpy()
        for time, frame, outcome in case.looked.scans:
            near = bool(((asked >= time) & (asked <= time + SCANNED)).any())
            if step.party == "home" or (near and outcome == "ok"):
                status = "its beacon is damaged" if outcome == "failed" else ""
                yield _Sign(time, frame, frame, VERDICTS[outcome], outcome, status, begin=time)


def _result(case: Case, step: Step, signs: Sequence[_Sign], device: Party) -> StepResult:
    """What the signs of a step, in the order of time, say of it."""
    good = [one for one in signs if one.verdict == GOOD]
    failing = [
        bad for bad in _last_failures(signs) if _proved(case, step, bad, device, nothing_good=not good)
    ]
    if failing:
        worst = max(failing, key=lambda bad: sum(one.count for one in bad))
        return _told(step, "failed", worst, _failed_text(worst, good))
    if good:
        return _told(step, "reached", good, _reached_text(step, signs, good))
    for verdict, state in ((OPEN, "under way"), (UNKNOWN, "not seen"), (BAD, "not seen")):
        rest = [one for one in signs if one.verdict == verdict]
        if rest:
            return _told(step, state, rest, _unproved_text(case, rest, device))  # type: ignore[arg-type]
    if not step.kinds and (device.frames or step.party == "home" or not device.eui64):
        return StepResult(step, "reached", "nothing speaks against it")
    often = 0 < step.every < case.looked.duration
    return StepResult(step, "not seen", f"not seen in {time_span(case.looked.duration)}" if often else "")


def _last_failures(signs: Sequence[_Sign]) -> list[list[_Sign]]:
    """Of each group that ends with failures, these; all of its failures, where they are most of it."""
    groups: dict[str, list[_Sign]] = {}
    for one in signs:
        if one.verdict in (GOOD, BAD) and (one.essential or one.verdict == GOOD):
            groups.setdefault(one.group, []).append(one)
    runs = []
    for group in groups.values():
        failures = [one for one in group if one.verdict == BAD]
        last = list(takewhile(lambda one: one.verdict == BAD, reversed(group)))[::-1]
        runs.append(failures if len(failures) >= REPEATED and 2 * len(failures) > len(group) else last)
    return [run for run in runs if run]


def _proved(case: Case, step: Step, bad: Sequence[_Sign], device: Party, *, nothing_good: bool) -> bool:
    count = sum(one.count for one in bad)
    refused = sum(one.count for one in bad if one.outcome not in ("unanswered", UNHEARD))
    if refused and (nothing_good or not step.every or count >= REPEATED):
        return True
    unheard = any(one.outcome == UNHEARD for one in bad)
    if (step.every or unheard) and count < REPEATED:
        return False
    missed = case.looked.missed(device.eui64)
    if unheard:
        return improbable(count, count, max(missed, FEW))
    return missed < FEW or improbable(count, count, missed)


def _told(step: Step, state: State, signs: Sequence[_Sign], text: str) -> StepResult:
    frames: list[int] = []
    for one in signs:
        frames += [frame for frame in one.frames or (one.first,) if frame not in frames]
    if state == "failed":
        frames += [one.last for one in signs[-2:] if one.last not in frames]
    count = sum(one.count for one in signs)
    shown = tuple(sorted(frames[:FRAMES_NAMED]))
    return StepResult(step, state, text, min(one.begin or one.time for one in signs), shown, count)


def _failed_text(bad: Sequence[_Sign], good: Sequence[_Sign]) -> str:
    last = bad[-1]
    times = plural(sum(one.count for one in bad), "time")
    status = f": {last.status}" if last.status else ""
    about = f"{last.group}: " if last.group else ""
    well = [one for one in good if one.group == last.group]
    earlier = f"; it went well {plural(sum(one.count for one in well), 'time')}" if well else ""
    return f"{about}{WORDS.get(last.outcome, last.outcome)} {times}{status}{earlier}"


def _reached_text(step: Step, signs: Sequence[_Sign], good: Sequence[_Sign]) -> str:
    bad = [one for one in signs if one.verdict == BAD]
    times = plural(sum(one.count for one in good), "time")
    if not bad:
        return times
    last = bad[-1]
    about = f"{last.group}: " if last.group else ""
    status = f" ({last.status})" if last.status else ""
    failed = f"{WORDS.get(last.outcome, last.outcome)} {plural(sum(one.count for one in bad), 'time')}"
    return f"{times}; besides {about}{failed}{status}"


def _unproved_text(case: Case, signs: Sequence[_Sign], device: Party) -> str:
    last = signs[-1]
    if last.verdict == BAD:
        missed = case.looked.missed(device.eui64)
        told = f"{WORDS.get(last.outcome, last.outcome)} {plural(sum(one.count for one in signs), 'time')}"
        return f"{told}; too few to prove a fault where the sniffer missed about {missed:.1%}"
    if last.count > 1:
        return f"{last.count:,} frames: {last.status}"
    return f"begun, {last.status}" if last.status else "begun"


def _with_findings(results: list[StepResult], findings: Iterable[Finding]) -> list[StepResult]:
    """The steps, those failed that findings say it of: of several that a rule is about, the first that is not reached.
    Any other finding belongs to the step whose failure its frames show."""
    out = list(results)
    for finding in findings:
        places = [place for place, one in enumerate(out) if finding.rule in one.step.rules]
        if places:
            ahead = [place for place in places if results[place].state not in ("reached", "implied")]
            place = ahead[0] if ahead else places[-1]
            out[place] = _failed_by(out[place], finding)
            continue
        shown = set(finding.frames)
        for place, one in enumerate(out):
            if one.state == "failed" and not shown.isdisjoint(one.frames) and finding.rule not in one.rules:
                out[place] = replace(one, rules=(*one.rules, finding.rule))
                break
    return out


def _failed_by(before: StepResult, finding: Finding) -> StepResult:
    if finding.rule in before.rules:  # once is enough
        return before
    rules = (*before.rules, finding.rule)
    if before.state == "failed":
        return replace(before, text=f"{before.text}; {finding.evidence}", rules=rules)
    frames = tuple(finding.frames[:FRAMES_NAMED])
    return replace(before, state="failed", text=finding.evidence, frames=frames, time=None, rules=rules)


def _implied(results: list[StepResult]) -> list[StepResult]:
    """The steps, those implied that nobody heard but something later needs."""
    proved = {name for one in results if one.state == "reached" for name in one.step.proves}
    return [
        replace(one, state="implied") if one.state in ("not seen", "under way") and one.step.step in proved else one
        for one in results
    ]  # fmt: skip

"""A diagnosis in lines for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from analysis.diagnosis.model import DeviceDiagnosis, Diagnosis, StepResult
from analysis.diagnosis.spans import time_span
from analysis.findings.model import Finding
from analysis.tables.python_values import iso_time

__all__ = ["sentence", "text_lines"]

MARKS = {"reached": "+", "failed": "X", "implied": "(+)", "under way": "~", "not seen": "-"}
SAID = {"implied": "not in the capture, but what comes later needs it", "not seen": "not seen"}
FINDINGS_SHOWN = 8
FRAMES_SHOWN = 3


def text_lines(
    found: Diagnosis, *, every_step: bool = True, time: Callable[[int], str] = iso_time
) -> Iterator[str]:
    """The lines.

    Args:
        every_step: the steps of each device, not only of those where one failed.
        time: a time as text.
    """
    yield f"{found.source}: {sentence(found)}"
    for one in found.devices:
        if every_step or one.failed is not None:
            yield ""
            yield from _device(one, time)
        else:
            yield f"  {one.device}: {_in_short(one)}"
            yield from _findings("", one.findings)
    if found.home.verdict in ("step failed", "findings"):
        yield ""
        yield from _device(found.home, time)
    yield ""
    yield from _looked(found.looked_at)
    if found.cannot_tell:
        yield "What this capture cannot tell:"
        yield from (f"  {line}" for line in found.cannot_tell)


def sentence(found: Diagnosis) -> str:
    """The answer in a sentence."""
    if found.failed:
        first = [f"{party}: {one.step.title}: {one.text}" for party, one in found.failed]
        more = f" (and {len(first) - 1} more devices)" if len(first) > 1 else ""
        return f"step failed: {first[0]}{more}"
    if found.verdict == "findings":
        return "no step failed, but something is wrong: see the findings"
    whom = "this home" if len(found.devices) != 1 else str(found.devices[0].device)
    if found.verdict == "not heard":
        return f"{whom} was not heard: nothing can be said"
    if found.verdict == "cannot tell":
        return "cannot tell: frames stay shut, because no held key opens them (hanscope keys says which are needed)"
    return f"no fault found in {whom}, because every step that was heard was reached and no rule was broken"


def _device(one: DeviceDiagnosis, time: Callable[[int], str]) -> Iterator[str]:
    yield f"{one.device}: {_in_short(one)}"
    for step in one.steps:
        yield f"  {MARKS[step.state]:<4}{_step(step, time)}"
        if step.state == "failed":
            yield f"        check next: {step.step.check}"
            yield f"        source: {step.step.source}" + (
                f"; rules {', '.join(step.rules)}" if step.rules else ""
            )
    yield from _findings("  Found besides:", one.findings)


def _in_short(one: DeviceDiagnosis) -> str:
    if one.failed is not None:
        return f"first step that failed: {one.failed.step.title}"
    reached = sum(step.state == "reached" for step in one.steps)
    return f"{one.verdict}, {reached} of {len(one.steps)} steps seen reached"


def _step(step: StepResult, time: Callable[[int], str]) -> str:
    when = f"  {time(step.time)}" if step.time is not None else ""
    shown = step.frames if step.state == "failed" else step.frames[:FRAMES_SHOWN]
    frames = f"  frames {', '.join(map(str, shown))}" if shown else ""
    text = step.text or SAID.get(step.state, "")
    return f"{step.step.title}: {text}{when}{frames}"


def _findings(title: str, findings: Sequence[Finding]) -> Iterator[str]:
    if findings and title:
        yield title
    for one in findings[:FINDINGS_SHOWN]:
        yield f"    {one.severity} {one.rule}: {one.title} [{one.device}]: {one.evidence}"
    if len(findings) > FINDINGS_SHOWN:
        yield f"    and {len(findings) - FINDINGS_SHOWN} more (hanscope check)"


def _looked(facts: dict[str, Any]) -> Iterator[str]:
    exchanges = sum(facts["exchanges"].values())
    by_outcome = ", ".join(f"{count:,} {name}" for name, count in sorted(facts["exchanges"].items()))
    yield (
        f"Looked at: {facts['frames']:,} frames in {time_span(facts['seconds'])} from {facts['start']}, "
        f"{facts['devices']} devices, {exchanges:,} exchanges ({by_outcome}), {facts['commands']:,} remote commands and "
        f"alerts; {facts['rules_judged']} of {facts['rules']} rules found something to judge"
    )

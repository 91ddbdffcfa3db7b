"""`hanscope check`: the findings of a capture, gravest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.cli import console
from analysis.cli.command_line.batch import Batch
from analysis.cli.command_line.choosing import EVERYTHING, ChoiceOptions
from analysis.cli.command_line.findings_chosen import chosen_findings
from analysis.cli.command_line.forming import columns_named
from analysis.features.shut import shut_lines
from analysis.findings.commands import show_command, with_command
from analysis.findings.findings_output import explain_rule, rules_json, rules_text, to_json, to_sarif
from analysis.tables.schema import columns_of
from dissectors import Keyring

if TYPE_CHECKING:
    from analysis.findings.waivers import Waivers

__all__ = ["accepted_by", "explain", "list_rules", "read_own", "run", "see_rules"]

LETTERS = {"info": "I", "warning": "W", "error": "E", "critical": "C"}
COLOURS = {"info": "36", "warning": "33", "error": "31", "critical": "1;31"}
FRAMES_NAMED = 6


def run(
    sources: Sequence[str],
    keyring: Keyring,
    *,
    profile: str | None,
    rules: Sequence[str],
    baseline: str | None,
    fail_on: str | None,
    output: str,
    verdicts: bool,
    quiet: bool,
    accept: Path | None = None,
    choice: ChoiceOptions = EVERYTHING,
    columns: str | None = None,
    jobs: int = 1,
) -> int:
    """Check captures; see `hanscope check --help`."""
    from analysis.findings import model as findings

    if fail_on is not None and fail_on not in findings.SEVERITIES:
        raise console.UsageError(f"unknown severity {fail_on!r}", ", ".join(findings.SEVERITIES))
    listed = columns_named(columns, (*columns_of("findings"), "incident"))
    chosen = list(rules) or None
    waivers = accepted_by(accept)
    see_rules(profile, chosen, waivers)
    compared = compared_with(baseline)
    batch: Batch[bool] = Batch(sources, jobs)

    def one(source: str, number: int) -> bool:
        with console.progress(source, quiet=quiet) as step:
            settings: dict[str, Any] = {"profile": profile, "chosen": chosen, **compared}
            checked = chosen_findings(source, keyring, choice, progress=step, waivers=waivers, **settings)
        console.tell_losses(checked.reading.facts)
        name = checked.reading.facts.name
        if listed and output == "text":
            _list(name, checked.result, listed, many=batch.many)
        else:
            _put(name, checked.result, output, verdicts, many=batch.many)
        return bool(fail_on and checked.result.at_least(fail_on))

    failed = any(failed for _, failed in list(batch.each(one)))
    return console.UNREADABLE if batch.unreadable else console.FINDINGS if failed else console.OK


def compared_with(baseline: str | None) -> dict[str, Any]:
    """What a capture is compared with, as `check_capture` takes it: another capture, or the homes of a store.

    Raises:
        UsageError: the store cannot be used.
    """
    if baseline is not None and ("://" in baseline or Path(baseline).is_dir()):
        from analysis.fleet import FleetError, against_fleet

        try:
            watcher = against_fleet(baseline)
        except FleetError as error:
            raise console.UsageError(f"--baseline: {error}", error.hint) from None
        if watcher is not None:
            return {"watcher": watcher}
    return {"baseline": baseline}


def accepted_by(path: Path | None) -> Waivers | None:
    """The waivers of a file.

    Raises:
        UsageError: it cannot be read.
    """
    from analysis.findings.waivers import WaiverError, read_waivers

    try:
        return None if path is None else read_waivers(path)
    except WaiverError as error:
        raise console.UsageError(str(error), "docs/waivers.md") from None


def read_own(path: Path) -> None:
    """Take in the rules of a folder or file.

    Raises:
        UsageError: it cannot be read, or a rule in it is wrong.
    """
    from analysis.rules.expression import RuleError
    from analysis.rules.own import read_rules

    try:
        read_rules(path)
    except RuleError as error:
        raise console.UsageError(str(error), "docs/writing_rules.md") from None


def see_rules(
    profile: str | None, chosen: Sequence[str] | None = None, waivers: Waivers | None = None
) -> None:
    """See that there are such a profile and such rules, also those of waivers.

    Raises:
        UsageError: there are not.
    """
    from analysis.engine.checking import Checking

    try:
        Checking(profile, None if chosen is None else list(chosen), waivers)
    except ValueError as error:
        raise console.UsageError(str(error)) from None


def _list(capture: str, result: Any, columns: Sequence[str], *, many: bool) -> None:
    """The findings, a line each."""
    from analysis.findings.findings_output import findings_batch
    from analysis.tables.addresses import row_with_addresses
    from analysis.tables.python_values import rows_of
    from analysis.views.listing import aligned

    if many:
        console.put(f"{capture}:")
    rows = [row_with_addresses("findings", row) for row in rows_of(findings_batch(result.findings))]
    incidents = [{"incident": one.incident} for one in result.findings]
    for line in aligned(columns, [row | incident for row, incident in zip(rows, incidents, strict=True)]):
        console.put(line)


def _put(capture: str, result: Any, output: str, verdicts: bool, *, many: bool) -> None:
    if output == "json":
        console.put_json(to_json(result, capture), indent=None if many else 2)
    elif output == "sarif":
        console.put_json(to_sarif(result, capture), indent=None if many else 2)
    elif output == "jsonl":
        for one in result.findings:
            console.put_json({"capture": capture, **with_command(one, result, capture)}, indent=None)
        for accepted in result.accepted:
            console.put_json({"capture": capture, **accepted.to_json()}, indent=None)
    else:
        for lead, line in _text(capture, result, verdicts):
            console.put(line, lead=lead)


def _text(capture: str, result: Any, verdicts: bool) -> Iterator[tuple[str, str]]:
    """The lines, each with the coloured letter that goes before it."""
    import sys

    colour = console.coloured(sys.stdout)
    for one in result.findings:
        letter = LETTERS[one.severity]
        mark = f"\x1b[{COLOURS[one.severity]}m{letter}\x1b[0m" if colour else letter
        subject = f" [{one.device}]" if one.device else ""
        yield mark, f" {one.rule}: {one.title}{subject}"
        yield "", f"    {one.evidence}"
        yield "", f"    {_frames(one.frames)}source: {one.source} ({one.confidence})"
        yield "", f"    advice: {one.advice}"
        if one.hearing:
            yield "", f"    heard: {one.hearing}"
        if one.about.kind == "message" and (command := show_command(one, result, capture)):
            yield "", f"    see: {command}"
    for line in _accepted(result):
        yield "", line
    if verdicts:
        yield "", ""
        for v in result.verdicts:
            yield "", f"{v.state:<9}{v.rule} [{v.subject}]: {v.text}"
    for line in shut_lines(result.shut):
        yield "", line
    yield "", result.hearing.words(result.names)
    counts = [
        f"{sum(one.severity == severity for one in result.findings)} {severity}"
        for severity in reversed(LETTERS)
    ]
    judged = len({v.rule for v in result.verdicts if v.state != "not seen"})
    yield (
        "",
        f"{capture}: {', '.join(counts)}; {judged} of {len(result.rules)} rules found something to judge",
    )


def _accepted(result: Any) -> Iterator[str]:
    """Accepted findings, a line each, and the waivers that are over or say nothing."""
    for one in result.accepted:
        until = f", until {one.waiver.until}" if one.waiver.until else ""
        yield f"accepted: {one.finding.rule} [{one.finding.device}]: {one.waiver.reason}{until}"
    for waiver in result.waivers:
        if waiver["state"] == "expired":
            yield (
                f"waiver over since {waiver['until']}: {waiver['rule']} [{waiver['subject']}]: "
                f"{waiver['findings']} findings came back"
            )
        elif waiver["state"] == "unused":
            yield f"waiver without a finding: {waiver['rule']} [{waiver['subject']}]"


def _frames(frames: Sequence[int]) -> str:
    if not frames:
        return ""
    shown = ", ".join(map(str, frames[:FRAMES_NAMED]))
    more = f" and {len(frames) - FRAMES_NAMED} more" if len(frames) > FRAMES_NAMED else ""
    return f"frames {shown}{more}; "


def list_rules(*, as_json: bool) -> int:
    """Print all rules."""
    from analysis.rules import registry

    known = registry.rules()
    if as_json:
        console.put_json(rules_json(known))
    else:
        for line in rules_text(known).split("\n"):
            console.put(line)
    return console.OK


def explain(rule: str) -> int:
    """Print what a person should know about one rule."""
    from analysis.rules import registry

    found = {one.id: one for one in registry.rules()}.get(rule)
    if found is None:
        raise console.UsageError(f"no such rule: {rule}", "--list-rules shows all")
    for line in explain_rule(found).split("\n"):
        console.put(line)
    return console.OK

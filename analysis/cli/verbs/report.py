"""`hanscope report`: one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.cli import console
from analysis.cli.command_line.batch import Batch, places_in
from analysis.cli.command_line.choosing import EVERYTHING, ChoiceOptions
from analysis.cli.command_line.findings_chosen import chosen_findings
from analysis.cli.command_line.forming import row_form
from analysis.cli.command_line.inputs import name_of, opened
from analysis.cli.command_line.places import refuse_overwriting
from analysis.cli.verbs.check import accepted_by, see_rules
from captures.whole_files import write_whole
from dissectors import Keyring

if TYPE_CHECKING:
    from analysis.engine.checking import Checked
    from analysis.report.roll_up import ReportedCapture
    from analysis.tables.row_form import RowForm

__all__ = ["run"]


def run(
    sources: Sequence[str],
    keyring: Keyring,
    *,
    out: Path,
    profile: str | None,
    fail_on: str | None,
    quiet: bool,
    accept: Path | None = None,
    choice: ChoiceOptions = EVERYTHING,
    time: str | None = None,
    jobs: int = 1,
) -> int:
    """Write the report, or one of each capture and a page over all; see `hanscope report --help`."""
    from analysis.findings import model as findings
    from analysis.report.roll_up import ReportedCapture

    if fail_on is not None and fail_on not in findings.SEVERITIES:
        raise console.UsageError(f"unknown severity {fail_on!r}", ", ".join(findings.SEVERITIES))
    batch: Batch[tuple[bool, ReportedCapture]] = Batch(sources, jobs)
    folder = out.with_name(f"{out.stem}-captures")
    pages = [Path(one) for one in places_in(batch, str(folder), ".html")] if batch.many else [out]
    refuse_overwriting(batch.captures, {out, *pages})
    form = row_form(None, time, choice.tz, ())
    waivers = accepted_by(accept)
    see_rules(profile, None, waivers)

    def one(source: str, number: int) -> tuple[bool, ReportedCapture]:
        settings = {"profile": profile, "waivers": waivers}
        link = f"{folder.name}/{pages[number].name}"
        checked = _one(source, keyring, choice, pages[number], form, settings, quiet=quiet)
        failed = bool(fail_on and checked.result.at_least(fail_on))
        return failed, ReportedCapture.of(name_of(source), link, checked.watcher, checked.result)

    found = [told for _, told in batch.each(one)]
    if batch.many:
        _roll_up(out, [capture for _, capture in found], batch, quiet=quiet)
    failed = any(failed for failed, _ in found)
    return console.UNREADABLE if batch.unreadable else console.FINDINGS if failed else console.OK


def _one(
    source: str,
    keyring: Keyring,
    choice: ChoiceOptions,
    out: Path,
    form: RowForm | None,
    settings: dict[str, Any],
    *,
    quiet: bool,
) -> Checked:
    """Write the report of one capture."""
    from analysis.pipeline.message_store import MessageStore
    from analysis.report import Tally, render_tally
    from analysis.report.named_frames import named_frames

    with console.progress(source, quiet=quiet) as step, opened(source) as replay:
        store = MessageStore()
        watcher = partial(Tally, form=form)
        checked = chosen_findings(
            replay, keyring, choice, watcher=watcher, progress=step, sinks=[store], **settings
        )
        shown = named_frames(replay, keyring, checked.result, checked.reading)
    facts, result = checked.reading.facts, checked.result
    console.tell_losses(facts)
    lost = [one.text for one in facts.lost]
    write_whole(out, render_tally(checked.watcher, result, lost, store=store, shown=shown))
    if not quiet:
        console.say(f"{out}: {len(result.findings)} findings in {checked.reading.session.frames:,} frames")
    return checked


def _roll_up(out: Path, captures: Sequence[ReportedCapture], batch: Batch[Any], *, quiet: bool) -> None:
    """Write the page over all captures."""
    from analysis.report.roll_up import render_roll_up

    failed = [(name_of(capture), why) for capture, why in batch.failed]
    write_whole(out, render_roll_up(captures, failed, ", ".join(batch.words[:3])))
    if not quiet:
        console.say(f"{out}: {len(captures)} captures")

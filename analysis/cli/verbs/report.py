"""`hanscope report`: one self-contained HTML file."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from analysis.cli import console
from analysis.cli.command_line.choosing import EVERYTHING, ChoiceOptions
from analysis.cli.command_line.findings_chosen import chosen_findings
from analysis.cli.command_line.forming import row_form
from analysis.cli.command_line.places import refuse_overwriting
from analysis.cli.verbs.check import accepted_by, see_rules
from captures.whole_files import write_whole
from dissectors import Keyring

__all__ = ["run"]


def run(
    source: str,
    keyring: Keyring,
    *,
    out: Path,
    profile: str | None,
    fail_on: str | None,
    quiet: bool,
    accept: Path | None = None,
    choice: ChoiceOptions = EVERYTHING,
    time: str | None = None,
) -> int:
    """Write the report; see `hanscope report --help`."""
    from analysis.findings import model as findings
    from analysis.pipeline.message_store import MessageStore
    from analysis.report import Tally, render_tally

    if fail_on is not None and fail_on not in findings.SEVERITIES:
        raise console.UsageError(f"unknown severity {fail_on!r}", ", ".join(findings.SEVERITIES))
    refuse_overwriting([source], [out])
    watcher = partial(Tally, form=row_form(None, time, choice.tz, ()))
    waivers = accepted_by(accept)
    see_rules(profile, None, waivers)
    with console.progress(source, quiet=quiet) as step:
        store = MessageStore()
        checked = chosen_findings(
            source,
            keyring,
            choice,
            profile=profile,
            watcher=watcher,
            progress=step,
            waivers=waivers,
            sinks=[store],
        )
    facts, result = checked.reading.facts, checked.result
    console.tell_losses(facts)
    lost = [one.text for one in facts.lost]
    write_whole(out, render_tally(checked.watcher, result, lost, store=store))
    if not quiet:
        console.say(f"{out}: {len(result.findings)} findings in {checked.reading.session.frames:,} frames")
    return console.FINDINGS if fail_on and result.at_least(fail_on) else console.OK

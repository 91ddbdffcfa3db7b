"""The verbs that say what is wrong or different: what each takes, and which function does it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from analysis.cli.command_line.choosing import EVERYTHING, ChoiceOptions
from analysis.cli.command_line.options import (
    AcceptOption,
    Argument,
    CaptureArgument,
    CapturesArgument,
    ColumnsOption,
    FailOption,
    JobsOption,
    JsonOption,
    KeysOption,
    Option,
    ProfileOption,
    QuietOption,
    RulesFromOption,
    TimeOption,
    ZoneOption,
    keyring,
)
from analysis.cli.command_line.registry import verb


@verb(
    "check", "hanscope check han.pcapng --keys keys.toml", "hanscope check *.pcapng --fail-on warning --jsonl"
)
def check(
    captures: Annotated[
        list[str] | None, Argument(metavar="CAPTURE...", help="Capture files, folders, patterns, URLs, or -.")
    ] = None,
    keys: KeysOption = None,
    choice: ChoiceOptions = EVERYTHING,
    columns: ColumnsOption = None,
    jobs: JobsOption = 1,
    profile: ProfileOption = None,
    rule: Annotated[
        list[str] | None,
        Option(
            "--rules", "--rule", help="Only these rules (several by commas, or repeated).", complete="rule"
        ),
    ] = None,
    baseline: Annotated[
        str | None,
        Option("--baseline", help="Capture of the same network in good health, or the store of a fleet."),
    ] = None,
    fail_on: FailOption = None,
    accept: AcceptOption = None,
    rules_from: RulesFromOption = None,
    as_json: JsonOption = False,
    as_jsonl: Annotated[bool, Option("--jsonl", help="One finding a line.")] = False,
    verdicts: Annotated[bool, Option("--verdicts", help="Each rule's verdict.")] = False,
    as_sarif: Annotated[bool, Option("--sarif", help="SARIF 2.1.0, for code scanning tools.")] = False,
    list_rules: Annotated[bool, Option("--list-rules", help="List the rules instead.")] = False,
    explain: Annotated[
        str | None, Option("--explain", help="Explain one rule instead.", complete="rule")
    ] = None,
    quiet: QuietOption = False,
) -> int:
    """Findings: what is wrong, where, how bad, who says so, and what to do."""
    from analysis.cli.verbs import check as run

    if rules_from is not None:
        run.read_own(rules_from)
    if list_rules:
        return run.list_rules(as_json=as_json)
    if explain is not None:
        return run.explain(explain)
    if not captures:
        from analysis.cli import console

        raise console.UsageError("no capture given", "hanscope check han.pcapng, or --list-rules")
    return run.run(
        captures,
        keyring(keys),
        profile=profile,
        rules=[name.strip() for names in rule or () for name in names.split(",") if name.strip()],
        baseline=baseline,
        fail_on=fail_on,
        output="sarif" if as_sarif else "json" if as_json else "jsonl" if as_jsonl else "text",
        verdicts=verdicts,
        quiet=quiet,
        accept=accept,
        choice=choice,
        columns=columns,
        jobs=jobs,
    )


@verb(
    "why",
    "hanscope why han.pcapng 'gas meter' --keys keys.toml",
    "hanscope why han.pcapng --keys keys.toml --time relative",
)
def why(
    capture: CaptureArgument,
    device: Annotated[
        str, Argument(metavar="DEVICE", help="Its name, role or address; all devices where none is given.")
    ] = "",
    keys: KeysOption = None,
    profile: ProfileOption = None,
    time: TimeOption = None,
    tz: ZoneOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Why a device does not work: the first step that failed, what to check; or why no fault was found."""
    from analysis.cli.verbs import why as run

    return run.run(
        capture, device, keyring(keys), profile=profile, as_json=as_json, quiet=quiet, time=time, tz=tz
    )


@verb(
    "report",
    "hanscope report han.pcapng -o report.html",
    "hanscope report han.pcapng --keys keys.toml -o r.html",
    "hanscope report captures/ -o all.html --jobs 4",
)
def report(
    captures: CapturesArgument,
    out: Annotated[
        Path, Option("--out", "-o", help="The HTML file; of several captures the page over all of them.")
    ] = Path("report.html"),
    keys: KeysOption = None,
    choice: ChoiceOptions = EVERYTHING,
    time: TimeOption = None,
    jobs: JobsOption = 1,
    profile: ProfileOption = None,
    fail_on: FailOption = None,
    accept: AcceptOption = None,
    rules_from: RulesFromOption = None,
    quiet: QuietOption = False,
) -> int:
    """One self-contained HTML file about a capture: no network needed to read it. Of several captures one of each, and a
    page over all."""
    from analysis.cli.verbs import check
    from analysis.cli.verbs import report as run

    if rules_from is not None:
        check.read_own(rules_from)
    return run.run(
        captures, keyring(keys), out=out, profile=profile, fail_on=fail_on, quiet=quiet, accept=accept, choice=choice,
        time=time, jobs=jobs,
    )  # fmt: skip


@verb(
    "diff",
    "hanscope diff good.pcapng faulty.pcapng --keys keys.toml",
    "hanscope diff good.pcapng faulty/ --jobs 4 --json",
)
def diff(
    good: Annotated[str, Argument(help="Capture of a unit that works.", show_default=False)],
    faulty: Annotated[
        list[str],
        Argument(metavar="FAULTY...", help="Captures of units in question: files, folders, patterns, URLs."),
    ],
    keys: KeysOption = None,
    faulty_keys: Annotated[
        Path | None,
        Option("--faulty-keys", help="Key file of the second capture, when it has its own."),
    ] = None,
    choice: ChoiceOptions = EVERYTHING,
    jobs: JobsOption = 1,
    as_json: JsonOption = False,
    most: Annotated[int, Option("--most", min=1, help="Rows of each list.")] = 15,
    quiet: QuietOption = False,
) -> int:
    """A good capture aligned with others: devices, joins, exchanges, timings; the first divergence is named. Of several,
    a line for each at the end."""
    from analysis.cli.verbs import diff as run

    ours = keyring(keys)
    theirs = keyring(faulty_keys) if faulty_keys else keyring(keys)
    return run.run(
        good, faulty, ours, theirs, as_json=as_json, most=most, quiet=quiet, choice=choice, jobs=jobs
    )


@verb(
    "crosscheck",
    "hanscope crosscheck han.pcapng --keys keys.toml",
    "hanscope crosscheck han.pcapng --keys keys.toml --json",
)
def crosscheck(
    captures: CapturesArgument,
    keys: KeysOption = None,
    choice: ChoiceOptions = EVERYTHING,
    jobs: JobsOption = 1,
    as_json: JsonOption = False,
    most: Annotated[int, Option("--most", min=1, help="Disagreements shown of each field.")] = 5,
    quiet: QuietOption = False,
) -> int:
    """The same capture through tshark with the same keys: per field, how often both agree, and where not."""
    from analysis.cli.verbs import crosscheck as run

    return run.run(
        captures, keyring(keys), as_json=as_json, most=most, quiet=quiet, choice=choice, jobs=jobs
    )  # fmt: skip

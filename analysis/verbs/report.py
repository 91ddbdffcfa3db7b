"""`hanscope report`: one self-contained HTML file."""

from __future__ import annotations

from pathlib import Path

from analysis import console
from dissectors.keyring import Keyring

__all__ = ["run"]


def run(
    source: str, keyring: Keyring, *, out: Path, profile: str | None, fail_on: str | None, quiet: bool
) -> int:
    """Write the report; see `hanscope report --help`."""
    from analysis import findings
    from analysis.decode import decode
    from analysis.report import write_report

    if fail_on is not None and fail_on not in findings.SEVERITIES:
        raise console.UsageError(f"unknown severity {fail_on!r}", ", ".join(findings.SEVERITIES))
    with console.progress(source, quiet=quiet) as step:
        decoded = decode(source, keyring, progress=step)
    console.tell_losses(decoded.facts)
    result = findings.check(decoded, profile)
    write_report(decoded, result, out)
    if not quiet:
        console.say(f"{out}: {len(result.findings)} findings in {decoded.session.frames:,} frames")
    return console.FINDINGS if fail_on and result.at_least(fail_on) else console.OK

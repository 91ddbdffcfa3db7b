"""The command that shows what a finding is about."""

from __future__ import annotations

import shlex
from typing import Any

from analysis.findings.model import CheckResult, Finding

__all__ = ["show_command", "with_command"]

FRAMES_SHOWN = 6


def show_command(finding: Finding, result: CheckResult, capture: str) -> str:
    """A command line that shows the message that a finding is about, else the first frames that it names; empty where it
    names neither.

    Args:
        result: what the finding is part of: it says which file of keys was given.
        capture: path of the capture.
    """
    if finding.about.message is not None:
        what = ["--message", str(finding.about.message)]
    elif finding.frames:
        what = [",".join(map(str, finding.frames[:FRAMES_SHOWN]))]
    else:
        return ""
    keys = result.provenance.get("keys_file")
    return shlex.join(["hanscope", "show", capture or "-", *what, *(["--keys", keys] if keys else [])])


def with_command(finding: Finding, result: CheckResult, capture: str) -> dict[str, Any]:
    """The JSON form of a finding, with that command."""
    return {**finding.to_json(), "command": show_command(finding, result, capture) or None}

"""What the rules say of the shared real captures, and the account that was given of each finding.

    python -m tests.analysis.real_captures          # writes docs/real_capture_findings.md anew

`real_findings.csv` holds one row a finding of severity warning and above: capture, rule, device, its first frame,
how many frames, and what it is. A test holds it to what the rules say today."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from analysis.engine.checking import check
from analysis.keys.keyfile import read_keys
from analysis.pipeline.decode import decode
from tests.conftest import SHARED

__all__ = ["ACCOUNTS", "PAGE", "Account", "accounts", "page", "said"]

ACCOUNTS = Path(__file__).with_name("real_findings.csv")
PAGE = Path(__file__).parents[2] / "docs" / "real_capture_findings.md"
START, END = "<!-- accounts: written by tests/analysis/real_captures.py -->", "<!-- end of accounts -->"


class Account(NamedTuple):
    """One finding; `account` is empty in what the rules say."""

    capture: str
    rule: str
    severity: str
    device: str
    first_frame: int
    frames: int
    account: str = ""

    @property
    def finding(self) -> tuple[str, ...]:
        """What a finding is known by: the numbers in it may change with a limit."""
        return (self.capture, self.rule, self.severity, self.device, str(self.first_frame))


def accounts() -> list[Account]:
    """The table of accounts."""
    with ACCOUNTS.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    return [
        Account(r["capture"], r["rule"], r["severity"], r["device"], int(r["first_frame"]), int(r["frames"]), r["account"])
        for r in rows
    ]  # fmt: skip


def said(capture: Path) -> list[Account]:
    """What the rules say of one capture, at warning and above, with the keys that are known for it."""
    result = check(decode(str(capture), read_keys(SHARED / "captures" / "keys.toml")))
    assert not result.failures, result.failures
    return [
        Account(capture.name, f.rule, f.severity, f.device, f.frames[0] if f.frames else 0, len(f.frames))
        for f in result.findings
        if f.severity != "info"
    ]


def page(rows: Iterable[Account]) -> str:
    """The table of the page: rows of one rule and one account together."""
    together: dict[tuple[str, str, str], list[Account]] = {}
    for row in rows:
        together.setdefault((row.rule, row.severity, row.account), []).append(row)
    lines = ["| rule | where: capture, device (first frame) | what it is |", "|---|---|---|"]
    for (rule, severity, account), members in sorted(together.items()):
        where = "<br>".join(f"`{m.capture}` {m.device} ({m.first_frame})" for m in members)
        lines.append(f"| `{rule}` ({severity}) | {where} | {account} |")
    return "\n".join(lines)


def main() -> None:
    head, _, rest = PAGE.read_text("utf-8").partition(START)
    _, _, tail = rest.partition(END)
    PAGE.write_text(f"{head}{START}\n{page(accounts())}\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Rules on gbcs format: what breaks each of them, and what keeps it."""

import pytest

from tests.analysis.compliance.gbcs_tables import (
    Row,
    broken_and_kept,
    capture,
    command,
)

CASES: list[tuple[str, Row, Row]] = [
    ("message-code-unknown", command(0x7FFF), command()),
    ("critical-code-unknown", command(0x7FFF, signature="valid"), command(0x1B, signature="valid")),
    ("han-only-code-as-message", command(0x0117), command()),
    ("message-format", command(issue="gbcs: offset 3: a length too long"), command()),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "bad", "good"), CASES, ids=[c[0] for c in CASES])
def test_broken_and_kept(rule: str, bad: Row, good: Row) -> None:
    # A message of GBCS comes along, by which the capture is known as Smart Energy.
    broken_and_kept(rule, capture([good, bad, command()]), capture([good, command()]))


def test_use_case_of_version() -> None:
    """Broken under the profile of an early version, kept under that of a later one: see the profiles' test."""
    early, late = capture([command(0x0121, use_case="ECS101")]), capture([command(0x0027, use_case="ECS17b")])
    broken_and_kept("use-case-of-version", early, late, profiles=("gbcs-0.8.1", None))

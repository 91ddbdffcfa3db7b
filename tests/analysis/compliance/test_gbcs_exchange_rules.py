"""Rules on gbcs exchange: what breaks each of them, and what keeps it."""

import pytest

from tests.analysis.compliance.gbcs_tables import Row, broken_and_kept, capture, command, response

Rows = list[Row]
SIGNED = 0x1B  # ECS03, which carries replay protection
ONE, TWO = command(SIGNED, 0, counter=10), command(SIGNED, 100, counter=20)


CASES: list[tuple[str, Rows, Rows]] = [
    ("response-without-command", [ONE, response(SIGNED, counter=11)], [ONE, response(SIGNED, counter=10)]),
    ("response-code-differs", [ONE, response(0x27, answers=1)], [ONE, response(SIGNED, answers=1)]),
    ("command-unanswered", [ONE], [ONE, response(SIGNED, counter=10)]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "bad", "good"), CASES, ids=[c[0] for c in CASES])
def test_broken_and_kept(rule: str, bad: Rows, good: Rows) -> None:
    broken_and_kept(rule, capture(bad), capture(good))

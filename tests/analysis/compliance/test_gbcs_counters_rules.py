"""Rules on gbcs counters: what breaks each of them, and what keeps it."""

import pytest

from analysis.engine.checking import check
from tests.analysis.compliance.gbcs_tables import Row, broken_and_kept, capture, command, response

Rows = list[Row]
SIGNED = 0x1B  # ECS03, which carries replay protection
ONE, TWO = command(SIGNED, 0, counter=10), command(SIGNED, 100, counter=20)


CASES: list[tuple[str, Rows, Rows]] = [
    ("command-replayed", [TWO, ONE], [ONE, TWO]),
    ("replay-accepted",
     [ONE, ONE, response(SIGNED, counter=10), response(SIGNED, counter=10)],
     [ONE, ONE, response(SIGNED, counter=10), response(SIGNED, counter=10, outcome="failure")]),
    ("counter-reused", [ONE, ONE], [ONE, TWO]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "bad", "good"), CASES, ids=[c[0] for c in CASES])
def test_broken_and_kept(rule: str, bad: Rows, good: Rows) -> None:
    broken_and_kept(rule, capture(bad), capture(good))


@pytest.mark.parametrize(
    ("again", "severity"),
    [
        (command(SIGNED, 30, counter=10, digest=1), "info"),
        (command(SIGNED, 3000, counter=10, digest=1), "error"),
        (command(SIGNED, 30, counter=10, digest=2), "error"),
    ],
    ids=["delivered again", "much later", "other octets"],
)
def test_a_copy_soon_after_only_informs(again: Row, severity: str) -> None:
    found = check(capture([ONE, again]), rules=["command-replayed"])
    assert [f.severity for f in found.findings] == [severity]


def test_copies_of_one_message_reuse_no_counter() -> None:
    copies = capture([ONE, {**ONE, "digest": 1}, TWO])
    result = check(copies, rules=["counter-reused"])
    assert not result.findings and {v.state for v in result.verdicts} == {"pass"}


@pytest.mark.parametrize("rule", ["counter-reused", "command-replayed", "replay-accepted"])
def test_blocks_of_one_message_are_no_replay(rule: str) -> None:
    block = {**ONE, "payload_kind": "gbt", "signature": None, "mac": None}
    assert not check(capture([block, block, ONE, TWO]), rules=[rule]).findings

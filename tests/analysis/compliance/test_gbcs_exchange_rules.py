"""Counters, replay, pairing, prepayment: what breaks each rule is found, what keeps it passes."""

import pytest

from analysis.findings import check
from tests.analysis.compliance.gbcs_tables import Row, broken_and_kept, capture, command, item, response

Rows = list[Row]
SIGNED = 0x1B  # ECS03, which carries replay protection
ONE, TWO = command(SIGNED, 0, counter=10), command(SIGNED, 100, counter=20)
TOP_UP, CLOCK = 0x97, 0x62


def failed(*seconds: float) -> Rows:
    return [response(TOP_UP, s, outcome="failure") for s in seconds]


CASES: list[tuple[str, Rows, Rows]] = [
    ("command-replayed", [TWO, ONE], [ONE, TWO]),
    ("replay-accepted",
     [ONE, ONE, response(SIGNED, counter=10), response(SIGNED, counter=10)],
     [ONE, ONE, response(SIGNED, counter=10), response(SIGNED, counter=10, outcome="failure")]),
    ("counter-reused", [ONE, ONE], [ONE, TWO]),
    ("response-without-command", [ONE, response(SIGNED, counter=11)], [ONE, response(SIGNED, counter=10)]),
    ("response-code-differs", [ONE, response(0x27, answers=1)], [ONE, response(SIGNED, answers=1)]),
    ("command-unanswered", [ONE], [ONE, response(SIGNED, counter=10)]),
    ("top-up-failures", failed(0, 10, 20, 30, 40), failed(0, 10, 20, 30, 5000)),
    ("set-clock-daily", [response(CLOCK, 0), response(CLOCK, 3600)], [response(CLOCK, 0), response(CLOCK, 90_000)]),
    ("utrn-counter-low-half", [command(TOP_UP, counter=(7 << 32) + 1)], [command(TOP_UP, counter=7 << 32)]),
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


def test_top_up_repeated() -> None:
    tokens = [item(n, object="PrepaymentCredit: enter", value="1234") for n in (1, 2)]
    commands = [command(TOP_UP, 0, counter=1 << 32), command(TOP_UP, 100, counter=2 << 32)]
    first, second = response(TOP_UP, 1, counter=1 << 32), response(TOP_UP, 101, counter=2 << 32)
    bad = capture([*commands, first, second], tokens)
    good = capture([*commands, first, {**second, "outcome": "failure"}], tokens)
    broken_and_kept("top-up-repeated", bad, good)

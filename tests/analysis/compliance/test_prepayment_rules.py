"""Rules on prepayment: what breaks each of them, and what keeps it."""

from typing import Any

import pytest

from tests.analysis.compliance.gbcs_tables import Row, broken_and_kept, capture, command, item, response
from tests.analysis.compliance.rows import command as han_command
from tests.analysis.compliance.rows import home
from tests.analysis.frames import HUB, METER

Rows = list[Row]
TOP_UP, CLOCK = 0x97, 0x62


def failed(*seconds: float) -> Rows:
    return [response(TOP_UP, s, outcome="failure") for s in seconds]


CASES: list[tuple[str, Rows, Rows]] = [
    ("top-up-failures", failed(0, 10, 20, 30, 40), failed(0, 10, 20, 30, 5000)),
    ("utrn-counter-low-half", [command(TOP_UP, counter=(7 << 32) + 1)], [command(TOP_UP, counter=7 << 32)]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "bad", "good"), CASES, ids=[c[0] for c in CASES])
def test_broken_and_kept(rule: str, bad: Rows, good: Rows) -> None:
    broken_and_kept(rule, capture(bad), capture(good))


def entered(*codes: str) -> Any:
    """Codes at the display, each accepted by the meter."""
    rows = []
    for n, code in enumerate(codes):
        rows += han_command(100 * n, 0x0705, 0x04, HUB, METER, direction="to-server", top_up_code=code)
        rows += han_command(100 * n + 1, 0x0705, 0x03, METER, HUB, direction="to-client", result_type=0)
    return home(commands=rows)


def test_top_up_code_again() -> None:
    broken_and_kept("top-up-code-again", entered("31", "32", "31"), entered("31", "32", "33"))


def test_top_up_repeated() -> None:
    tokens = [item(n, object="PrepaymentCredit: enter", value="1234") for n in (1, 2)]
    commands = [command(TOP_UP, 0, counter=1 << 32), command(TOP_UP, 100, counter=2 << 32)]
    first, second = response(TOP_UP, 1, counter=1 << 32), response(TOP_UP, 101, counter=2 << 32)
    bad = capture([*commands, first, second], tokens)
    good = capture([*commands, first, {**second, "outcome": "failure"}], tokens)
    broken_and_kept("top-up-repeated", bad, good)


def test_debt_cap_period() -> None:
    def capped(seconds: int) -> object:
        written = item(object="DebtRecoveryRateCap: value_passive", obis="0-0:94.44.128.13", attribute=4)
        return capture(
            [command(0xDE)], [written | {"value": str(seconds), "number": float(seconds), "class_id": 9000}]
        )

    broken_and_kept("debt-cap-period", capped(86_400), capped(604_800))

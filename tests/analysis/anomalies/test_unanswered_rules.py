"""Rules on requests that get no answer, or get it late: what breaks each of them, and what keeps it."""

from typing import Any

import pytest

from analysis.engine.checking import check
from tests.analysis.compliance.rows import home
from tests.analysis.frames import HUB, METER, smart_energy
from tests.analysis.verdicts import Case, each_of

DISPLAY = 0x00DB00000000000B


def asked(*outcomes: str, took: float | None = None, counters: bool = False) -> Any:
    """A display that asks for the price: what came of each request."""
    heard = [smart_energy(n, METER, HUB, nwk_counter=n * (3 if counters else 1)) for n in range(40)]
    rows = [
        {
            "exchange": n, "kind": "zcl", "name": "Price: Get Current Price", "initiator": DISPLAY, "responder": METER,
            "outcome": outcome, "first_frame": n, "last_frame": n, "cluster": 0x0700,
            "time_to_answer": None if outcome != "ok" else took or 0.2,
        }
        for n, outcome in enumerate(outcomes, 1)
    ]  # fmt: skip
    return home(*heard, until=3600, exchanges=rows)


CASES: dict[str, Case] = {
    "request-unanswered": (lambda: asked(*["unanswered"] * 4), lambda: asked(*["ok"] * 4)),
    "answer-late": (lambda: asked(*["ok"] * 4, took=12.0), lambda: asked(*["ok"] * 4)),
}

test_broken_and_kept = each_of(CASES)


@pytest.mark.parametrize(
    ("outcomes", "severity"),
    [
        (["unanswered"], "info"),
        (["unanswered", "ok", "ok", "ok"], "info"),
        (["ok"] * 9 + ["unanswered"] * 4, "warning"),
        (["unanswered"] * 3, "warning"),
    ],
)
def test_once_informs_most_or_the_last_ones_warn(outcomes: list[str], severity: str) -> None:
    [found] = check(asked(*outcomes), rules=["request-unanswered"]).findings
    assert found.severity == severity and "it gets no price" in found.evidence
    assert "the sniffer missed about 0%" in found.evidence


def test_what_the_sniffer_may_have_missed_is_no_finding() -> None:
    result = check(asked("ok", "ok", "unanswered", "ok", counters=True), rules=["request-unanswered"])
    assert not result.findings and any("1 perhaps unheard" in v.text for v in result.verdicts)

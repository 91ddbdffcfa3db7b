"""Rules on requests that get no answer, or get it late: what breaks each of them, and what keeps it."""

from typing import Any

import pandas as pd
import pytest

from analysis.engine.checking import check
from tests.analysis.compliance.rows import Rows, command, home
from tests.analysis.faulty_homes import play
from tests.analysis.frames import HUB, METER, smart_energy
from tests.analysis.verdicts import Case, each_of

LOAD = 0x0701
DISPLAY = 0x00DB00000000000B


def asked(
    *outcomes: str,
    took: float | None = None,
    counters: bool = False,
    every: float = 10.0,
    heard: Rows | None = None,
) -> Any:
    """A display that asks for the price every so many seconds: what came of each request."""
    heard = heard or [smart_energy(n, METER, HUB, nwk_counter=n * (3 if counters else 1)) for n in range(40)]
    rows = [
        {
            "exchange": n, "kind": "zcl", "name": "Price: Get Current Price", "initiator": DISPLAY, "responder": METER,
            "outcome": outcome, "first_frame": n, "last_frame": n, "cluster": 0x0700,
            "time_to_answer": None if outcome != "ok" else took or 0.2, "missing": "answer" if outcome == "incomplete" else "",
            "start": pd.Timestamp(1_700_000_000 + every * n, unit="s", tz="UTC"),
        }
        for n, outcome in enumerate(outcomes, 1)
    ]  # fmt: skip
    return home(*heard, until=3600, exchanges=rows)


def keys(*answered: bool) -> Any:
    """A display that asks the hub for a key with the meter, and is given it or not."""
    rows: Rows = []
    for n, given in enumerate(answered):
        ask = {"command_name": "Request Key", "key_type": 2, "partner": METER}
        rows += command(10 + 60 * n, 0, 0x08, DISPLAY, HUB, **ask)
        if given:
            rows += command(11 + 60 * n, 0, 0x05, HUB, DISPLAY, command_name="Transport Key", key_type=3)
    for row in rows:
        row |= {"layer": "aps", "cluster": None}
    return home(until=3600, commands=rows)


def hung(well: int, after: int) -> Any:
    """A meter that answers a display and the hub, and then nobody."""
    heard = [smart_energy(n, METER, HUB, nwk_counter=n) for n in range(40)]
    rows = [
        {
            "exchange": n, "kind": "zcl", "name": "Price: Get Current Price", "initiator": (DISPLAY, HUB)[n % 2],
            "responder": METER, "outcome": "ok" if n < well else "unanswered", "first_frame": n + 1, "last_frame": n + 1,
            "cluster": 0x0700, "start": pd.Timestamp(60.0 * n, unit="s", tz="UTC"),
        }
        for n in range(well + after)
    ]  # fmt: skip
    return home(*heard, until=3600, exchanges=rows)


def controlled(events: int, reports: int) -> Any:
    """A meter that controls the load of a switch, which tells what it made of it or not."""
    rows: Rows = []
    for n in range(events):
        rows += command(60 + n * 300, LOAD, 0x00, METER, DISPLAY, direction="to-client", issuer_event_id=n)
        if n < reports:
            rows += command(61 + n * 300, LOAD, 0x00, DISPLAY, METER, direction="to-server", event_status=1)
    return home(until=3600, commands=rows)


CASES: dict[str, Case] = {
    "load-event-unreported": (lambda: controlled(3, 0), lambda: controlled(3, 1)),
    "key-request-unanswered": (lambda: keys(False, False, False), lambda: keys(True, True)),
    "request-unanswered": (lambda: asked(*["unanswered"] * 4), lambda: asked(*["ok"] * 4)),
    "answers-nobody": (lambda: hung(30, 20), lambda: hung(50, 0)),
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
        (["ok"] * 30 + ["incomplete"] + ["ok"] * 3 + ["unanswered"] * 6, "warning"),
        (["ok"] * 9 + ["unanswered"] * 5 + ["ok"] * 9, "info"),
    ],
)
def test_once_informs_most_or_the_last_ones_warn(outcomes: list[str], severity: str) -> None:
    [found] = check(asked(*outcomes), rules=["request-unanswered"]).findings
    assert found.severity == severity and "it gets no price" in found.evidence
    assert "the sniffer missed about 0%" in found.evidence


def test_a_run_that_lasted_warns_though_it_ended() -> None:
    result = check(
        asked(*["ok"] * 9, *["unanswered"] * 5, *["ok"] * 9, every=400.0), rules=["request-unanswered"]
    )
    assert [one.severity for one in result.findings] == ["warning"]
    assert "5 of them in a row, for 1,600 s" in result.findings[0].evidence


def test_what_the_sniffer_may_have_missed_is_no_finding() -> None:
    result = check(asked("ok", "ok", "unanswered", "ok", counters=True), rules=["request-unanswered"])
    assert not result.findings and any("1 perhaps unheard" in v.text for v in result.verdicts)


@pytest.mark.parametrize(("unheard", "told"), [(range(30, 60, 2), ["warning"]), (range(130, 170, 3), [])])
def test_what_was_surely_not_answered_outweighs_what_may_have_been(unheard: range, told: list[str]) -> None:
    """Two with nothing missing of the meter's frames while their answers were due, and two of which nobody knows: once
    the sniffer missed frames elsewhere, once just then."""
    heard = [
        smart_energy(5.0 * n, METER, HUB, nwk_counter=n + sum(n > one for one in unheard)) for n in range(200)
    ]
    outcomes = ["ok"] * 4 + ["incomplete"] * 2 + ["unanswered"] * 2
    found = check(asked(*outcomes, every=100.0, heard=heard), rules=["request-unanswered"]).findings
    assert [one.severity for one in found] == told


def test_a_rejoin_that_nobody_answers_is_a_request() -> None:
    rules = {one.rule: one for one in play("a rejoin is not answered", 1, 0.5).findings}
    assert "4 of 4 requests" in rules["request-unanswered"].evidence


def test_who_is_out_of_the_sniffers_reach_is_not_accused() -> None:
    """Requests to a device that is never heard: sent once they were acknowledged; sent again they were not."""
    heard = [smart_energy(n, HUB, METER, nwk_counter=n) for n in range(40)]
    found = []
    for retries in (0, 3):
        rows = [
            {
                "exchange": n, "kind": "zcl", "name": "Price: Get Current Price", "initiator": DISPLAY, "responder": METER,
                "outcome": "incomplete", "first_frame": n, "last_frame": n, "cluster": 0x0700, "retries": retries,
                "missing": "acknowledgement, answer", "start": pd.Timestamp(60.0 * n, unit="s", tz="UTC"),
            }
            for n in range(1, 21)
        ]  # fmt: skip
        tables = home(*heard, until=3600, exchanges=rows)
        found.append([one.severity for one in check(tables, rules=["request-unanswered"]).findings])
    assert found == [[], ["warning"]]

"""Every fault of the simulated HAN is found by the rule meant for it, with frames that it made; a clean day raises
no alarm.

`make test` plays some faults of each family (`captures/simulated/faults/`), each at another seed and strength; all
of them in all runs, and all clean days, with ``HANSCOPE_ALL_FAULTS=1`` (a quarter of an hour)."""

import os
from itertools import cycle

import pytest

from analysis.rules.registry import rules
from captures.simulated.faults import known
from tests.analysis.fault_matrix import DAYS, RUNS, clean_findings, extended, missing, page, play, rows_meant

MEANT = rows_meant()
EVERY = bool(os.environ.get("HANSCOPE_ALL_FAULTS"))
FAMILIES = sorted({fault.behaviour.__module__ for fault in known().values()})


def sample() -> list[str]:
    """Every eighth fault of each family, beginning with its first."""
    members = [sorted(n for n, fault in known().items() if fault.behaviour.__module__ == f) for f in FAMILIES]
    return [name for family in members for name in family[::8]]


PLAYED = (
    [(name, *run) for name in sorted(MEANT) for run in RUNS]
    if EVERY
    else [(name, *run) for name, run in zip(sample(), cycle(RUNS), strict=False)]
)
CLEAN = DAYS if EVERY else (("cad-pairing", 42), ("key-update", 42), ("proving-exercise", 43))


def test_every_fault_has_a_rule_meant_for_it() -> None:
    assert set(MEANT) == set(known())
    ids = {r.id for r in rules()}
    assert not {name for row in MEANT.values() for name in row.rules} - ids


@pytest.mark.parametrize(("fault", "seed", "strength"), PLAYED)
def test_fault_is_found(fault: str, seed: int, strength: float) -> None:
    outcome = play(MEANT[fault], seed, strength)
    told = [(f.severity, f.rule, f.device, f.frames[:9]) for f in outcome.findings]
    assert outcome.found, (sorted(outcome.truth)[:20], outcome.device, told)


@pytest.mark.parametrize(("scenario", "seed"), CLEAN)
def test_a_healthy_home_raises_no_alarm(scenario: str, seed: int) -> None:
    grave = [f for f in clean_findings(scenario, seed) if f.severity != "info"]
    assert not grave, [(f.rule, f.device, f.evidence) for f in grave]


def test_the_page_counts_what_was_found() -> None:
    outcome = play(MEANT["clear-key"], *RUNS[0])
    text = page(["clear-key"], [("a day", 1)], lambda *_: outcome, lambda *_: [])
    assert f"| clear-key | {len(RUNS)} of {len(RUNS)} | **transport-key-in-clear** ({len(RUNS)})" in text
    assert "| a day | 1 | none |" in text and "What cannot be told" in text


def test_a_page_takes_the_faults_that_it_does_not_have() -> None:
    outcome = play(MEANT["clear-key"], *RUNS[0])
    text = page(["alert-storm", "weak-link"], [("a day", 1)], lambda *_: outcome, lambda *_: [])
    new = page(["clear-key"], [], lambda *_: outcome, lambda *_: [])
    [line] = [one for one in new.splitlines() if one.startswith("| clear-key")]
    assert "clear-key" in missing(text) and "weak-link" not in missing(text)
    whole = extended(text, [line])
    rows = [one.split(" | ")[0] for one in whole.splitlines() if " of 5 | " in one]
    assert rows == ["| alert-storm", "| clear-key", "| weak-link"]
    assert whole == extended(whole, []) and whole.replace(f"{line}\n", "") == text

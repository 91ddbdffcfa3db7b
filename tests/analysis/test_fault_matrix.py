"""Every fault of the simulated HAN is found by the rule meant for it, with frames that it made.

`make test` plays every fifth fault; all of them with ``HANSCOPE_ALL_FAULTS=1`` (minutes), and with several
seeds by ``python -m tests.analysis.fault_matrix --seeds 5``."""

import os

import pytest

from analysis.findings import rules
from captures.simulated.faults import known
from tests.analysis.fault_matrix import clean_findings, play, rows_meant

MEANT = rows_meant()
PLAYED = sorted(MEANT)[:: 1 if os.environ.get("HANSCOPE_ALL_FAULTS") else 5]


def test_every_fault_has_a_rule_meant_for_it() -> None:
    assert set(MEANT) == set(known())
    ids = {r.id for r in rules()}
    assert not {name for row in MEANT.values() for name in row.rules} - ids


@pytest.mark.parametrize("fault", PLAYED)
def test_fault_is_found(fault: str) -> None:
    outcome = play(MEANT[fault], seed=41)
    told = [(f.severity, f.rule, f.device, f.frames[:9]) for f in outcome.findings]
    assert outcome.found, (sorted(outcome.truth)[:20], outcome.device, told)


@pytest.mark.parametrize("scenario", ["cad-pairing", "key-update"])
def test_a_healthy_home_raises_no_alarm(scenario: str) -> None:
    grave = [f for f in clean_findings(scenario, seed=42) if f.severity != "info"]
    assert not grave, [(f.rule, f.device, f.evidence) for f in grave]

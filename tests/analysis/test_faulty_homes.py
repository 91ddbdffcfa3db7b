"""What goes wrong in homes of another make than the simulator's (`tests/analysis/homes/faults`) is told, of the device that it
happens to, at warning or above.

`make test` plays every ninth fault; all of them, at each strength, with ``HANSCOPE_ALL_FAULTS=1``."""

import os

import pytest

from analysis.rules.registry import rules
from tests.analysis.faulty_homes import FAULTS, play

EVERY = bool(os.environ.get("HANSCOPE_ALL_FAULTS"))
PLAYED = [
    (name, seed, strength)
    for number, (name, one) in enumerate(FAULTS.items())
    for seed, strength in enumerate(one.strengths, 1)
    if EVERY or (number % 9 == 0 and strength == 1.0)
]


def test_faults_name_rules_that_exist() -> None:
    known = {rule.id for rule in rules()}
    assert not {rule for one in FAULTS.values() for rule in one.rules} - known


@pytest.mark.parametrize(("name", "seed", "strength"), PLAYED)
def test_what_goes_wrong_is_told(name: str, seed: int, strength: float) -> None:
    told = play(name, seed, strength)
    assert told.found, [(one.rule, one.device, one.evidence) for one in told.others]

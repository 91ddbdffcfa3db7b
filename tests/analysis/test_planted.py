"""Faults that other code than the simulator's plants in clean captures: each must be told in plain words, at
warning or above, by a rule that is meant for it, with the frames that show it.

`make test` plays every fifth plant; all of them, at every strength, with ``HANSCOPE_ALL_FAULTS=1``."""

import os
import pkgutil
from importlib import import_module

import pytest

from analysis.rules.registry import rules
from tests.analysis import planted
from tests.analysis.planted.catalogue import PLANTS, try_plant

for module in pkgutil.iter_modules(planted.__path__):
    import_module(f"{planted.__name__}.{module.name}")

EVERY = bool(os.environ.get("HANSCOPE_ALL_FAULTS"))
PLAYED = [
    (name, seed, strength)
    for number, (name, one) in enumerate(PLANTS.items())
    for seed, strength in enumerate(one.strengths, 1)
    if EVERY or (number % 5 == 0 and strength == 1.0)
]


def test_plants_name_rules_that_exist() -> None:
    known = {r.id for r in rules()}
    assert not {rule for one in PLANTS.values() for rule in one.rules} - known


@pytest.mark.parametrize(("name", "seed", "strength"), PLAYED)
def test_what_is_planted_is_told(name: str, seed: int, strength: float) -> None:
    one = PLANTS[name]
    told = try_plant(one, seed, strength, list(one.rules))
    assert not told.result.failures
    said = [(f.severity, f.rule, f.device, f.evidence, f.frames[:9]) for f in told.result.findings]
    assert told.found, (sorted(told.truth)[:20], told.device, said)

"""The recipes of rules, played: simulated, decoded and judged as any capture. After `broken_by` the rule finds something,
after `kept_by` it judges, and finds nothing.

A recipe is a command line of `hanscope simulate`; ``planted: NAME`` is a plant of `tests/analysis/planted`, ``talk: NAME``
one of its talks, ``home: NAME`` a fault of `tests/analysis/homes/faults`. Rules that share
a recipe share its playing. `make test` plays those of every rule once; a test of one rule: ``-k ID``."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import pytest

from analysis.cli import main
from analysis.engine.checking import check_capture
from analysis.findings.model import CheckResult, Rule
from analysis.keys.keyfile import read_keys
from analysis.rules.registry import rules
from tests.analysis.faulty_homes import play
from tests.analysis.planted.catalogue import Plant, try_plant
from tests.analysis.planted.talks import TALKS
from tests.analysis.test_planted import PLANTS

PLANTED, TALK, HOME = "planted: ", "talk: ", "home: "
DECLARED = [rule for rule in rules() if rule.broken_by or rule.kept_by]


@cache
def played(recipe: str) -> CheckResult:
    if recipe.startswith(PLANTED):
        return try_plant(PLANTS[recipe.removeprefix(PLANTED)], 1, 1.0).result
    if recipe.startswith(TALK):
        one = TALKS[recipe.removeprefix(TALK)]
        return try_plant(Plant(recipe, (), one.base, (1.0,), one.says), 1, 1.0).result
    if recipe.startswith(HOME):
        return play(recipe.removeprefix(HOME), 1, 1.0).result
    with tempfile.TemporaryDirectory() as folder:
        capture, keys = f"{folder}/home.pcapng", Path(folder) / "keys.toml"
        made = main(["simulate", *recipe.split(), "-o", capture, "--keys-out", str(keys), "--reveal", "-q"])
        assert made == 0, recipe
        return check_capture(capture, read_keys(keys)).result


BROKEN = sorted((rule for rule in DECLARED if rule.broken_by), key=lambda rule: rule.broken_by)
KEPT = sorted((rule for rule in DECLARED if rule.kept_by), key=lambda rule: rule.kept_by)
"""By recipe: those that follow each other are played by one worker, and once."""


@pytest.mark.parametrize("rule", BROKEN, ids=lambda rule: rule.id)
def test_what_breaks_it_is_found(rule: Rule) -> None:
    result = played(rule.broken_by)
    assert rule.id not in result.failures, result.failures[rule.id]
    assert any(finding.rule == rule.id for finding in result.findings), rule.broken_by


@pytest.mark.parametrize("rule", KEPT, ids=lambda rule: rule.id)
def test_what_keeps_it_passes(rule: Rule) -> None:
    states = {verdict.state for verdict in played(rule.kept_by).verdicts if verdict.rule == rule.id}
    assert states == {"pass"}, (rule.kept_by, states)

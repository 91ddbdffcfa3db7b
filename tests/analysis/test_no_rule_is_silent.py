"""No rule is ever silent: what breaks it fails or warns, what keeps it passes, and where there is nothing to
judge it says what the capture would have to hold. Held for every rule, over the cases of its own test."""

from typing import Any

import pytest

from analysis.engine.checking import check
from analysis.findings.model import Rule
from analysis.rules.registry import rules
from tests.analysis.frames import decoded, packet
from tests.analysis.test_rules_are_tested import HERE, loaded

BY_ID = {r.id: r for r in rules()}


def pairs() -> dict[str, tuple[Any, Any]]:
    """Tables that break and tables that keep, of the rules whose test has them ready."""
    out: dict[str, tuple[Any, Any]] = {}
    for path in sorted(HERE.rglob("test_*_rules.py")):
        cases = getattr(loaded(path), "CASES", {})
        ready = cases.items() if isinstance(cases, dict) else ()
        out |= {rule: pair for rule, pair in ready if all(map(callable, pair)) and rule in BY_ID}
    return out


PAIRS = pairs()


def states(rule: Rule, tables: Any) -> set[str]:
    tables = decoded(tables) if isinstance(tables, list) else tables
    result = check(tables, rules=[rule.id])
    assert result.verdicts and not result.failures, (rule.id, result.failures)
    assert all(v.text and v.subject for v in result.verdicts)
    return {v.state for v in result.verdicts}


@pytest.mark.parametrize("rule", rules(), ids=lambda r: r.id)
def test_nothing_to_judge_is_said(rule: Rule) -> None:
    for tables in ({}, decoded([packet(0, aps_type=None, nwk_security="none", nwk_type=None)])):
        result = check(tables, rules=[rule.id])
        assert result.verdicts and not result.failures, result.failures
        for verdict in result.verdicts:
            assert verdict.state == "pass" or (verdict.state == "not seen" and rule.unseen in verdict.text)


@pytest.mark.parametrize("rule", PAIRS)
def test_broken_fails_or_warns_and_kept_passes(rule: str) -> None:
    found = BY_ID[rule]
    wanted = "warn" if found.cap == "warning" else "fail"
    broken, kept = PAIRS[rule]
    baseline = {"differs-from-baseline"} & {rule}
    if not baseline:
        assert wanted in states(found, broken())
        assert states(found, kept()) == {"pass"}


def test_what_is_only_recalled_warns() -> None:
    recalled = [r for r in rules() if r.family == "compliance" and r.confidence == "recalled"]
    assert recalled and all(r.cap == "warning" for r in recalled)

"""Every rule says what a person must know, and has a case that breaks it and a case that keeps it.

Test modules of rules keep their cases under the name ``CASES``, by rule id: a dict of pairs (broken, kept) or
a list of triples (id, broken, kept). A longer story is a test of its own that ends in
``broken_and_kept("id", broken, kept)``. Those modules run their cases; here we see that no rule is left out."""

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from analysis.engine.judging import evidence_of
from analysis.features.view import View
from analysis.findings.model import Rule
from analysis.rules.registry import rules

HERE = Path(__file__).parent
# Rules that have no pair of cases yet, and why. A rule that gets one must go from this table.
UNTESTED: dict[str, str] = {
    "differs-from-fleet": "the fleet says it of a whole home: tests/analysis/test_fleet.py",
}
HELPER = "broken_and_kept"


def loaded(path: Path) -> ModuleType:
    name = "cases_of_" + "_".join(path.relative_to(HERE).with_suffix("").parts)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tables(tree: ast.Module) -> Iterator[ast.expr]:
    """Names at the head of the module that are given a value."""
    for node in tree.body:
        yield from node.targets if isinstance(node, ast.Assign) else ()
        yield from (node.target,) if isinstance(node, ast.AnnAssign) else ()


def in_cases(cases: Any) -> Iterator[str]:
    rows = cases.items() if isinstance(cases, dict) else ((rule, pair) for rule, *pair in cases)
    for rule, pair in rows:
        assert len(pair) == 2, f"{rule}: a case is what breaks the rule and what keeps it"
        yield rule


def in_calls(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id != HELPER:
            continue
        if len(node.args) == 3 and isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value)


def with_cases() -> set[str]:
    """Ids of the rules that some test breaks and keeps."""
    out: set[str] = set()
    for path in sorted(HERE.rglob("test_*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        out |= set(in_calls(tree))
        if any(isinstance(t, ast.Name) and t.id == "CASES" for t in tables(tree)):
            out |= set(in_cases(loaded(path).CASES))
    return out


@pytest.mark.parametrize("rule", rules(), ids=lambda r: r.id)
def test_a_rule_says_what_a_person_must_know(rule: Rule) -> None:
    assert rule.source and rule.confidence and rule.advice and rule.requires
    assert len(rule.explanation) >= 40
    ways = bool(rule.judge) + bool(rule.function)
    assert ways == (rule.id not in UNTESTED), (
        "judged in one way; not over tables at all only where another test plays it"
    )
    assert rule.judge is None or (rule.example and rule.broken_by and rule.kept_by)


@pytest.mark.parametrize("rule", rules(), ids=lambda r: r.id)
def test_where_nothing_is_a_rule_says_nothing(rule: Rule) -> None:
    """Tables that are there may still hold none of the rows that it declares."""
    assert not list(evidence_of(rule, View.of({"packets": None}), rule.parameters))


def test_every_rule_is_broken_and_kept_by_a_test() -> None:
    known, done = {r.id for r in rules()}, with_cases()
    assert done <= known, f"cases of rules that do not exist: {sorted(done - known)}"
    assert known - done <= set(UNTESTED), f"no broken and kept case: {sorted(known - done - set(UNTESTED))}"
    assert not done & set(UNTESTED), "they are tested by now: take them out of UNTESTED"
    assert all(UNTESTED.values()) and set(UNTESTED) <= known


def test_the_collector_sees_a_rule_without_cases() -> None:
    tree = ast.parse('def test_x() -> None:\n    broken_and_kept("one", bad, good)\n    check(bad, "two")')
    assert list(in_calls(tree)) == ["one"]
    assert list(in_cases({"a": (1, 2)})) == list(in_cases([("a", 1, 2)])) == ["a"]

"""What every case of a rule must do: what breaks it is found, what keeps it passes."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from analysis.engine.checking import check
from tests.analysis.frames import decoded

Case = tuple[Callable[[], Any], Callable[[], Any]]


def finds(rule: str, tables: Any) -> None:
    """The rule finds its fault in `tables` (or rows of packets), in words and (but for the devices' own
    table) with frames."""
    result = check(decoded(tables) if isinstance(tables, list) else tables, rules=[rule])
    assert not result.failures, result.failures
    assert [f.rule for f in result.findings][:1] == [rule], [v.text for v in result.verdicts]
    assert all(f.evidence and "nan" not in f.evidence.split() for f in result.findings)
    assert result.findings[0].frames or rule == "device-log-capacity"


def passes(rule: str, tables: Any) -> None:
    """The rule judges the healthy twin, and says that all is well."""
    result = check(decoded(tables) if isinstance(tables, list) else tables, rules=[rule])
    assert not result.failures, result.failures
    assert not result.findings, [f.evidence for f in result.findings]
    assert {v.state for v in result.verdicts} == {"pass"}, [v.text for v in result.verdicts]


def each_of(cases: Mapping[str, Case]) -> Callable[[str], None]:
    """The test of a module's cases: what breaks each rule is found, and what keeps it passes."""

    @pytest.mark.parametrize("rule", cases)
    def test_broken_and_kept(rule: str) -> None:
        broken, kept = cases[rule]
        finds(rule, broken())
        passes(rule, kept())

    return test_broken_and_kept

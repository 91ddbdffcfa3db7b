"""All alert codes of the tables, each built as a message of the meter, carried through a tunnel, decoded and told."""

from functools import cache

import pytest

from analysis.rules.alerts.meanings import classes
from dissectors.gbcs import AlertCode, alert_codes
from tests.analysis.planted.catalogue import try_plant
from tests.analysis.test_planted import PLANTS

RULES = {about: row["rule"] for row in classes() for about in row["classes"].split("; ")}


@cache
def told() -> dict[int, list[tuple[str, str, str]]]:
    """Rule, severity and sentence by code."""
    rules = sorted(set(RULES.values()))
    result = try_plant(PLANTS["every alert that there is"], 1, 1.0, rules).result
    assert not result.failures
    out: dict[int, list[tuple[str, str, str]]] = {}
    for found in result.findings:
        code = int(found.evidence.partition(" alert ")[2][:6], 16)
        out.setdefault(code, []).append((found.rule, found.severity, found.evidence))
    return out


@pytest.mark.parametrize("one", alert_codes().values(), ids=lambda one: f"{one.code:04x}")
def test_an_alert_is_told_by_its_meaning(one: AlertCode) -> None:
    # codes that the home of the test sends by itself are told with those
    [(rule, severity, text)] = told()[one.code]
    assert (rule, severity) == (RULES[one.about], one.severity)
    assert one.name in text and one.check in text and " to " in text


def test_the_table_of_alerts_is_whole() -> None:
    assert len(alert_codes()) >= 190
    for one in alert_codes().values():
        assert one.about in RULES and one.severity in ("warning", "info"), one
        assert one.check and one.source and one.critical in ("yes", "no", "log only", ""), one
        assert one.paired_with is None or one.paired_with in alert_codes(), one

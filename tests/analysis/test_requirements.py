"""The accounting table: every row of the tables of facts has a rule, or says why it has none."""

import csv
from importlib import resources

from analysis.rules.registry import rules


def table() -> list[dict[str, str]]:
    text = (resources.files("analysis.rules.compliance") / "requirements.csv").read_text("utf-8")
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))


def test_every_requirement_has_a_rule_or_a_reason() -> None:
    rows, covered = table(), {source for rule in rules() for source in rule.covers}
    assert len(rows) == len({r["source"] for r in rows}) == 113 + 42 + 181 + 92
    wrong = [row for row in rows if (row["source"] in covered) == bool(row["why_not"])]
    assert not wrong, wrong[:5]


def test_rules_cover_rows_that_there_are() -> None:
    strange = {source for rule in rules() for source in rule.covers} - {row["source"] for row in table()}
    assert not strange, sorted(strange)


def test_there_are_enough_merged_rules() -> None:
    assert len(rules()) >= 150
    assert sum(not row["why_not"] for row in table()) >= 300

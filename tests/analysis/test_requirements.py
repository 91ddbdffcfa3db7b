"""The accounting table: every row of the tables of facts has a rule, or says why it has none."""

import csv
from importlib import resources

from analysis.findings.model import CONFIDENCES
from analysis.rules.registry import rules


def table() -> list[dict[str, str]]:
    text = (resources.files("analysis.rules.compliance") / "requirements.csv").read_text("utf-8")
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))


def test_every_requirement_has_a_rule_or_a_reason() -> None:
    rows = table()
    assert len(rows) == len({r["source"] for r in rows}) == 113 + 42 + 181 + 92
    for row in rows:
        assert bool(row["rules"]) != bool(row["why_not"]), row
        assert not row["rules"] or row["confidence"] in CONFIDENCES


def test_the_table_is_that_of_the_rules() -> None:
    told = {(row["source"], rule) for row in table() for rule in row["rules"].split()}
    known = {(source, rule.id) for rule in rules() for source in rule.merges}
    assert told == known, sorted(told ^ known)[:10]


def test_there_are_enough_merged_rules() -> None:
    assert len(rules()) >= 150
    assert sum(bool(row["rules"]) for row in table()) >= 300

"""What goes wrong at the steps of joining and installing (`steps_told.csv`): each row names rules, and plays, that there are."""

import csv
from pathlib import Path

import pytest

from analysis.rules.registry import rules
from captures.simulated.faults import known
from tests.analysis.test_planted import PLANTS

with Path(__file__).with_name("steps_told.csv").open(newline="", encoding="utf-8") as lines:
    ROWS = list(csv.DictReader(line for line in lines if not line.startswith("#")))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['step']}: {row['fault']}")
def test_a_row_names_what_there_is(row: dict[str, str]) -> None:
    assert None not in row and row["step"] and row["role"] and row["fault"] and row["source"]
    assert row["how"] in ("told", "in part", "not") and bool(row["why"]) == (row["how"] != "told")
    assert bool(row["by"]) == (row["how"] != "not")
    assert not set(row["by"].split()) - {rule.id for rule in rules()}
    kind, _, name = row["plays"].partition("planted: ")
    assert not row["plays"] or kind in known() or name in PLANTS

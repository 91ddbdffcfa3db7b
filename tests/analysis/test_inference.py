"""Traffic told without keys: right in most cases, and stated on a page of the documentation."""

import pytest

from analysis.features.inference import KINDS
from tests.analysis.traffic_truth import PAGE, compared

LEAST = 5  # frames of a kind, to judge how well it is told


@pytest.mark.parametrize("scenario", ["prepayment", "firmware-update"])
def test_uses_are_told_without_keys(scenario: str) -> None:
    table = compared(scenario, 65, None)
    for name, row in table.iterrows():
        if row["are"] >= LEAST:
            assert row["right"] >= 0.75 * row["are"], (name, row.to_dict())
        if row["told"] >= LEAST:
            assert row["right"] >= max(KINDS[str(name)].confidence - 0.1, 0.5) * row["told"], (
                name,
                row.to_dict(),
            )


def test_the_page_states_every_use() -> None:
    lines = PAGE.read_text("utf-8").splitlines()
    assert {line.split(" | ")[0].removeprefix("| ") for line in lines if line.startswith("| ")} - {
        "use"
    } == set(KINDS)

"""Every rule is played on decoded traffic: `played.csv` says by what, or why by nothing.

A rule that was only ever given rows made from its own pattern may be dumb: it names a field that no frame has. So here
stands for each rule a scenario or a fault of the simulated home after which it judges (all of them with
``HANSCOPE_ALL_FAULTS=1``), a plant of `tests/analysis/planted`, one of its talks, or a fault of
`tests/analysis/homes/faults`: frames made by our builders, put
into a simulated capture, and read by the decoder."""

import csv
import os
from functools import cache
from pathlib import Path

import pytest

from analysis.rules.registry import rules
from captures.simulated.remote.answers import GBZ_VALUES
from captures.simulated.scenarios import SCENARIOS
from dissectors.gbcs import Keystore
from dissectors.gbcs.building.templates import response_payload
from dissectors.gbcs.sealing import MessageHeader
from tests.analysis.fault_matrix import rows_meant
from tests.analysis.faulty_homes import FAULTS
from tests.analysis.planted.talks import TALKS, judged
from tests.analysis.test_planted import PLANTS

PLAYED = Path(__file__).with_name("played.csv")
EVERY = bool(os.environ.get("HANSCOPE_ALL_FAULTS"))


@cache
def rows() -> dict[str, dict[str, str]]:
    with PLAYED.open(newline="", encoding="utf-8") as lines:
        return {r["rule"]: r for r in csv.DictReader(line for line in lines if not line.startswith("#"))}


def test_every_rule_is_played_or_says_why_not() -> None:
    known = {r.id for r in rules()}
    assert set(rows()) == known, (sorted(known - set(rows())), sorted(set(rows()) - known))
    where = {
        "scenario": set(SCENARIOS),
        "fault": set(rows_meant()),
        "plant": set(PLANTS),
        "talk": set(TALKS),
        "home": set(FAULTS),
    }
    for rule, row in rows().items():
        if row["by"] == "none":
            assert len(row["name"]) > 20, rule
        else:
            assert row["name"] in where[row["by"]], row


@pytest.mark.parametrize("rule", [r for r, row in rows().items() if row["by"] == "talk"])
def test_a_talk_makes_it_judge(rule: str) -> None:
    assert rule in judged(rows()[rule]["name"])


@pytest.mark.skipif(not EVERY, reason="the whole matrix: HANSCOPE_ALL_FAULTS=1")
@pytest.mark.parametrize("by", ["scenario", "fault"])
def test_scenarios_and_faults_make_them_judge(by: str) -> None:
    from captures.simulated.scenarios import simulate
    from tests.analysis.fault_matrix import RUNS
    from tests.analysis.worse_heard import Sniffer, checked_han

    heard = Sniffer(0.0, 0.0)
    dumb = {}
    for name in sorted({row["name"] for row in rows().values() if row["by"] == by}):
        wanted = {rule for rule, row in rows().items() if (row["by"], row["name"]) == (by, name)}
        meant = rows_meant().get(name)
        han = (
            simulate(name, seed=900)
            if by == "scenario" or meant is None
            else simulate(meant.scenario, seed=RUNS[0][0], seconds=meant.seconds, faults=[name])
        )
        states = {v.rule for v in checked_han(han, heard, 1).verdicts if v.state != "not seen"}
        dumb |= {name: wanted - states} if wanted - states else {}
    assert not dumb, dumb


def test_no_value_that_a_simulated_answer_gives_goes_astray() -> None:
    """Values are named by component and attribute: what the template does not know would be lost without a word."""
    for code, given in GBZ_VALUES.items():
        header = MessageHeader(2, 1, bytes(8), bytes(8), code)
        payload = response_payload(code, header, Keystore(bytes(8)), given)
        for (_, attribute), value in given.items():
            assert attribute.to_bytes(2, "little") + b"\x00\x21" + value.to_bytes(2, "little") in payload

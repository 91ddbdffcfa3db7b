"""A live source judges a rule again when rows have come that it awaits: what wakes it is what a look at everything finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from analysis.engine.checking import Checking
from analysis.engine.rounds import UNASKED, UNASKED_MOST, Rounds
from analysis.engine.selections import Selections
from analysis.engine.waking import ASKED, Waking
from analysis.features.view import View
from analysis.keys.keyfile import read_keys
from analysis.pipeline.heard_tables import HeardTables
from analysis.pipeline.passes import DecodedBlock, DecodePass
from analysis.pipeline.runner import run_passes
from analysis.pipeline.sinks import Sink
from analysis.rules.declare import ClusterCommands, RuleError
from captures.simulated.scenarios.samples import FOLDER


class Blocks(Sink):
    """What decoding gave, a few frames at a time, with the tables that come as a whole."""

    def restart(self, decode_pass: DecodePass) -> None:
        self.given: list[tuple[dict[str, Any], int]] = []

    def take(self, block: DecodedBlock) -> None:
        if not block.last:
            self.given.append((block.batches | block.decode_pass.snapshot_tables(), block.frames))


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[dict[str, Any], int]]:
    place = tmp_path_factory.mktemp("keys") / "keys.toml"
    place.touch(mode=0o600)
    place.write_text((FOLDER / "install-day.keys.toml").read_text("utf-8"), "utf-8")
    blocks = Blocks()
    run_passes(Path(FOLDER / "install-day.pcapng"), read_keys(place), blocks, block_frames=16)
    return blocks.given


def rows_of(checking: Checking, view: View) -> dict[str, int]:
    """How many rows each rule awaits, of all that there are; of those rules that await any."""
    every = view.once(Selections)
    out = {}
    for rule in checking.rules:
        values = checking.settings.parameters(rule.id, rule.parameters)
        asked = [rows if rows.of is None else type(rows)(rows.table, rows.of) for rows in rule.awaits]
        if asked:
            out[rule.id] = sum(len(every.selected(rows.bound(values))) for rows in asked)
    return out


def test_rules_wake_when_the_rows_that_they_await_have_come_and_not_else(given: Any) -> None:
    checking, heard = Checking(), HeardTables()
    waking = Waking(checking)
    before: dict[str, int] = {}
    slept = 0
    for batches, frames in given:
        heard.take(batches, frames)
        at = heard.heard()
        view = View.of(at.window.tables)
        awake = waking.woken(at, view)
        now = rows_of(checking, view)
        for rule in checking.rules:
            asked = {table for rows in rule.awaits for table in rows.tables}
            by_table = not at.grown.isdisjoint(set(rule.needs) - asked)
            if rule.id in now and not by_table:
                # Who is whose hub, and in what role, may be learnt later than the rows that say it.
                grew = now[rule.id] > before.get(rule.id, 0)
                roles = any("OfHub" in repr(rows) or "OfRole" in repr(rows) for rows in rule.awaits)
                # What is new in a short table is not known: any of its rows that fits wakes.
                short = any(rows.table not in ASKED for rows in rule.awaits)
                assert (rule.id in awake) == grew or roles or short, rule.id
            else:
                assert (rule.id in awake) == by_table, rule.id
        slept += len(checking.rules) - len(awake)
        before = now
    assert slept > len(checking.rules) * len(given) / 2


def test_what_came_before_a_moment_comes_again_when_the_source_goes_back_to_it(given: Any) -> None:
    heard = HeardTables()
    heard.take(*given[0])
    heard.mark(1)
    heard.take(*given[1])
    heard.heard()
    heard.back(1)
    at = heard.heard()
    assert at.fresh["packets"] == len(at.window.tables["packets"]) == given[0][1]


def test_a_rule_about_a_cluster_that_there_is_not_is_told_when_it_is_written() -> None:
    with pytest.raises(RuleError, match="OTA Upgrade"):
        ClusterCommands("OTA Upgrades")


def test_a_rule_that_says_the_same_is_asked_less_often_until_its_rows_come(given: Any) -> None:
    heard, checking = HeardTables(), Checking(chosen=["network-silent"])
    heard.take(*given[0])
    rounds, (rule,) = Rounds(heard, checking, lambda told: None), checking.rules
    view = rounds._look()
    rounds._due.clear()
    for _ in range(6):
        rounds._judge(rule, view)
    assert rounds._unasked[rule.id] == UNASKED_MOST
    rounds._due.add(rule.id)
    rounds._judge(rule, view)
    assert rounds._unasked[rule.id] == UNASKED

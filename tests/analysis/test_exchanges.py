"""Exchanges: what belongs together, what became of it, and that blocks change nothing of it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pandas as pd
import pytest

from analysis.keys.homes import keys_of_home
from analysis.pipeline.decode import Decoded, decode
from captures.memory import Frames
from captures.simulated.scenarios import simulate
from captures.simulated.scenarios.catalogue import stage
from captures.simulated.scenarios.recording import truth_rows


@cache
def home(name: str, *faults: str, seconds: float = 900) -> Any:
    return simulate(name, seconds=seconds, faults=faults)


@cache
def decoded(name: str, *faults: str, seconds: float = 900) -> Decoded:
    return decode(home(name, *faults, seconds=seconds))


def kinds(name: str, *faults: str) -> pd.DataFrame:
    return decoded(name, *faults).exchanges


def test_blocks_change_nothing() -> None:
    whole = decoded("install-day")
    cut = decode(home("install-day"), block_frames=97)
    for table in ("packets", "exchanges"):
        assert cut.arrow[table].to_pylist() == whole.arrow[table].to_pylist()


def test_only_what_was_asked_for_is_given() -> None:
    found = decode(home("install-day"), tables=("exchanges",))
    assert len(found.exchanges) and not len(found.packets) and not len(found.messages)


def test_an_installation() -> None:
    found = kinds("install-day")
    joins = found[found.kind == "join"]
    assert (joins.outcome == "ok").all() and len(joins) >= 4
    assert (joins.time_to_answer > 0.4).all()
    keys = found[found.kind == "key-establishment"]
    assert (keys.outcome == "ok").all() and len(keys) == len(joins)


def test_a_transfer_lies_in_a_message_and_that_in_a_tunnel() -> None:
    found = kinds("install-day").set_index("exchange")
    transfer = found[found.kind == "transfer"].iloc[0]
    message = found.loc[transfer.parent]
    assert message.kind == "gbcs" and found.loc[message.parent].kind == "tunnel"
    assert found.loc[message.parent].frames >= message.frames >= transfer.frames


def test_every_exchange_has_the_frames_that_name_it() -> None:
    one = decoded("install-day")
    found = one.exchanges.set_index("exchange")
    counts = one.packets.groupby("exchange").frame.agg(["count", "min", "max"])
    leaves = found[found.kind.isin(["zcl", "zdp", "delivery", "transfer", "poll"])]
    assert (leaves.frames == counts["count"].reindex(leaves.index)).all()
    assert (leaves.first_frame == counts["min"].reindex(leaves.index)).all()
    assert set(counts.index) <= set(found.index)


def test_poll_outcomes() -> None:
    polls = kinds("install-day").query("kind == 'poll'")
    assert set(polls.status) <= {"data", "nothing was waiting"}
    assert (polls[polls.status == "data"].time_to_answer < 0.5).all()


@pytest.mark.parametrize("table", ["exchanges", "packets"])
def test_views_have_exchanges(table: str) -> None:
    from analysis.features.view import View

    view = View.of(decoded("install-day"))
    assert len(getattr(view, table)) == len(decoded("install-day").arrow[table])


def test_what_is_open_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.exchanges.tracker.MOST_OPEN", 40)
    monkeypatch.setattr("analysis.exchanges.tracker.MOST_ENTRIES", 4)
    monkeypatch.setattr("analysis.exchanges.tracker.MOST_WORDS", 4)
    found = decode(home("install-day"), block_frames=50)
    whole = decoded("install-day").exchanges
    assert len(found.exchanges) >= len(whole) and set(whole.kind) == set(found.exchanges.kind)


def test_a_clock_that_is_set_ends_nothing() -> None:
    """An hour back in the middle, and one time stamp far off: nothing is told unanswered that was answered."""
    frames = list(home("ordinary-day", seconds=600).captured())
    half = len(frames) // 2
    moved = [
        replace(one, time_ns=one.time_ns - (3600 * 10**9 if number >= half else 0) + (number == 97) * 10**15)
        for number, one in enumerate(frames)
    ]
    found = decode(Frames(moved), keys_of_home(home("ordinary-day", seconds=600)), block_frames=100).exchanges
    assert not len(found[found.outcome == "unanswered"])


def test_unanswered_is_what_was_delivered_and_never_answered() -> None:
    asked = stage("ordinary-day", seconds=600)[0]
    asked.run(100)
    display, hub = asked.node("In-home display"), asked.hub
    asked.do(display.send_zcl(hub, 0x000A, 0x00, b"\x00\x00", general=True))
    asked.run(120)
    found = decode(asked).exchanges.query("outcome != 'ok'")
    assert found.outcome.tolist() == ["unanswered"] and found.name.tolist() == ["Time: Read Attributes"]
    assert (found.initiator.iloc[0], found.responder.iloc[0]) == (display.address, hub.address)


@pytest.mark.parametrize(
    ("status", "outcome"), [(0x00, "unanswered"), (0x96, "ok"), (0x95, "ok"), (0x99, "ok")]
)
def test_the_end_of_an_upgrade_is_answered_only_when_it_is_a_success(status: int, outcome: str) -> None:
    asked = stage("ordinary-day", seconds=600)[0]
    asked.run(100)
    display, hub = asked.node("In-home display"), asked.hub
    body = bytes([status]) + bytes.fromhex("771003000003010000"[:16])
    asked.do(display.send_zcl(hub, 0x0019, 0x06, body))
    asked.run(120)
    found = decode(asked).exchanges.query("name == 'OTA Upgrade: Upgrade End Request'")
    assert found.outcome.tolist() == [outcome]


def test_an_answer_that_was_not_heard_proves_nothing() -> None:
    han = home("ordinary-day", seconds=600)
    rows = [row for row in truth_rows(han) if row["kind"] == "frame"]
    first = next(row["exchange"] for row in rows if row.get("answer") and row["frame"] > 200)
    deaf = {row["frame"] for row in rows if row.get("exchange") == first and row.get("answer")}
    heard = [one for number, one in enumerate(han.captured(), 1) if number not in deaf]
    (found,) = decode(Frames(heard), keys_of_home(han)).exchanges.query("outcome != 'ok'").to_dict("records")
    assert (found["outcome"], found["missing"]) == ("incomplete", "answer")

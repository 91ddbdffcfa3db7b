"""Every exchange of a simulated home's truth is a row, with its frames, its outcome and its time to answer."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import pandas as pd
import pytest

from analysis.cli.verbs.demo import FAULTS
from analysis.pipeline.decode import decode
from captures.simulated.scenarios import simulate
from captures.simulated.scenarios.recording import truth_rows

HOMES: dict[str, tuple[str, float, tuple[str, ...]]] = {
    "demo": ("install-day", 1300.0, FAULTS),
    "firmware": ("firmware-update", 1200.0, ()),
    "swap": ("hub-swap", 900.0, ()),
    "prepayment": ("prepayment", 2500.0, ()),
}
FRAMES = ("zcl", "zdp", "delivery", "poll")
UNPROVED = ("incomplete", "running")
"""What a table may say of an exchange that broke off in the air, or whose answer was still due at the end."""


class Home:
    """A home's truth, and the tables of what was heard of it."""

    def __init__(self, name: str, seconds: float, faults: tuple[str, ...]) -> None:
        home = simulate(name, seconds=seconds, faults=faults)
        rows = list(truth_rows(home))
        self.truth = [row for row in rows if row["kind"] == "exchange"]
        self.frames = {row["frame"]: row for row in rows if row["kind"] == "frame"}
        self.messages = {row["message"]: row for row in rows if row["kind"] == "message"}
        tables = decode(home)
        self.exchanges = tables.exchanges.set_index("exchange")
        packets = tables.packets
        packets = packets[packets.fcs_ok.fillna(True)]
        self.of_frame: dict[int, int] = packets.set_index("frame").exchange.dropna().to_dict()

    def around(self, frames: Iterable[int], kinds: tuple[str, ...]) -> set[int]:
        """The exchanges of some kinds that frames lie in."""
        out = set()
        for frame in frames:
            number = self.of_frame[frame]
            while self.exchanges.kind[number] not in kinds:
                number = self.exchanges.parent[number]
            out.add(int(number))
        return out

    def rows(self, kind: str) -> Iterable[tuple[dict[str, Any], list[int]]]:
        """Exchanges of a type that no fault made, with their frames that were heard whole."""
        for row in self.truth:
            frames = [one for one in row["frames"] if self.frames[one]["fcs_good"]]
            if row["type"] == kind and frames and not any(self.frames[one]["faults"] for one in frames):
                yield row, frames


@cache
def home(name: str) -> Home:
    return Home(*HOMES[name])


@pytest.mark.parametrize("name", HOMES)
@pytest.mark.parametrize("kind", FRAMES)
def test_exchanges_of_frames(name: str, kind: str) -> None:
    here, same = home(name), {"delivery": ("delivery", "transfer")}
    for row, frames in here.rows(kind):
        (number,) = here.around(frames, same.get(kind, (kind,)))
        found = here.exchanges.loc[number]
        assert found.outcome == row["outcome"] or (
            row["outcome"] == "undelivered" and found.outcome in UNPROVED
        )
        assert (found.initiator, found.responder) == (row["initiator"], row["responder"])
        if kind in ("zcl", "zdp") and "time_to_answer" in row:
            assert found.time_to_answer == pytest.approx(row["time_to_answer"], abs=1e-6)


@pytest.mark.parametrize("name", HOMES)
def test_messages(name: str) -> None:
    here = home(name)
    for row in (row for row in here.truth if row["type"] == "gbcs"):
        heard = [
            here.messages[number]["frames"] for number in row["messages"] if here.messages[number]["frames"]
        ]
        if not heard:
            continue
        (number,) = here.around((frame for frames in heard for frame in frames), ("gbcs",))
        found = here.exchanges.loc[number]
        assert found.outcome == row["outcome"] or (
            row["outcome"] == "unanswered" and found.outcome in UNPROVED
        )
        if len(heard) == 2:
            asked, answered = (here.frames[min(frames)]["time_ns"] for frames in heard)
            assert found.time_to_answer == pytest.approx((answered - asked) / 1e9, abs=1e-6)


@pytest.mark.parametrize("name", HOMES)
@pytest.mark.parametrize("kind", ["join", "rejoin", "key-establishment", "tunnel", "ota"])
def test_sessions(name: str, kind: str) -> None:
    here = home(name)
    known = pd.DataFrame([row for row in here.truth if row["type"] == kind], dtype=object)
    found = here.exchanges[here.exchanges.kind == kind].sort_index()
    assert len(found) == len(known)
    for column in ("initiator", "responder", "outcome") if len(known) else ():
        assert found[column].tolist() == known[column].tolist()

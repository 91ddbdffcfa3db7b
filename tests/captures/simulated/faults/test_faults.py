"""Every fault shows in the truth, and leaves the rest alone."""

import pytest

from captures.simulated.devices.han import Han
from captures.simulated.devices.home import furnish
from captures.simulated.faults import inject, known, plant
from captures.simulated.scenarios import simulate
from captures.simulated.scenarios.recording import truth_rows
from captures.simulated.stack.network import Role


@pytest.mark.parametrize("name", sorted(known()))
def test_every_fault_shows(name: str) -> None:
    """A fault appears in the truth with its frames, and the rest of the capture stays sound."""
    han = simulate("ordinary-day", seed=11, seconds=6000, faults=[name])
    rows = list(truth_rows(han))
    (fault,) = [row for row in rows if row["kind"] == "fault"]
    assert fault["name"] == name and fault["frames"]
    frames = {row["frame"]: row for row in rows if row["kind"] == "frame"}
    assert set(fault["frames"]) <= set(frames)
    sound = [row for row in frames.values() if not row["faults"]]
    assert len(sound) > 3000 and sum(not row["fcs_good"] for row in sound) < len(sound) / 100


def test_a_fault_is_a_process_that_marks_what_it_does() -> None:
    han = Han(seed=3)
    furnish(han)
    for node in han.nodes:
        node.joined = True
    play = inject(han, "fake-beacons", at=1.0)
    han.run(60)
    assert play.row.end_ns is not None and play.row.end_ns > play.row.time_ns >= han.start * 10**9
    assert han.medium.heard and all(one.faults == (play.name,) for one in han.medium.heard)


def test_a_fault_says_what_the_home_lacks() -> None:
    han = Han()
    furnish(han, without=(Role.GSME,))
    with pytest.raises(ValueError, match="needs a GSME"):
        inject(han, "flat-battery")
    with pytest.raises(KeyError):
        inject(han, "no such fault")


def test_the_former_name_of_inject_answers() -> None:
    assert plant is inject


def test_a_fault_before_anybody_joined_is_told() -> None:
    with pytest.raises(ValueError, match="reads-unanswered: no PPMID has joined yet"):
        simulate("install-day", seconds=200, faults=["reads-unanswered"])

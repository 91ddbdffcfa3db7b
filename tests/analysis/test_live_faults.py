"""A home with ten faults in it, judged while it speaks: what stands at the end is what `check` says of the same frames.

Small samples of ``make live-check``."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.live import FAULTS, killed, measure, replay


def test_every_finding_of_check_was_given_live() -> None:
    assert len(FAULTS) == 10
    told = measure("+".join(("ordinary-day", *FAULTS)), 0, 1, 300, None)
    assert told["frames"] > 300 and told["not_shown"] == 0
    assert told["findings_checked"] > 3 and told["findings_live"] == told["findings_checked"]
    assert not told["never_live"] and not told["not_standing"] and not told["only_live"]


def test_a_killed_recording_has_every_frame_that_was_shown(tmp_path: Path) -> None:
    told = killed(1, tmp_path, "install-day", 0)
    assert len(told["frames_in_file"]) == 1 and min(told["frames_shown"]) > 0
    assert told["shown_and_not_in_file"] == 0


def test_a_long_pipe_is_replayed_to_its_end(tmp_path: Path) -> None:
    told = replay(20_000, tmp_path)
    assert told["frames"] == 20_000 and told["memory_mib"]

"""A home with ten faults in it, judged while it speaks: what stands at the end is what `check` says of the same frames."""

from __future__ import annotations

from tests.benchmarks.live import FAULTS, measure


def test_every_finding_of_check_was_given_live() -> None:
    assert len(FAULTS) == 10
    told = measure("+".join(("ordinary-day", *FAULTS)), 0, 1, 300, None)
    assert told["frames"] > 300 and told["not_shown"] == 0
    assert told["findings_checked"] > 3 and told["findings_live"] == told["findings_checked"]
    assert not told["never_live"] and not told["not_standing"] and not told["only_live"]

"""Rules on outliers: what breaks each of them, and what keeps it."""

import random
from importlib import util
from typing import Any

import pytest

from analysis.engine.checking import check
from analysis.rules.anomalies import outliers
from tests.analysis.anomalies.rows import Rows
from tests.analysis.frames import METER, decoded, packet
from tests.analysis.verdicts import Case, each_of, passes

HOURS = 8


def chance(rate: float, seed: int = 5, sender: int = METER, **more: Any) -> Rows:
    """Frames at random moments, `rate` an hour, for eight hours."""
    dice, at, out = random.Random(seed), 0.0, []
    while (at := at + dice.expovariate(rate / 3600)) < HOURS * 3600:
        out.append(packet(at, sender, mac_seq=len(out) % 256, **more))
    return out


def steady(step: float) -> Rows:
    return [packet(n * step, mac_seq=n % 256) for n in range(int(HOURS * 3600 / step))]


def burst(**more: Any) -> Rows:
    return [packet(14_400 + n, mac_seq=n, **more) for n in range(200)]


CASES: dict[str, Case] = {
    "unusual-quarter": (
        lambda: [*chance(60), *burst(aps_type="command", aps_command=5)],
        lambda: chance(60),
    ),
}


test_broken_and_kept = each_of(CASES)


def test_the_reason_names_the_feature_and_by_how_much() -> None:
    [found] = check(decoded(CASES["unusual-quarter"][0]()), rules=["unusual-quarter"]).findings
    assert (
        "APS commands, usually none" in found.evidence
        and "times its usual rate of frames" in found.evidence
        and "deviations" in found.evidence
    )


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("rate", [20, 200, 900])
def test_chance_alone_raises_no_alarm(rate: float, seed: int) -> None:
    passes("unusual-quarter", chance(rate, seed))


def test_what_never_varies_raises_no_alarm() -> None:
    passes("unusual-quarter", steady(10))


def test_few_windows_are_not_judged() -> None:
    result = check(decoded([packet(n * 10) for n in range(100)]), rules=["unusual-quarter"])
    assert {v.state for v in result.verdicts} == {"not seen"} and not result.findings


def test_the_same_capture_gives_the_same_words() -> None:
    one, two = (check(decoded(CASES["unusual-quarter"][0]()), rules=["unusual-quarter"]) for _ in range(2))
    assert [f.evidence for f in one.findings] == [f.evidence for f in two.findings]


def test_without_the_extra_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        outliers, "find_spec", lambda name: None if name == "sklearn" else util.find_spec(name)
    )
    [verdict] = check(decoded(CASES["unusual-quarter"][0]()), rules=["unusual-quarter"]).verdicts
    assert verdict.state == "not seen" and "hanscope[ml]" in verdict.text

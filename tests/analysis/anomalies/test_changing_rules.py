"""Changes of a device's own pace are found where they are, once and several times; chance, constants and few samples
are none. What differs from a good capture is told measure by measure."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from analysis.engine.checking import check
from analysis.findings.model import Finding
from tests.analysis.anomalies.paces import Rows, answers, good, polls, retried
from tests.analysis.frames import METER, decoded, packet

Steps = list[tuple[float, int]]  # level, how many of it


def sent(steps: Steps, chance: random.Random | None = None) -> Rows:
    """Frames so many seconds apart, or so many in the mean."""
    rows, at = [], 0.0
    for pace, count in steps:
        for _ in range(count):
            at += chance.expovariate(1 / pace) if chance else pace
            rows.append(packet(at, mac_seq=len(rows) % 256))
    return rows


def again(steps: Steps, chance: random.Random) -> Rows:
    """Frames of which a share is sent twice."""
    flags = [chance.random() < share for share, count in steps for _ in range(count)]
    return retried(*(n for n, flag in enumerate(flags) if flag), of=len(flags))


def took(steps: Steps, chance: random.Random | None = None) -> Any:
    return answers(
        *(chance.expovariate(1 / mean) if chance else mean for mean, count in steps for _ in range(count))
    )


def found(rule: str, tables: Any, baseline: Any = None) -> list[Finding]:
    tables = decoded(tables) if isinstance(tables, list) else tables
    result = check(tables, rules=[rule], baseline=baseline)
    assert not result.failures, result.failures
    return result.findings


def polled(steps: Steps) -> Rows:
    return [row for row in polls(*steps) if row["mac_command"] == 4]


CHANGES: list[tuple[str, Callable[[Steps], Any], Steps, int]] = [
    ("poll-interval-changed", polled, [(30, 60), (2, 400), (30, 60)], 2),
    ("rate-changed", sent, [(20, 400), (0.5, 800), (20, 400)], 10),
    ("answers-slow", took, [(2, 40), (30, 40), (2, 40)], 1),
    ("retries-changed", lambda steps: again(steps, random.Random(1)), [(0.02, 300), (0.9, 200), (0.02, 300)], 20),
]  # fmt: skip


def places(rule: str, steps: Steps) -> list[int]:
    """The frames at which the levels change, retries and second polls counted."""
    seen, out = 0.0, []
    for level, count in steps[:-1]:
        many = {"poll-interval-changed": 1.1, "retries-changed": 1 + level}.get(rule, 1.0)
        seen += count * many
        out.append(round(seen))
    return out


@pytest.mark.parametrize(("rule", "make", "steps", "near"), CHANGES, ids=[c[0] for c in CHANGES])
def test_changes_are_found_at_their_frames(
    rule: str, make: Callable[[Steps], Any], steps: Steps, near: int
) -> None:
    for part in (steps[:2], steps):
        [told] = found(rule, make(part))
        frames = [int(word.split()[0].strip(",")) for word in told.evidence.split("at frame ")[1:]]
        wanted = places(rule, part)
        assert len(frames) == len(wanted), told.evidence
        assert all(abs(a - b) <= near + 1 for a, b in zip(frames, wanted, strict=True)), (
            wanted,
            told.evidence,
        )
        assert told.frames[0] == frames[0]


@pytest.mark.parametrize("seed", range(5))
def test_chance_is_no_change(seed: int) -> None:
    chance = random.Random(seed)
    assert not found("rate-changed", sent([(10, 2000)], chance))
    assert not found("answers-slow", took([(3, 400)], chance))
    assert not found("retries-changed", again([(0.15, 600)], chance))
    assert not found("poll-interval-changed", [
        {**row, "mac_type": "command", "mac_command": 4} for row in sent([(10, 1000)], chance)
    ])  # fmt: skip


@pytest.mark.parametrize(("rule", "make", "steps", "near"), CHANGES, ids=[c[0] for c in CHANGES])
def test_constants_and_few_samples_are_no_change(
    rule: str, make: Callable[[Steps], Any], steps: Steps, near: int
) -> None:
    assert not found(rule, make([(steps[0][0], 500)]))
    assert not found(rule, make([(level, 4) for level, _ in steps]))


@pytest.mark.parametrize(
    ("now", "before", "says"),
    [
        (polls((1, 600)), polls((10, 60)), "polls every 1.0 s, 10.0 in the good capture"),
        (retried(*range(0, 240, 2)), retried(), "33% retries, 0% in the good capture"),
        (took([(9.0, 40)]), took([(1.0, 40)]), "answers in 9.0 s, 1.0 in the good capture"),
        (
            [packet(n * 2.0, METER, nwk_counter=n * 9, nwk_digest=n) for n in range(120)],
            good(),
            "counter rises by 270.0 a minute, 30.0 in the good capture",
        ),
    ],
    ids=["polls", "retries", "answers", "counter"],
)
def test_the_good_capture_is_compared_measure_by_measure(now: Any, before: Any, says: str) -> None:
    before = decoded(before) if isinstance(before, list) else before
    told = found("differs-from-baseline", now, before)
    assert any(says in f.evidence for f in told), [f.evidence for f in told]
    assert not found("differs-from-baseline", before, before)


def test_two_bands_and_two_levels_that_alternate_are_no_change() -> None:
    bands = [
        packet(n * 2.0, mac_seq=n % 256, channel=20 if n < 100 else 9, rssi=-40 if n < 100 else -70)
        for n in range(200)
    ]
    assert not found("rssi-changed", bands)
    pattern = [-31] * 12 + [-47] * 8
    alternating = [packet(n * 2.0, mac_seq=n % 256, rssi=pattern[n % 20]) for n in range(110)]
    assert not found("rssi-changed", alternating)

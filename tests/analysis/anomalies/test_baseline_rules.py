"""Each rule about a device's own past: a capture with the change, and its twin that only scatters; then the
rules about joining and places that need a longer story."""

import random
from typing import Any

import pytest

from analysis.engine.checking import check
from tests.analysis.anomalies.paces import Rows, answers, good, polls, retried
from tests.analysis.frames import GAS, HUB, METER, SHORTS, STRANGER, decoded, packet

DICE = random.Random(4)


def scattered(level: float, count: int, by: int = 4) -> list[int]:
    return [round(level) + DICE.randint(-by, by) for _ in range(count)]


def levels(column: str, *values: int) -> Rows:
    return [packet(n * 2.0, mac_seq=n % 256, **{column: value}) for n, value in enumerate(values)]


def rates(burst: int = 0, stops: float = 3600.0) -> Rows:
    steady = [packet(n * 20.0, mac_seq=n % 256) for n in range(181) if n * 20.0 <= stops]
    return [*steady, packet(3600, HUB, GAS), *(packet(1801 + n, mac_seq=n % 256) for n in range(burst))]


def shut(regular: bool) -> Rows:
    pauses = [30.0] * 60 if regular else [DICE.choice((3.0, 11.0, 40.0, 170.0)) for _ in range(60)]
    return [
        packet(sum(pauses[:n]), nwk_security="no_key", nwk_key=None, mac_seq=n, length=71)
        for n in range(len(pauses))
    ]


def under_one_address(*senders: int) -> Rows:
    short = {"mac_src": SHORTS[METER], "nwk_src": SHORTS[METER]}
    return [packet(n * 1.0, METER, nwk_sender=eui, nwk_src_eui64=eui, **short) for n, eui in enumerate(senders)]  # fmt: skip


def keyed(comes_in: bool, until: float = 300.0) -> Rows:
    """Four times the network key to the gas meter, which then speaks or not."""
    key = {"aps_type": "command", "aps_command": 5, "aps_security": "no_key", "nwk_security": "none"}
    rows = [packet(n * 10.0, HUB, GAS, mac_seq=n, **key) for n in range(4)]
    rows += [packet(n * 5.0 + 1, METER, HUB, mac_seq=n) for n in range(int(until // 5))]
    return rows + ([packet(45, GAS, HUB)] if comes_in else [])


def leaves(rssi: int) -> Rows:
    data = [packet(n * 1.0, rssi=value, mac_seq=n) for n, value in enumerate(scattered(-60, 40, 2))]
    return data + [packet(50.0 + n, nwk_type="command", nwk_command=4, rssi=rssi) for n in range(3)]


CASES = {
    "poll-interval-changed": (lambda: polls((10, 60), (1, 600)), lambda: polls((10, 120))),
    "rssi-changed": (
        lambda: levels("rssi", *scattered(-55, 60), *scattered(-80, 60)),
        lambda: levels("rssi", *scattered(-60, 120)),
    ),
    "rssi-drifts": (
        lambda: levels("rssi", *(r for n in range(10) for r in scattered(-50 - 2 * n, 120, 2))),
        lambda: levels("rssi", *scattered(-60, 1200, 2)),
    ),
    "lqi-changed": (
        lambda: levels("lqi", *scattered(220, 60), *scattered(90, 60)),
        lambda: levels("lqi", *scattered(200, 120, 30)),
    ),
    "rate-changed": (lambda: rates(burst=250), lambda: rates(burst=30)),
    "retries-changed": (lambda: retried(*range(90, 130)), lambda: retried(*range(0, 240, 8))),
    "answers-slow": (
        lambda: answers(*(2 + n % 3 / 10 for n in range(20)), *(30 + n % 5 for n in range(20))),
        lambda: answers(*(2 + n % 5 for n in range(40))),
    ),
    "traffic-inference": (lambda: shut(True), lambda: shut(False)),
    "differs-from-baseline": (lambda: good(rssi=-85), good),
    "duplicate-address": (
        lambda: under_one_address(METER, STRANGER, METER, STRANGER),
        lambda: under_one_address(METER, METER, STRANGER, STRANGER),
    ),
    "join-fails": (lambda: keyed(False), lambda: keyed(True)),
    "command-from-elsewhere": (lambda: leaves(-90), lambda: leaves(-61)),
}


def run(rule: str, tables: Any) -> Any:
    tables = decoded(tables) if isinstance(tables, list) else tables
    return check(tables, rules=[rule], baseline=decoded(good()))


@pytest.mark.parametrize("rule", CASES)
def test_found_and_quiet(rule: str) -> None:
    found = run(rule, CASES[rule][0]())
    assert not found.failures and found.findings, [v.text for v in found.verdicts]
    assert all(f.frames and f.evidence for f in found.findings)
    quiet = run(rule, CASES[rule][1]())
    assert not quiet.failures and not quiet.findings, [f.evidence for f in quiet.findings]
    assert {v.state for v in quiet.verdicts} == {"pass"}


@pytest.mark.parametrize(
    ("rows", "says", "frames"),
    [
        (good(step=0.25), "frames a minute", True),
        (good() + good(sender=STRANGER), "does not have", True),
        (good(sender=GAS), "not heard", False),
    ],
    ids=["rate", "new", "missing"],
)
def test_what_differs_from_the_good_capture_is_said(rows: Rows, says: str, frames: bool) -> None:
    found = [f for f in run("differs-from-baseline", rows).findings if says in f.evidence]
    assert len(found) == 1
    assert bool(found[0].frames) == frames


def test_a_device_that_stops_is_a_warning() -> None:
    [found] = run("rate-changed", rates(stops=2500)).findings
    assert found.severity == "warning" and "silent in the last" in found.evidence


def test_too_little_is_no_judgement() -> None:
    for rule in CASES.keys() - {"duplicate-address", "differs-from-baseline"}:
        assert {v.state for v in run(rule, [packet(n) for n in range(5)]).verdicts} == {"not seen"}, rule
    assert {v.state for v in check(decoded(good()), rules=["differs-from-baseline"]).verdicts} == {"not seen"}


def test_a_level_that_changes_for_a_while_only_informs() -> None:
    moved = levels("rssi", *scattered(-55, 200), *scattered(-80, 60), *scattered(-55, 200))
    [found] = run("rssi-changed", moved).findings
    assert found.severity == "info" and found.evidence.count("at frame") == 2


def test_the_rhythm_of_days_is_no_change() -> None:
    days = [
        packet(n * 600.0, mac_seq=n % 256, rssi=(-80 if n % 144 > 72 else -55) + DICE.randint(-2, 2))
        for n in range(600)
    ]
    assert not run("rssi-changed", days).findings

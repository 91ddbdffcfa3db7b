"""Rules on gas tunnel: what breaks each of them, and what keeps it."""

from typing import Any

from analysis.engine.checking import check
from tests.analysis.compliance.tunnels import Step, answered, exchange, sent, step
from tests.analysis.frames import GAS, HUB, packet
from tests.analysis.verdicts import Case, each_of


def fetched(seconds: float) -> Step:
    return sent(seconds, "01", GAS, HUB)


def pending(*steps: Step, flags: int = 1 << 21, until: float = 300.0) -> Any:
    told = {
        "frame": 1, "time": packet(10)["time"], "source": HUB, "destination": GAS, "cluster": 0x0702,
        "attribute_name": "FunctionalNotificationFlags", "number": float(flags),
    }  # fmt: skip
    return exchange(step(0, GAS, HUB, "request"), *steps, until=until, attributes=[told])


CASES: dict[str, Case] = {
    "gas-tunnel-header": (
        lambda: exchange(fetched(1), answered(2, "0400")),
        lambda: exchange(fetched(1), answered(2, "0200"), sent(3, "03dd", GAS, HUB), sent(4, "dd00")),
    ),
    "gas-tunnel-unasked": (
        lambda: exchange(fetched(1), answered(2, "0200"), answered(200, "0200")),
        lambda: exchange(fetched(1), answered(2, "0201"), fetched(199), answered(200, "0200")),
    ),
    "gas-tunnel-remaining": (
        lambda: exchange(*(s for n in range(5) for s in (fetched(n * 2), answered(n * 2 + 1, "0203")))),
        lambda: exchange(*(s for n in range(5) for s in (fetched(n * 2), answered(n * 2 + 1, f"020{4 - n}")))),
    ),
    "gas-tunnel-pending": (lambda: pending(), lambda: pending(fetched(40))),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)


def test_a_message_told_of_at_the_very_end_may_still_be_fetched() -> None:
    result = check(pending(until=30.0), rules=["gas-tunnel-pending"])
    assert not result.findings and not result.failures
    assert not check(pending(flags=1 << 20), rules=["gas-tunnel-pending"]).findings

"""Rules on spoofing: what breaks each of them, and what keeps it."""

from tests.analysis.anomalies.rows import Rows
from tests.analysis.frames import packet
from tests.analysis.verdicts import Case, each_of


def cloned(second: bool) -> Rows:
    rows = [packet(n * 1.0, mac_seq=n, rssi=-50) for n in range(60)]
    return rows + [
        packet(n * 5.0 + 0.5, mac_seq=(n * 7 + 130) % 256, rssi=-80 if second else -50)
        for n in range(12 * second)
    ]


CASES: dict[str, Case] = {
    "cloned-address": (lambda: cloned(True), lambda: cloned(False)),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)

"""Rules on permit join: what breaks each of them, and what keeps it."""

from tests.analysis.anomalies.rows import beacon, command
from tests.analysis.verdicts import Case, each_of

CASES: dict[str, Case] = {
    "permit-join-long": (
        lambda: [beacon(n * 600, permit=True) for n in range(12)],
        lambda: [beacon(n * 600, permit=n < 3) for n in range(12)],
    ),
    "beacon-request-scan": (
        lambda: [command(n, 7) for n in range(30)],
        lambda: [command(n * 10, 7) for n in range(30)],
    ),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)

"""Rules on beacons: what breaks each of them, and what keeps it."""

from tests.analysis.anomalies.rows import Rows, beacon, command, stream
from tests.analysis.verdicts import Case, each_of


def beacons_of_two(bad: bool) -> Rows:
    rows = [*stream(80), *(beacon(n, fcs_ok=not bad) for n in range(10))]
    return rows + [beacon(n + 0.5, epid=5, mac_src_pan=0x2222, fcs_ok=True) for n in range(10)]


CASES: dict[str, Case] = {
    "pan-id-conflict": (lambda: [beacon(0), beacon(1, epid=77)], lambda: [beacon(0), beacon(1)]),
    "pan-id-conflict-report": (lambda: [command(1, 5)], lambda: [command(1, 4)]),
    "beacon-two-voices": (
        lambda: [beacon(n, mac_seq=0xD8) for n in range(5)],
        lambda: [beacon(n, mac_seq=n) for n in range(5)],
    ),
    "beacon-flood": (
        lambda: [beacon(n, epid=n + 1, mac_src_pan=0x3000 + n) for n in range(20)],
        lambda: [beacon(n, epid=n % 3, mac_src_pan=0x3000 + n % 3) for n in range(20)],
    ),
    "beacons-jammed": (lambda: beacons_of_two(True), lambda: beacons_of_two(False)),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)

"""Rules on counters: what breaks each of them, and what keeps it."""

from tests.analysis.anomalies.rows import numbered
from tests.analysis.frames import METER, packet
from tests.analysis.verdicts import Case, each_of

CASES: dict[str, Case] = {
    "nwk-counter-back": (lambda: numbered(100, 101, 5, 6, step=20), lambda: numbered(100, 102, 101, 103, step=2)),
    "aps-counter-back": (
        lambda: [*numbered(1, 2, 3, step=20, aps_security="ok", aps_sender=METER, aps_frame_counter=9), packet(90, aps_security="ok", aps_sender=METER, aps_frame_counter=2)],
        lambda: [packet(t * 20, aps_security="ok", aps_sender=METER, aps_frame_counter=t) for t in range(5)],
    ),
    "counter-near-exhaustion": (lambda: numbered(0x80000001, 0x80000002), lambda: numbered(1, 2)),
    "counter-jump": (lambda: numbered(1, 2, 9_000_000), lambda: numbered(1, 2, 9000)),
    "counter-lockout": (lambda: numbered(100, 101, 900_000, 102, 103, step=20), lambda: numbered(100, 101, 3, 4, step=20)),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)

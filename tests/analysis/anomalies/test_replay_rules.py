"""Rules on replay: what breaks each of them, and what keeps it."""

from tests.analysis.anomalies.rows import numbered
from tests.analysis.frames import METER, packet
from tests.analysis.verdicts import Case, each_of

CASES: dict[str, Case] = {
    "nwk-replay": (
        lambda: [*numbered(*range(10)), packet(30, nwk_counter=3, nwk_digest=1003)],
        lambda: [*numbered(*range(10)), packet(3.02, mac_seq=3, nwk_counter=3, nwk_digest=1003)],
    ),
    "aps-replay": (
        lambda: [packet(t, aps_security="ok", aps_sender=METER, aps_frame_counter=9, aps_digest=9) for t in (0, 90)],
        lambda: [packet(t, aps_security="ok", aps_sender=METER, aps_frame_counter=9, aps_digest=9) for t in (0, 3)],
    ),
    "nonce-reuse": (lambda: numbered(5, 6, 7, 6), lambda: numbered(5, 6, 7, 8)),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)

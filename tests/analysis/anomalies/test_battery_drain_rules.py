"""Rules on battery drain: what breaks each of them, and what keeps it."""

from tests.analysis.anomalies.rows import Rows, acked, command, stream
from tests.analysis.frames import GAS, HUB, packet
from tests.analysis.verdicts import Case, each_of, passes


def polls(kept: bool) -> Rows:
    rows: Rows = []
    for n in range(10):
        poll = command(n * 10.0, 4, sender=GAS, mac_seq=n)
        rows += acked(poll, mac_pending=True)
        if kept:
            rows.append(packet(n * 10.0 + 0.01, HUB, GAS, mac_seq=100 + n))
    return rows


CASES: dict[str, Case] = {
    "pending-without-data": (lambda: polls(False), lambda: polls(True)),
    "junk-frames": (
        lambda: stream(10, HUB, receiver=GAS) + stream(8, HUB, receiver=GAS, length=127, nwk_security="bad_mic"),
        lambda: stream(10, HUB, receiver=GAS) + stream(2, HUB, receiver=GAS, length=127, nwk_security="bad_mic"),
    ),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)


def test_a_poll_that_is_sent_again_is_one_promise() -> None:
    rows = polls(True)
    for copy in range(4):
        rows += acked(command(55.0 + copy * 0.003, 4, sender=GAS, mac_seq=77), mac_pending=True)
    passes("pending-without-data", rows)

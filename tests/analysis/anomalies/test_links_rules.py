"""Rules on links: what breaks each of them, and what keeps it."""

from tests.analysis.anomalies.rows import Rows, acked, stream
from tests.analysis.frames import HUB, METER, packet
from tests.analysis.verdicts import Case, each_of, finds, passes


def retried(answered: bool) -> Rows:
    rows: Rows = []
    for n in range(30):
        first = packet(n * 1.0, mac_seq=n, nwk_counter=n + 1, nwk_digest=n)
        again = packet(n * 1.0 + 0.01, mac_seq=n, nwk_counter=n + 1, nwk_digest=n)
        rows += acked(first) if answered or n > 20 else [first, again]
    return rows


def lost(*places: int) -> Rows:
    """Twenty acknowledged frames, but those of some places sent four times in vain."""
    rows: Rows = []
    for n in range(20):
        one = {"mac_seq": n, "nwk_counter": n + 1, "nwk_digest": n}
        if n in places:
            rows += [packet(n * 1.0 + copy * 0.01, **one) for copy in range(4)]
        else:
            rows += acked(packet(n * 1.0, **one))
    return rows


def polled(copies: int) -> Rows:
    """Polls of the meter that the hub does not acknowledge, each sent so often; the hub is heard meanwhile."""
    rows: Rows = []
    for n in range(8):
        one = {"mac_type": "command", "mac_command": 4, "mac_seq": n, "nwk_digest": None, "nwk_counter": None}
        rows += [packet(60.0 * n + 0.01 * copy, METER, HUB, **one) for copy in range(copies)]
        rows.append(packet(60.0 * n + 5, HUB, None, nwk_counter=n))
    return rows


def acknowledged(times: int) -> Rows:
    rows: Rows = []
    for n in range(8):
        first, ack = acked(packet(n * 1.0, mac_seq=n))
        rows += [first, *(acked(first, 0.001 * (1 + copy))[1] for copy in range(times))]
        assert ack
    return rows


CASES: dict[str, Case] = {
    "missing-acknowledgements": (lambda: retried(False), lambda: retried(True)),
    "retries": (lambda: retried(False), lambda: retried(True)),
    "retry-copies": (
        lambda: [packet(n * 0.01, mac_seq=1, nwk_counter=5, nwk_digest=5) for n in range(12)],
        lambda: [packet(n * 0.01, mac_seq=1, nwk_counter=5, nwk_digest=5) for n in range(4)],
    ),
    "polls-unacknowledged": (lambda: polled(4), lambda: polled(1)),
    "ack-twice": (lambda: acknowledged(2), lambda: acknowledged(1)),
    "weak-signal": (lambda: stream(20, rssi=-95), lambda: stream(20, rssi=-60)),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)


def test_three_lost_frames_are_no_silent_link() -> None:
    passes("missing-acknowledgements", lost(3, 4, 5))
    finds("missing-acknowledgements", lost(*range(3, 11)))

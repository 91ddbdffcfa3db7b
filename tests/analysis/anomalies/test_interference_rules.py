"""Rules on interference: what breaks each of them, and what keeps it."""

from typing import Any

from tests.analysis.anomalies.rows import Rows, acked, stream
from tests.analysis.frames import GAS, METER, packet
from tests.analysis.verdicts import Case, each_of


def damaged(every: int, **more: Any) -> Rows:
    return [packet(n * 0.5, mac_seq=n % 256, fcs_ok=n % every != 0, **more) for n in range(240)]


def by_length(bad: int) -> Rows:
    good = [packet(100 + n, length=bad or 28) for n in range(4)]
    mixed = [
        packet(n, mac_seq=n, length=size, fcs_ok=size != bad) for n in range(20) for size in (28, 60, 90)
    ]
    return good + mixed


def one_jammed(device: int | None) -> Rows:
    """Two devices in turn; a while of `device`, or of both, is damaged."""
    return [
        packet(n, who, mac_seq=n, fcs_ok=not (30 <= n < 60 and device in (who, None)))
        for n in range(90)
        for who in (METER, GAS)
    ]


def jammed_acks(answered: bool) -> Rows:
    rows: Rows = stream(200, start=500)
    for n in range(8):
        bad = packet(n * 5.0, mac_seq=n, fcs_ok=False)
        rows += acked(bad) if answered else [bad]
    return rows


CASES: dict[str, Case] = {
    "bad-fcs-share": (lambda: damaged(3), lambda: damaged(50)),
    "ack-after-damaged-frame": (lambda: jammed_acks(True), lambda: jammed_acks(False)),
    "jamming-of-device": (lambda: one_jammed(METER), lambda: one_jammed(None)),
    "jamming-by-length": (lambda: by_length(28), lambda: by_length(0)),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)

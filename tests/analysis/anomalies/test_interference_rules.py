"""Rules on interference: what breaks each of them, and what keeps it."""

from typing import Any

from tests.analysis.anomalies.rows import Rows, acked, stream
from tests.analysis.frames import GAS, HUB, METER, packet
from tests.analysis.verdicts import Case, each_of, finds, passes


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


def jammed_acks(repeated: bool) -> Rows:
    """Damaged frames that are acknowledged; the sender says the same again, under the APS counter that is next, or
    goes on with the one after."""
    rows: Rows = stream(200, start=500)
    for n in range(8):
        at, number = n * 20.0, n * 2
        rows.append(packet(at, mac_seq=number, aps_type="data", aps_counter=number))
        rows += acked(packet(at + 5, mac_seq=100 + n, fcs_ok=False))
        again = number + 1 + (not repeated)
        rows.append(packet(at + 7, mac_seq=150 + n, aps_type="data", aps_counter=again))
    return rows


def resent_after_ack() -> Rows:
    """Damaged frames that are acknowledged, and that their sender transmits again at once: it never had that
    acknowledgement."""
    rows: Rows = stream(200, start=500)
    for n in range(8):
        rows += acked(packet(n * 5.0, mac_seq=n, fcs_ok=False))
        rows.append(packet(n * 5.0 + 0.02, mac_seq=n))
    return rows


def unanswered_after_ack(answered: bool) -> Rows:
    """A kind of frame that its receiver answers within a second, but for the damaged ones."""
    rows: Rows = []
    for n in range(40):
        damaged = n % 5 == 4
        rows += acked(packet(n * 10.0, mac_seq=n, fcs_ok=not damaged))
        if answered or not damaged:
            rows.append(packet(n * 10.0 + 0.5, HUB, METER, mac_seq=n))
    return [*rows, *stream(200, GAS, start=500)]


CASES: dict[str, Case] = {
    "bad-fcs-share": (lambda: damaged(3), lambda: damaged(50)),
    "ack-after-damaged-frame": (lambda: jammed_acks(True), lambda: jammed_acks(False)),
    "jamming-of-device": (lambda: one_jammed(METER), lambda: one_jammed(None)),
    "jamming-by-length": (lambda: by_length(28), lambda: by_length(0)),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)


def test_a_deceived_sender_is_known_by_what_it_does() -> None:
    finds("ack-after-damaged-frame", resent_after_ack())
    finds("ack-after-damaged-frame", unanswered_after_ack(answered=False))
    passes("ack-after-damaged-frame", unanswered_after_ack(answered=True))


def test_what_a_radio_makes_of_noise_is_no_damage() -> None:
    """Octets with a wrong check sequence, of PANs that nobody has."""
    good = [packet(n * 0.5, mac_seq=n % 256) for n in range(240)]
    noise = [packet(n * 0.5 + 0.1, length=90, fcs_ok=False, mac_dst_pan=5000 + n) for n in range(120)]
    longer = [packet(n * 2.0, mac_seq=n, length=100) for n in range(20)]
    rows = sorted([*good, *noise, *longer], key=lambda one: one["time"])
    passes("bad-fcs-share", rows)
    passes("jamming-by-length", rows)

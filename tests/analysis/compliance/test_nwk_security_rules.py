"""Rules on nwk security: what breaks each of them, and what keeps it."""

from typing import Any

from tests.analysis.anomalies.rows import Rows, key_frame, stream
from tests.analysis.frames import GAS, HUB, packet
from tests.analysis.verdicts import Case, each_of, finds, passes


def asked_to_rejoin(**key: Any) -> Rows:
    rejoin = packet(0.5, GAS, HUB, nwk_type="command", nwk_command=6, nwk_security="none", nwk_sender=None)
    return [rejoin, *key_frame(**key)]


CASES: dict[str, Case] = {
    "nwk-unsecured-frame": (lambda: stream(3, nwk_security="none"), lambda: stream(3)),
    "rejoin-unsecured": (lambda: asked_to_rejoin(), lambda: [packet(1, GAS, nwk_command=6)]),
    "rejoin-key-well-known": (lambda: asked_to_rejoin(aps_key="well-known"), lambda: asked_to_rejoin()),
    "leave-unsecured": (
        lambda: [packet(1, HUB, nwk_command=4, nwk_security="none")],
        lambda: [packet(1, HUB, nwk_command=4)],
    ),
    "mic-fails": (lambda: stream(5) + stream(2, start=9, nwk_security="bad_mic"), lambda: stream(5)),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)


def test_without_check_sequences_only_what_fails_in_a_row_is_no_damage() -> None:
    def heard(*bad: int) -> Rows:
        return [
            packet(n, GAS, HUB, aps_type="data", aps_security="bad_mic" if n in bad else "ok", fcs_ok=None)
            for n in range(40)
        ]

    finds("mic-fails", heard(*range(20, 26)))
    passes("mic-fails", heard(3, 9, 17, 18, 30))

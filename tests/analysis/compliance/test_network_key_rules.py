"""Rules on network key: what breaks each of them, and what keeps it."""

from typing import Any

from tests.analysis.compliance.rows import aps_command, at, home
from tests.analysis.frames import packet
from tests.analysis.verdicts import Case, each_of, finds, passes


def request_key(kind: int) -> Any:
    asks = {"frame": 2, "time": at(1), "layer": "aps", "command": 0x08, "field": "key_type", "number": kind}
    return home(packet(1, aps_type="command", aps_command=0x08), commands=[asks])


CASES: dict[str, Case] = {
    "zigbee-3-key-update": (lambda: aps_command(0x0F), lambda: aps_command(0x05)),
    "key-sequence-old": (
        lambda: [packet(t, nwk_key_seq=s) for t, s in ((0, 0), (10, 1), (40, 0))],
        lambda: [packet(t, nwk_key_seq=s) for t, s in ((0, 0), (10, 1), (40, 1))],
    ),
    "key-sequence-unannounced": (
        lambda: [packet(t, nwk_key_seq=s) for t, s in ((0, 0), (10, 1), (11, 1))],
        lambda: [packet(t, nwk_key_seq=s, aps_command=9 if t == 5 else None) for t, s in ((0, 0), (5, 0), (10, 1), (11, 1))],
    ),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)


def test_only_a_request_for_the_trust_centres_key_is_of_the_update() -> None:
    finds("zigbee-3-key-update", request_key(0x04))
    passes("zigbee-3-key-update", request_key(0x02))

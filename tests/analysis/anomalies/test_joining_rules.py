"""Rules on joining: what breaks each of them, and what keeps it."""

from typing import Any

from tests.analysis.anomalies.rows import command, stream
from tests.analysis.frames import GAS, HUB, METER, STRANGER
from tests.analysis.verdicts import Case, each_of


def associate(seconds: float, eui: int) -> dict[str, Any]:
    return command(seconds, 1, mac_src=eui, mac_src_mode="extended", nwk_sender=None)


CASES: dict[str, Case] = {
    "association-flood": (
        lambda: [associate(n, 0x1111_0000_0000_0000 + n) for n in range(15)],
        lambda: [associate(n * 60, 0x1111_0000_0000_0000 + n) for n in range(15)],
    ),
    "association-of-present-device": (
        lambda: [*stream(20), associate(10.5, METER)],
        lambda: [*stream(20), associate(90, METER)],
    ),
    "association-answer-rogue": (
        lambda: [command(n, 2, sender=s, mac_dst=GAS, mac_dst_mode="extended") for n, s in enumerate((HUB, STRANGER))],
        lambda: [command(n, 2, sender=HUB, mac_dst=GAS, mac_dst_mode="extended") for n in range(2)],
    ),
    "key-request-polls": (
        lambda: [command(0, 2, sender=HUB)] + [command(0.1 + n / 20, 4, mac_seq=n, mac_ack_request=True) for n in range(20)],
        lambda: [command(0, 2, sender=HUB)] + [command(0.1 + n, 4, mac_seq=n, mac_ack_request=True) for n in range(20)],
    ),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)

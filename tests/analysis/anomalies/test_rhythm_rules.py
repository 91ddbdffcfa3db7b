"""Rules on rhythm: what breaks each of them, and what keeps it."""

from tests.analysis.anomalies.rows import Rows, stream
from tests.analysis.frames import GAS, HUB, packet
from tests.analysis.verdicts import Case, each_of


def asks(every: float) -> Rows:
    ask = {"aps_type": "data", "aps_cluster": 0x000A, "zcl_type": "general", "zcl_command": 0}
    return [
        packet(n * every, zcl_direction="to-server", zcl_seq=n % 256, aps_counter=n % 256, **ask)
        for n in range(100)
    ]


def silent_after(seconds: float) -> Rows:
    others = stream(200, HUB, step=60.0)
    return others + [packet(n * 600.0, GAS, mac_seq=n) for n in range(20) if n * 600 <= seconds]


CASES: dict[str, Case] = {
    "request-flood": (lambda: asks(0.5), lambda: asks(10.0)),
    "broadcast-flood": (
        lambda: [packet(n * 0.5, receiver=None, mac_seq=n) for n in range(60)],
        lambda: [packet(n * 5.0, receiver=None, mac_seq=n) for n in range(60)],
    ),
    "device-silent": (lambda: silent_after(4000), lambda: silent_after(12_000)),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)

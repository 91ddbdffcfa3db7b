"""Rules on rejoining: what breaks each of them, and what keeps it."""

from tests.analysis.anomalies.rows import command, stream
from tests.analysis.frames import GAS, HUB, METER, packet
from tests.analysis.verdicts import Case, each_of

CASES: dict[str, Case] = {
    "orphan-forged": (
        lambda: [*stream(10), command(5.5, 6, sender=METER, rssi=-85)],
        lambda: [*stream(10), command(60, 6, sender=METER)],
    ),
    "realignment-forged": (
        lambda: [command(5, 8, sender=HUB)],
        lambda: [command(4.5, 6), command(5, 8, sender=HUB)],
    ),
    "rejoin-loop": (
        lambda: [packet(n * 5, GAS, nwk_command=6, mac_seq=n) for n in range(5)],
        lambda: [packet(n * 900, GAS, nwk_command=6, mac_seq=n) for n in range(5)],
    ),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)

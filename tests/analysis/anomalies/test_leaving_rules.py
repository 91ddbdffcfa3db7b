"""Rules on leaving: what breaks each of them, and what keeps it."""

from typing import Any

from tests.analysis.anomalies.rows import command
from tests.analysis.frames import GAS, HUB, STRANGER, decoded, packet
from tests.analysis.verdicts import Case, each_of


def leave(request: int, sender: int) -> Any:
    rows = [packet(1, sender, GAS, nwk_type="command", nwk_command=4)]
    fields = [{"frame": 1, "layer": "nwk", "command": 4, "field": "request", "number": request}]
    return decoded(rows, commands=fields)


CASES: dict[str, Case] = {
    "disassociation": (lambda: [command(1, 3)], lambda: [command(1, 4)]),
    "leave-flood": (
        lambda: [packet(n, HUB, GAS, nwk_command=4, mac_seq=n) for n in range(8)],
        lambda: [packet(n * 90, HUB, GAS, nwk_command=4, mac_seq=n) for n in range(8)],
    ),
    "leave-source": (lambda: leave(1, STRANGER), lambda: leave(1, HUB)),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)

"""Rules on leaving: what breaks each of them, and what keeps it."""

from typing import Any

from tests.analysis.anomalies.rows import command, stream
from tests.analysis.frames import GAS, HUB, METER, STRANGER, decoded, packet
from tests.analysis.verdicts import Case, each_of


def leave(request: int, sender: int) -> Any:
    rows = [packet(1, sender, GAS, nwk_type="command", nwk_command=4)]
    fields = [{"frame": 1, "layer": "nwk", "command": 4, "field": "request", "number": request}]
    return decoded(rows, commands=fields)


def goes(back: float = 0.0, ordered: bool = False, heir: bool = False) -> Any:
    """A meter that says that it goes, and is heard again `back` seconds later, if at all; a hub beside it."""
    rows = stream(60, METER, step=10.0) + stream(200, HUB, step=15.0)
    rows.append(packet(601, METER, nwk_type="command", nwk_command=4, nwk_security="ok"))
    rows += stream(20, METER, step=10.0, start=601 + back) if back else []
    rows = sorted(rows, key=lambda row: row["time"])
    if ordered:
        rows.insert(0, packet(0, HUB, METER, nwk_type="command", nwk_command=4, nwk_security="ok"))
    bits = [{"frame": 1, "layer": "nwk", "command": 4, "field": "request", "number": int(ordered)}]
    return decoded([{**row, "frame": number} for number, row in enumerate(rows, 1)], commands=bits)


CASES: dict[str, Case] = {
    "device-left": (goes, lambda: goes(back=100)),
    "disassociation": (lambda: [command(1, 3)], lambda: [command(1, 4)]),
    "leave-flood": (
        lambda: [packet(n, HUB, GAS, nwk_command=4, mac_seq=n) for n in range(8)],
        lambda: [packet(n * 90, HUB, GAS, nwk_command=4, mac_seq=n) for n in range(8)],
    ),
    "leave-source": (lambda: leave(1, STRANGER), lambda: leave(1, HUB)),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)

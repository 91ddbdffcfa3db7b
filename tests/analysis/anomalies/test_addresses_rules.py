"""Rules on addresses: what breaks each of them, and what keeps it."""

from typing import Any

from tests.analysis.frames import METER, SHORTS, decoded, packet
from tests.analysis.verdicts import Case, each_of


def announce(moves: bool) -> Any:
    rows = [packet(1, METER, None), packet(5, METER, nwk_src=0x7777 if not moves else SHORTS[METER])]
    fields = [
        {
            "frame": 1,
            "layer": "zdp",
            "cluster": 0x13,
            "field": "nwk_address",
            "number": 0x7777,
            "value": "0x7777",
        },
        {"frame": 1, "layer": "zdp", "cluster": 0x13, "field": "ieee_address", "value": f"{METER:016x}"},
    ]
    times = [{**f, "time": rows[0]["time"]} for f in fields]
    return decoded(rows, commands=times)


CASES: dict[str, Case] = {
    "announce-forged": (lambda: announce(True), lambda: announce(False)),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)

"""Devices that poll, send, repeat themselves and answer at paces that are given."""

import random
from typing import Any

from tests.analysis.frames import GAS, HUB, METER, decoded, mac_only, packet

Rows = list[dict[str, Any]]
DICE = random.Random(4)


def polls(*paces: tuple[float, int]) -> Rows:
    """MAC data requests: so many at each pace, with a second poll close by every tenth time."""
    rows, at = [], 0.0
    for pace, count in paces:
        for n in range(count):
            at += pace * (1 + DICE.uniform(-0.05, 0.05))
            rows.append(mac_only(at, "command", sender=GAS, mac_command=4, mac_seq=n % 256))
            if n % 10 == 0:
                rows.append(mac_only(at + 0.02, "command", sender=GAS, mac_command=4, mac_seq=n % 256))
    return rows


def retried(*again: int, of: int = 240) -> Rows:
    """Two hundred and forty frames (or `of`), those of the numbers `again` sent twice."""
    rows: Rows = []
    for n in range(of):
        one = {"mac_seq": n % 256, "nwk_counter": n + 1, "nwk_digest": n}
        rows += [packet(n * 1.0 + gap, **one) for gap in ((0.0, 0.01) if n in again else (0.0,))]
    return rows


def answers(*seconds: float) -> Any:
    responses = [
        {"message": n + 1, "kind": "gbcs", "originator": f"{METER:016x}", "time": packet(n * 60)["time"], "frames": [n + 1], "answer_seconds": s}
        for n, s in enumerate(seconds)
    ]  # fmt: skip
    return decoded([packet(n * 60) for n in range(len(seconds))], messages=responses)


def good(step: float = 2.0, rssi: int = -60, sender: int = METER) -> Rows:
    ends = [packet(0, HUB, GAS), packet(240, HUB, GAS)]
    return ends + [packet(n * step, sender, rssi=rssi, mac_seq=n % 256) for n in range(int(240 / step))]

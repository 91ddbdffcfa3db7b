"""Rules on links: what breaks each of them, and what keeps it."""

from typing import Any

from analysis.engine.checking import check
from tests.analysis.anomalies.rows import Rows, acked, stream
from tests.analysis.frames import GAS, HUB, METER, decoded, packet
from tests.analysis.verdicts import Case, each_of, finds, passes


def retried(answered: bool) -> Rows:
    rows: Rows = []
    for n in range(30):
        first = packet(n * 1.0, mac_seq=n, nwk_counter=n + 1, nwk_digest=n)
        again = packet(n * 1.0 + 0.01, mac_seq=n, nwk_counter=n + 1, nwk_digest=n)
        rows += acked(first) if answered or n > 20 else [first, again]
    return rows


def lost(*places: int) -> Rows:
    """Twenty acknowledged frames, but those of some places sent four times in vain."""
    rows: Rows = []
    for n in range(20):
        one = {"mac_seq": n, "nwk_counter": n + 1, "nwk_digest": n}
        if n in places:
            rows += [packet(n * 1.0 + copy * 0.01, **one) for copy in range(4)]
        else:
            rows += acked(packet(n * 1.0, **one))
    return rows


def polled(copies: int) -> Rows:
    """Polls of the meter that the hub does not acknowledge, each sent so often; the hub is heard meanwhile."""
    rows: Rows = []
    for n in range(8):
        one = {"mac_type": "command", "mac_command": 4, "mac_seq": n, "nwk_digest": None, "nwk_counter": None}
        rows += [packet(60.0 * n + 0.01 * copy, METER, HUB, **one) for copy in range(copies)]
        rows.append(packet(60.0 * n + 5, HUB, None, nwk_counter=n))
    return rows


def acknowledged(times: int) -> Rows:
    rows: Rows = []
    for n in range(8):
        first, ack = acked(packet(n * 1.0, mac_seq=n))
        rows += [first, *(acked(first, 0.001 * (1 + copy))[1] for copy in range(times))]
        assert ack
    return rows


def linked(bad_from: float, cost: int = 7) -> Any:
    """A router that tells its links every 15 s for an hour, at a cost of 1, and from some time on of `cost`."""
    times = [15.0 * n for n in range(1, 240)]
    rows = [
        packet(when, METER, None, nwk_type="command", nwk_command=8, mac_seq=n % 256)
        for n, when in enumerate(times)
    ]
    fields = [
        {"frame": n, "time": packet(when)["time"], "layer": "nwk", "source": METER, "command": 8, "field": name,
         "number": float(cost if when > bad_from else 1)}
        for n, when in enumerate(times, 1) for name in ("incoming_cost", "outgoing_cost")
    ]  # fmt: skip
    return decoded(rows, commands=fields)


def sought(times: int, many: int = 0) -> Any:
    """A router that looks for the way to another every minute."""
    rows = [
        {"frame": n + 1, "time": packet(60 * n)["time"], "layer": "nwk", "source": METER, "command": 1, "field": name,
         "number": float(value)}
        for n in range(times) for name, value in (("target", 0x1234), ("many_to_one", many))
    ]  # fmt: skip
    return decoded([packet(60 * n) for n in range(times)], commands=rows)


def passed(times: int) -> Rows:
    """A frame of the hub that a meter passes on, each time with a smaller radius."""
    return [
        packet(0.1 * n, METER, GAS, nwk_src=0, nwk_src_eui64=HUB, nwk_seq=9, nwk_radius=29 - 2 * n)
        for n in range(times)
    ]


CASES: dict[str, Case] = {
    "missing-acknowledgements": (lambda: retried(False), lambda: retried(True)),
    "retries": (lambda: retried(False), lambda: retried(True)),
    "retry-copies": (
        lambda: [packet(n * 0.01, mac_seq=1, nwk_counter=5, nwk_digest=5) for n in range(12)],
        lambda: [packet(n * 0.01, mac_seq=1, nwk_counter=5, nwk_digest=5) for n in range(4)],
    ),
    "link-cost": (lambda: linked(1200), lambda: linked(4000)),
    "route-requests": (lambda: sought(20), lambda: sought(3)),
    "routing-loop": (lambda: passed(4), lambda: passed(1)),
    "polls-unacknowledged": (lambda: polled(4), lambda: polled(1)),
    "ack-twice": (lambda: acknowledged(2), lambda: acknowledged(1)),
    "weak-signal": (lambda: stream(20, rssi=-95), lambda: stream(20, rssi=-60)),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)


def test_links_that_are_not_known_or_were_never_well() -> None:
    [one] = check(linked(1200, cost=0), rules=["link-cost"]).findings
    assert (
        one.severity == "warning"
        and "names no neighbour at all" in one.evidence
        and "before 1" in one.evidence
    )
    [one] = check(linked(-1), rules=["link-cost"]).findings
    assert one.severity == "info" and "never better" in one.evidence


def test_a_hub_that_asks_for_ways_to_itself_looks_for_nobody() -> None:
    assert not check(sought(20, many=1), rules=["route-requests"]).findings


def test_three_lost_frames_are_no_silent_link() -> None:
    passes("missing-acknowledgements", lost(3, 4, 5))
    finds("missing-acknowledgements", lost(*range(3, 11)))

"""Rules on routing: what breaks each of them, and what keeps it."""

from typing import Any

from tests.analysis.compliance.rows import at, home
from tests.analysis.frames import HUB, METER, STRANGER, packet
from tests.analysis.verdicts import Case, each_of, finds, passes


def link_status(seconds: float, sender: int = METER, **more: Any) -> dict[str, Any]:
    return packet(seconds, sender, None, nwk_type="command", nwk_command=0x08, **more)


def router(until: float) -> Any:
    return home(*(link_status(n * 15.0) for n in range(30)), until=until)


def route(neighbour: int, cost: int = 1) -> Any:
    """A route reply by METER (0x1001), and a link status of the hub that lists `neighbour`."""
    reply = {"frame": 1, "time": at(1), "layer": "nwk", "command": 0x02, "source": METER}
    links = {"frame": 2, "time": at(0), "layer": "nwk", "command": 0x08, "source": HUB}
    other = {"field": "link_count", "number": 0x1001}
    return home(
        packet(1),
        commands=[
            {**reply, "field": "path_cost", "number": cost}, {**links, **other},
            {**links, "field": "neighbour", "number": neighbour},
        ],
    )  # fmt: skip


def taken_over(*senders: int) -> Any:
    return home(*(link_status(n * 15.0, HUB, nwk_src=0, nwk_sender=s) for n, s in enumerate(senders)))


CASES: dict[str, Case] = {
    "link-status-gap": (lambda: router(900), lambda: router(460)),
    "route-forged": (lambda: route(0x2002), lambda: route(0x1001)),
    "link-status-two-streams": (
        lambda: taken_over(HUB, STRANGER, HUB, STRANGER),
        lambda: taken_over(HUB, HUB, HUB, HUB),
    ),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)


def test_counters_of_two_transmitters_give_away_a_copied_address() -> None:
    counters = [5000, 10, 5001, 11, 5002, 12, 5003, 13]
    finds(
        "link-status-two-streams",
        home(*(link_status(n * 7.0, nwk_counter=c) for n, c in enumerate(counters))),
    )


def test_a_router_that_is_heard_otherwise_is_not_gone() -> None:
    heard = [*(link_status(n * 15.0) for n in range(30)), packet(890)]
    passes("link-status-gap", home(*heard, until=900))

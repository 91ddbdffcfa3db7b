"""Rules of the network, each with what breaks it and what keeps it."""

from typing import Any

import pytest

from tests.analysis.compliance.rows import Case, Rows, at, attribute, finds, home, passes
from tests.analysis.frames import GAS, HUB, METER, PAN, STRANGER, mac_only, packet, smart_energy, table


def beacon(epid: int) -> dict[str, Any]:
    return mac_only(1, "beacon", sender=HUB, beacon_epid=epid, mac_dst=None)


def inter_pan(seconds: float, cluster: int, **more: Any) -> dict[str, Any]:
    base = {"nwk_type": "inter-pan", "aps_type": "inter-pan", "aps_cluster": cluster, "aps_security": "none"}
    return packet(seconds, STRANGER, HUB, **{**base, **more})


def update(sender: int, *times: float) -> Rows:
    return [
        packet(t, sender, None, nwk_type="command", nwk_command=0x0A, nwk_seq=n) for n, t in enumerate(times)
    ]


def on_channels(*channels: int) -> Any:
    return home(*(packet(n, channel=c) for n, c in enumerate(channels)))


def of_gas(**more: Any) -> Any:
    return home(packet(1, GAS, HUB, **more))


def capability(field: str, number: int) -> Any:
    said = {
        "layer": "mac",
        "command": 1,
        "source": GAS,
        "field": field,
        "value": str(number),
        "number": number,
    }
    return home(commands=[{"time": at(1), **said}])


def link_status(seconds: float, sender: int = METER, **more: Any) -> dict[str, Any]:
    return packet(seconds, sender, None, nwk_type="command", nwk_command=0x08, **more)


def router(until: float) -> Any:
    return home(*(link_status(n * 15.0) for n in range(30)), until=until)


def sleeper(first_poll: float) -> Any:
    rows: Rows = []
    for n in range(25):
        rows.append(packet(n * 60.0, GAS, HUB, aps_type="data", aps_cluster=0x0702, aps_ack_request=True))
        rows.append(mac_only(n * 60.0 + first_poll, "command", sender=GAS, mac_command=4))
    return home(*rows)


def keep_alive(*times: float, base: float | None = None) -> Any:
    told = [] if base is None else [attribute(0, 0x0025, 0x0000, base)]
    reads = [attribute(t, 0x0025, 0x0000, None, METER) for t in times]
    return home(attributes=[*told, *reads], until=times[-1] + 1)


def log_of(count: int) -> Any:
    joined = [
        {"eui64": METER + n, "short": 0x1001 + n, "pan": PAN, "join_state": "announced"} for n in range(count)
    ]
    return home(devices=table("devices", joined))


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


def sub_ghz(every: float, asks: bool) -> Any:
    return home(*(smart_energy(n * every, page=28, channel=3, aps_ack_request=asks) for n in range(15)))


CASES: dict[str, Case] = {
    "epid-is-hub": (lambda: home(beacon(0x1122334455667788)), lambda: home(beacon(HUB))),
    "inter-pan-window": (
        lambda: home(inter_pan(4000, 0x0800), until=5000),
        lambda: home(inter_pan(100, 0x0800), until=5000),
    ),
    "inter-pan-clusters": (lambda: home(inter_pan(1, 0x0702)), lambda: home(inter_pan(1, 0x0800))),
    "touchlink": (lambda: home(inter_pan(1, 0x1000)), lambda: home(inter_pan(1, 0x0800))),
    "network-update-source": (lambda: home(*update(STRANGER, 1)), lambda: home(*update(HUB, 1))),
    "pan-id-changes": (lambda: home(*update(HUB, 1, 60, 120)), lambda: home(*update(HUB, 1))),
    "channel-constant": (lambda: on_channels(*[11, 15] * 15), lambda: on_channels(*[15] * 30, *[20] * 30)),
    "channel-allowed": (lambda: home(packet(1, page=31, channel=3)), lambda: home(packet(1, page=28, channel=26))),
    "sleepy-device-routes": (
        lambda: of_gas(nwk_type="command", nwk_command=0x08),
        lambda: of_gas(nwk_type="command", nwk_command=0x06),
    ),
    "end-device-polls": (
        lambda: capability("receiver_on_when_idle", 1),
        lambda: capability("receiver_on_when_idle", 0),
    ),
    "link-status-gap": (lambda: router(900), lambda: router(460)),
    "indirect-expired": (lambda: sleeper(20), lambda: sleeper(0.5)),
    "keep-alive-cadence": (lambda: keep_alive(1, 700, 5000), lambda: keep_alive(1, 700, 1500, 2300)),
    "device-log-capacity": (lambda: log_of(25), lambda: log_of(8)),
    "route-forged": (lambda: route(0x2002), lambda: route(0x1001)),
    "link-status-two-streams": (
        lambda: taken_over(HUB, STRANGER, HUB, STRANGER),
        lambda: taken_over(HUB, HUB, HUB, HUB),
    ),
    "message-burst-acks": (lambda: sub_ghz(10, True), lambda: sub_ghz(10, False)),
}  # fmt: skip


def test_a_network_without_inter_pan_frames_keeps_its_window() -> None:
    passes("inter-pan-window", home(until=4000))


def test_an_inter_pan_hand_over_under_a_key_is_allowed() -> None:
    passes("inter-pan-clusters", home(inter_pan(5, 0x0702, aps_security="ok")))


def test_the_base_that_the_hub_tells_is_the_keep_alives_measure() -> None:
    passes("keep-alive-cadence", keep_alive(1, 700, 5000, base=60))
    finds("keep-alive-cadence", keep_alive(1, 100, 5000, base=1))


def test_counters_of_two_transmitters_give_away_a_copied_address() -> None:
    counters = [5000, 10, 5001, 11, 5002, 12, 5003, 13]
    finds(
        "link-status-two-streams",
        home(*(link_status(n * 7.0, nwk_counter=c) for n, c in enumerate(counters))),
    )


def test_a_router_that_is_heard_otherwise_is_not_gone() -> None:
    heard = [*(link_status(n * 15.0) for n in range(30)), packet(890)]
    passes("link-status-gap", home(*heard, until=900))


@pytest.mark.parametrize("rule", CASES)
def test_rule_finds_its_fault(rule: str) -> None:
    finds(rule, CASES[rule][0]())


@pytest.mark.parametrize("rule", CASES)
def test_rule_passes_the_healthy_twin(rule: str) -> None:
    passes(rule, CASES[rule][1]())

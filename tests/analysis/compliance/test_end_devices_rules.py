"""Rules on end devices: what breaks each of them, and what keeps it."""

from typing import Any

from tests.analysis.compliance.rows import Rows, at, attribute, home
from tests.analysis.frames import GAS, HUB, METER, mac_only, packet
from tests.analysis.verdicts import Case, each_of, finds, passes


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


def sleeper(first_poll: float) -> Any:
    rows: Rows = []
    for n in range(25):
        rows.append(packet(n * 60.0, GAS, HUB, aps_type="data", aps_cluster=0x0702, aps_ack_request=True))
        rows.append(mac_only(n * 60.0 + first_poll, "command", sender=GAS, mac_command=4))
    return home(*rows)


def joined_to_sleep(polls: bool) -> Any:
    """The gas meter says that it sleeps, and speaks for twenty minutes."""
    said = {
        "layer": "mac",
        "command": 1,
        "source": GAS,
        "field": "receiver_on_when_idle",
        "value": "0",
        "number": 0.0,
    }
    rows: Rows = [mac_only(0.5, "command", sender=METER, mac_command=4)]
    for n in range(1, 20):
        rows.append(packet(n * 60.0, GAS, HUB, aps_type="data", aps_cluster=0x0702))
        rows += [mac_only(n * 60.0 + 1, "command", sender=GAS, mac_command=4)] if polls else []
    return home(*rows, commands=[{"time": at(1), **said}])


def keep_alive(*times: float, base: float | None = None) -> Any:
    told = [] if base is None else [attribute(0, 0x0025, 0x0000, base)]
    reads = [attribute(t, 0x0025, 0x0000, None, METER) for t in times]
    return home(attributes=[*told, *reads], until=times[-1] + 1)


CASES: dict[str, Case] = {
    "sleepy-device-routes": (
        lambda: of_gas(nwk_type="command", nwk_command=0x08),
        lambda: of_gas(nwk_type="command", nwk_command=0x06),
    ),
    "end-device-polls": (
        lambda: capability("receiver_on_when_idle", 1),
        lambda: capability("receiver_on_when_idle", 0),
    ),
    "sleeper-never-polls": (lambda: joined_to_sleep(False), lambda: joined_to_sleep(True)),
    "indirect-expired": (lambda: sleeper(20), lambda: sleeper(0.5)),
    "keep-alive-cadence": (lambda: keep_alive(1, 700, 5000), lambda: keep_alive(1, 700, 1500, 2300)),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)


def test_the_base_that_the_hub_tells_is_the_keep_alives_measure() -> None:
    passes("keep-alive-cadence", keep_alive(1, 700, 5000, base=60))
    finds("keep-alive-cadence", keep_alive(1, 100, 5000, base=1))


def test_an_answer_shows_a_read_that_was_not_heard() -> None:
    answers = [attribute(t, 0x0025, 0x0000, 10.0, HUB, frame=int(t)) for t in (2000, 3000, 4000)]
    reads = [attribute(t, 0x0025, 0x0000, None, METER) for t in (1, 700, 5000)]
    passes("keep-alive-cadence", home(attributes=[*reads, *answers], until=5001))

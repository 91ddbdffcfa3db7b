"""Rules on sub ghz changes: what breaks each of them, and what keeps it."""

from typing import Any

from tests.analysis.compliance.rows import Rows, alert, at, attribute, command, home
from tests.analysis.frames import GAS, HUB, METER, smart_energy
from tests.analysis.verdicts import Case, each_of

SUB_GHZ = 0x070B
MOVED = 9000.0  # when the channel changes


def low(seconds: float, channel: int = 3, **more: Any) -> dict[str, Any]:
    return smart_energy(seconds, page=28, channel=channel, **more)


def moves() -> Rows:
    return [low(n * 1000.0) for n in range(9)] + [low(MOVED + n * 100, 8) for n in range(10)]


def announced(value: int) -> Any:
    return home(*moves(), attributes=[attribute(MOVED - 1000, SUB_GHZ, 0x0000, value)])


def told(code: int, seconds: float) -> dict[str, Any]:
    return alert(seconds, message_code=code) | {"cra": "alert"}


def reports(cluster: int) -> Any:
    rows = [low(n * 9000.0) for n in range(12)]
    return home(*rows, low(50, aps_profile=0, aps_cluster=cluster))


def discarded(suspends: bool) -> Any:
    orders = command(5000, SUB_GHZ, 0x00, HUB, METER, period=5) if suspends else []
    return home(commands=orders, messages=[told(0x0114, 6000)], until=9000)


def refused(code: int) -> Any:
    answer = {
        "frame": 2,
        "time": at(5),
        "layer": "mac",
        "command": 2,
        "field": "status",
        "number": 1,
        "destination": GAS,
    }
    return home(low(5), low(5.1), commands=[answer], messages=[told(code, 20)], until=2000)


CASES: dict[str, Case] = {
    "channel-change-announced": (lambda: announced(0), lambda: announced(0xE0000100)),
    "channel-change-alert": (
        lambda: home(*moves(), messages=[told(0x0018, MOVED)]),
        lambda: home(*moves(), messages=[told(0x0111, MOVED + 5)]),
    ),
    "sub-ghz-link-report": (lambda: reports(0x0013), lambda: reports(0x803B)),
    "discard-alert": (lambda: discarded(suspends=False), lambda: discarded(suspends=True)),
    "join-refused-alert": (lambda: refused(0x0018), lambda: refused(0x0115)),
}


test_broken_and_kept = each_of(CASES)

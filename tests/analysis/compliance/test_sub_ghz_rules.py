"""Rules on sub ghz: what breaks each of them, and what keeps it."""

from typing import Any

from tests.analysis.compliance.rows import (
    METERING,
    OTA,
    alert,
    block,
    command,
    home,
)
from tests.analysis.frames import (
    HUB,
    METER,
    packet,
    smart_energy,
)
from tests.analysis.verdicts import Case, each_of, passes


def critical(seconds: float, state: int = 0) -> Any:
    messages = [alert(100, 0x8F22), alert(200, 0x8F23)]
    return home(commands=block(seconds, status=state), messages=messages)


def suspended(cluster: int, seconds: float) -> Any:
    return home(
        smart_energy(seconds, METER, aps_cluster=cluster),
        commands=command(10, 0x070B, 0x00, HUB, METER, period=5),
        until=900,
    )


def told(*minutes: tuple[float, int], asks: float | None = None) -> Any:
    rows = [row for when, period in minutes for row in command(when, 0x070B, 0x00, HUB, METER, period=period)]
    if asks is not None:
        rows += command(asks, 0x070B, 0x00, METER, HUB, direction="to-server")
    return home(commands=rows, until=900)


def on_air(every: float, page: int = 28) -> Any:
    return home(*(packet(n * every, page=page, channel=3, length=1000) for n in range(900)))


def sub_ghz(every: float, asks: bool) -> Any:
    return home(*(smart_energy(n * every, page=28, channel=3, aps_ack_request=asks) for n in range(15)))


CASES: dict[str, Case] = {
    "suspended-device-talks": (lambda: suspended(METERING, 60), lambda: suspended(METERING, 400)),
    "sub-ghz-suspend-period": (lambda: told((10, 0)), lambda: told((10, 5), (200, 0), (300, 15))),
    "sub-ghz-suspended-often": (
        lambda: told((10, 5), (400, 5), (800, 1)),
        lambda: told((10, 5), (100, 5), (300, 3), (700, 1)),
    ),
    "duty-cycle": (lambda: on_air(1), lambda: on_air(5)),
    "ota-while-critical": (lambda: critical(150), lambda: critical(250)),
    "message-burst-acks": (lambda: sub_ghz(10, True), lambda: sub_ghz(10, False)),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)


def test_a_suspended_device_may_fetch_firmware() -> None:
    passes("suspended-device-talks", suspended(OTA, 60))


def test_no_minutes_answer_a_device_that_asks() -> None:
    passes("sub-ghz-suspend-period", told((10, 0), asks=8))

"""Rules on gas meter: what breaks each of them, and what keeps it."""

from typing import Any

from tests.analysis.compliance.rows import (
    METERING,
    attribute,
    command,
    home,
    reported,
)
from tests.analysis.frames import GAS, HUB, packet
from tests.analysis.verdicts import Case, each_of, finds, passes

ALL_THREE = ((METERING, 0x0000), (METERING, 0x0C01), (0x0705, 0x051C))


def half_hours(*numbers: int) -> Any:
    return home(attributes=[reported(n * 1800.0, n) for n in numbers], until=10 * 1800)


def pushed(*values: tuple[int, int]) -> Any:
    rows = [reported(n * 1800.0 + k, 5, *v) for n in range(4) for k, v in enumerate(values)]
    return home(attributes=rows, until=8000)


def gas_polls(step: float, **more: Any) -> Any:
    return home(*(packet(n * step, GAS, HUB, **more) for n in range(60)))


def fast_polls(count: int) -> Any:
    return home(commands=[r for n in range(count) for r in command(1 + n * 60, METERING, 0x03, duration=15)])


def gas_joins(mirror: float, report: float) -> Any:
    joins = command(1, 0x0800, 0x00, GAS, key_establishment_suite=2)
    asks = command(mirror, METERING, 0x01, GAS, direction="to-client")
    return home(commands=[*joins, *asks], attributes=[reported(report)])


def environment(bits: int) -> Any:
    return home(attributes=[attribute(5, 0x0000, 0x0011, bits)])


CASES: dict[str, Case] = {
    "mirror-capacity": (lambda: environment(0), lambda: environment(1)),
    "gas-half-hour": (lambda: half_hours(0, 1, 2, 7, 8, 9, 10), lambda: half_hours(*range(11))),
    "gas-three-values": (lambda: pushed(ALL_THREE[0]), lambda: pushed(*ALL_THREE)),
    "gas-fast-wake": (lambda: gas_polls(10), lambda: gas_polls(1800)),
    "fast-poll-request": (lambda: fast_polls(9), lambda: fast_polls(2)),
    "mirror-before-reports": (lambda: gas_joins(mirror=50, report=20), lambda: gas_joins(mirror=10, report=20)),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)


def test_silence_to_the_end_of_the_capture_is_a_gap() -> None:
    finds("gas-half-hour", half_hours(0, 1, 2, 3))


def test_a_meter_that_fetches_messages_may_stay_awake() -> None:
    passes("gas-fast-wake", gas_polls(10, aps_type="data", aps_cluster=0x0704))


def test_a_message_in_between_does_not_excuse_what_was_before_it() -> None:
    idle = [packet(n * 10, GAS, HUB) for n in range(45)]
    fetching = [packet(450 + n, GAS, HUB, aps_type="data", aps_cluster=0x0704) for n in range(60)]
    finds("gas-fast-wake", home(*idle, *fetching))

"""Rules of what devices of the home do, each with what breaks it and what keeps it."""

from typing import Any

import pytest

from tests.analysis.compliance.rows import EPOCH_NOW, Case, Rows, at, attribute, command, finds, home, passes
from tests.analysis.frames import GAS, HAN, HUB, METER, STRANGER, devices, packet, smart_energy

TIME, METERING, OTA, REPORT = 0x000A, 0x0702, 0x0019, 0x0A
DISPLAY, SWITCH = 0x90B3D51F30030000, 0x90B3D51F30040000


def clock(*readings: tuple[float, float], source: int = HUB) -> Any:
    """The hub's time, read at some seconds, and how far it is off."""
    rows = [attribute(t, TIME, 0, EPOCH_NOW + t + off, source, destination=METER) for t, off in readings]
    return home(attributes=rows, until=readings[-1][0])


def drifting(share: float) -> Any:
    return clock(*((t, t * share) for t in range(0, 6000, 300)))


def status(value: int) -> Any:
    return home(attributes=[attribute(1, TIME, 1, value)])


def reads_of_time(every: int) -> Any:
    days = 300_000
    return home(attributes=[attribute(t, TIME, 0, None, METER) for t in range(1, days, every)], until=days)


def refused(code: int) -> Any:
    rows: Rows = []
    general = {"zcl_type": "general", "aps_cluster": METERING}
    for n in range(4):
        rows.append(smart_energy(1 + n * 60, GAS, HUB, zcl_command=REPORT, **general))
        rows.append(smart_energy(1.5 + n * 60, HUB, GAS, zcl_command=0x0B, zcl_status=code, **general))
    return home(*rows)


def typed(kind: int, cluster: int = METERING, number: int = 0) -> Any:
    return home(attributes=[attribute(1, cluster, number, 5, METER, type=kind, attribute_name="X")])


def reported(
    seconds: float, value: float = 1, cluster: int = METERING, number: int = 0, source: int = GAS
) -> dict[str, Any]:
    return attribute(seconds, cluster, number, value, source, command=REPORT)


def half_hours(*numbers: int) -> Any:
    return home(attributes=[reported(n * 1800.0, n) for n in numbers], until=10 * 1800)


def pushed(*values: tuple[int, int]) -> Any:
    rows = [reported(n * 1800.0 + k, 5, *v) for n in range(4) for k, v in enumerate(values)]
    return home(attributes=rows, until=8000)


def gas_polls(step: float, **more: Any) -> Any:
    return home(*(packet(n * step, GAS, HUB, **more) for n in range(60)))


def fast_polls(count: int) -> Any:
    return home(commands=[r for n in range(count) for r in command(1 + n * 60, METERING, 0x03, duration=15)])


def power(every: float) -> Any:
    return home(attributes=[reported(n * every, 300 + n, number=0x0400, source=METER) for n in range(20)])


def gas_joins(mirror: float, report: float) -> Any:
    joins = command(1, 0x0800, 0x00, GAS, key_establishment_suite=2)
    asks = command(mirror, METERING, 0x01, GAS, direction="to-client")
    return home(commands=[*joins, *asks], attributes=[reported(report)])


def with_others(*rows: dict[str, Any]) -> Any:
    return home(*rows, devices=devices(**HAN, IHD=DISPLAY, HCALCS=SWITCH))


def display(**more: Any) -> Any:
    return with_others(smart_energy(1, METER, HUB, nwk_src_eui64=DISPLAY, nwk_sender=DISPLAY, **more))


def switched(by: int) -> Any:
    more = {"aps_cluster": 0x0701, "zcl_type": "cluster", "zcl_command": 0}
    return with_others(smart_energy(1, by, GAS, nwk_dst_eui64=SWITCH, **more))


def block(seconds: float, source: int = HUB, **more: Any) -> Rows:
    fields = {"status": 0, "file_offset": 0, "image_data": "1ef1ee0b00013800", **more}
    return command(seconds, OTA, 0x05, source, METER, direction="to-client", **fields)


def request(seconds: float, offset: int = 0) -> Rows:
    return command(seconds, OTA, 0x03, METER, HUB, file_version=7, file_offset=offset)


def offered(held: int, offer: int) -> Any:
    asks = command(1, OTA, 0x01, METER, HUB, current_file_version=held)
    return home(commands=[*asks, *command(2, OTA, 0x02, HUB, METER, status=0, file_version=offer)])


def alert(seconds: float, code: int | None = None, message_code: int | None = None) -> dict[str, Any]:
    return {
        "message": int(seconds), "time": at(seconds), "kind": "gbcs", "alert_code": code,
        "message_code": message_code, "frames": [1],
    }  # fmt: skip


def finished(message_code: int) -> Any:
    ends = command(5, OTA, 0x06, METER, HUB, status=0, file_version=7)
    return home(commands=ends, messages=[alert(60, message_code=message_code)])


def critical(seconds: float, state: int = 0) -> Any:
    messages = [alert(100, 0x8F22), alert(200, 0x8F23)]
    return home(commands=block(seconds, status=state), messages=messages)


def suspended(cluster: int, seconds: float) -> Any:
    return home(
        smart_energy(seconds, METER, aps_cluster=cluster),
        commands=command(10, 0x070B, 0x00, HUB, METER, period=5),
        until=900,
    )


def on_air(every: float, page: int = 28) -> Any:
    return home(*(packet(n * every, page=page, channel=3, length=1000) for n in range(900)))


def register(*values: float, **more: Any) -> Any:
    rows = [attribute(n * 60, METERING, 0, v, METER, endpoint=1, **more) for n, v in enumerate(values)]
    return home(attributes=rows)


ALL_THREE = ((METERING, 0x0000), (METERING, 0x0C01), (0x0705, 0x051C))
CASES: dict[str, Case] = {
    "time-source": (lambda: clock((1, 0), source=STRANGER), lambda: clock((1, 0))),
    "time-differs": (lambda: clock((1, 300)), lambda: clock((1, 4))),
    "time-step": (lambda: clock((1, 0), (60, 3600)), lambda: clock((1, 0), (60, 2))),
    "time-drifts": (lambda: drifting(0.002), lambda: drifting(0.00005)),
    "reports-refused": (lambda: refused(0x86), lambda: refused(0x00)),
    "attribute-type": (lambda: typed(0x21), lambda: typed(0x25)),
    "time-status": (lambda: status(0b00), lambda: status(0b01)),
    "time-read-daily": (lambda: reads_of_time(200_000), lambda: reads_of_time(40_000)),
    "gas-half-hour": (lambda: half_hours(0, 1, 2, 7, 8, 9, 10), lambda: half_hours(*range(11))),
    "gas-three-values": (lambda: pushed(ALL_THREE[0]), lambda: pushed(*ALL_THREE)),
    "gas-fast-wake": (lambda: gas_polls(10), lambda: gas_polls(1800)),
    "fast-poll-request": (lambda: fast_polls(9), lambda: fast_polls(2)),
    "power-refresh": (lambda: power(60), lambda: power(10)),
    "mirror-before-reports": (lambda: gas_joins(mirror=50, report=20), lambda: gas_joins(mirror=10, report=20)),
    "type-2-writes": (
        lambda: display(zcl_type="general", zcl_command=0x02),
        lambda: display(zcl_type="general", zcl_command=0x00),
    ),
    "load-control-source": (lambda: switched(HUB), lambda: switched(METER)),
    "ota-source": (lambda: home(commands=block(1, STRANGER)), lambda: home(commands=block(1))),
    "ota-unasked": (
        lambda: home(commands=[*request(1), *block(2), *block(500)]),
        lambda: home(commands=[*request(1), *block(2)]),
    ),
    "ota-offsets": (
        lambda: home(commands=[r for n in range(9) for r in request(1 + n, 64)]),
        lambda: home(commands=[r for n in range(9) for r in request(1 + n, 64 * n)]),
    ),
    "ota-downgrade": (lambda: offered(7, 6), lambda: offered(7, 8)),
    "ota-image-header": (
        lambda: home(commands=block(1, image_data="7f454c4600013800")),
        lambda: home(commands=block(1)),
    ),
    "ota-no-activation": (lambda: finished(0x0020), lambda: finished(0x0012)),
    "suspended-device-talks": (lambda: suspended(METERING, 60), lambda: suspended(METERING, 400)),
    "duty-cycle": (lambda: on_air(1), lambda: on_air(5)),
    "ota-while-critical": (lambda: critical(150), lambda: critical(250)),
    "consumption-sample": (lambda: register(100, 101, 40), lambda: register(100, 100, 101)),
}  # fmt: skip


def test_a_suspended_device_may_fetch_firmware() -> None:
    passes("suspended-device-talks", suspended(OTA, 60))


def test_a_display_may_not_pay_or_switch() -> None:
    finds(
        "type-2-writes",
        display(zcl_type="cluster", zcl_command=0, zcl_direction="to-server", aps_cluster=0x0705),
    )


def test_silence_to_the_end_of_the_capture_is_a_gap() -> None:
    finds("gas-half-hour", half_hours(0, 1, 2, 3))


def test_a_meter_that_fetches_messages_may_stay_awake() -> None:
    passes("gas-fast-wake", gas_polls(10, aps_type="data", aps_cluster=0x0704))


@pytest.mark.parametrize("rule", CASES)
def test_rule_finds_its_fault(rule: str) -> None:
    finds(rule, CASES[rule][0]())


@pytest.mark.parametrize("rule", CASES)
def test_rule_passes_the_healthy_twin(rule: str) -> None:
    passes(rule, CASES[rule][1]())

"""Rules on gas logs: what breaks each of them, and what keeps it."""

from typing import Any

from tests.analysis.compliance.rows import START, Rows, attribute, command, home
from tests.analysis.frames import GAS, HAN, HUB, METER, devices, packet
from tests.analysis.verdicts import Case, each_of

METERING, PREPAYMENT, EVENTS, MANAGEMENT = 0x0702, 0x0705, 0x0709, 0x0708
MIDNIGHT = 86_400 - START // 10**9 % 86_400  # seconds after the start of the hand-made captures
DISPLAY = 0x90B3D51F30030000


def from_gas(seconds: float, cluster: int, number: int, **fields: Any) -> Rows:
    return command(seconds, cluster, number, GAS, HUB, direction="to-client", **fields)


def snapshots(cluster: int, number: int, *times: float) -> Any:
    rows = [r for t in times for r in from_gas(t, cluster, number, snapshot_cause=1)]
    return home(commands=rows, until=MIDNIGHT + 10_000)


def topped_up(log: float) -> Any:
    rows = from_gas(100, PREPAYMENT, 0x03, result_type=0)
    return home(commands=[*rows, *from_gas(log, PREPAYMENT, 0x05, command_index=0)], until=20_000)


def logged(event: int, data: str) -> Any:
    fields = {"log_payload[0].event_id": event, "log_payload[0].event_data": data}
    return home(commands=command(1, EVENTS, 0x01, METER, HUB, direction="to-client", **fields))


def display(asks: bool) -> Any:
    heard = [packet(n * 30_000.0, METER, HUB, nwk_src_eui64=DISPLAY) for n in range(5)]
    reads = [attribute(10, MANAGEMENT, 0x0200, None, DISPLAY)] if asks else []
    return home(*heard, attributes=reads, devices=devices(**HAN, IHD=DISPLAY))


CASES: dict[str, Case] = {
    "gas-daily-snapshot": (
        lambda: snapshots(METERING, 0x06, 100),
        lambda: snapshots(METERING, 0x06, 100, MIDNIGHT + 600),
    ),
    "gas-prepay-snapshot": (
        lambda: snapshots(PREPAYMENT, 0x01, 100),
        lambda: snapshots(PREPAYMENT, 0x01, MIDNIGHT + 600),
    ),
    "gas-top-up-log": (lambda: topped_up(15_000), lambda: topped_up(1900)),
    "command-event-data": (lambda: logged(0x0054, "00"), lambda: logged(0x0054, "006b")),
    "change-of-tenancy-read": (lambda: display(asks=False), lambda: display(asks=True)),
}


test_broken_and_kept = each_of(CASES)

"""Rules on zigbee modifications: what breaks each of them, and what keeps it."""

from typing import Any

import pytest

from tests.analysis.compliance import gbcs_tables as messages
from tests.analysis.compliance.rows import command, home
from tests.analysis.frames import GAS, HUB, METER, smart_energy
from tests.analysis.verdicts import Case, each_of, finds, passes

METERING, EVENTS = 0x0702, 0x0709


def gbz(departures: str) -> Any:
    return messages.capture([messages.command(payload_kind="gbz", departures=departures)])


def notified(attribute: int, flags: int) -> Any:
    fields = {"notification_flag_attribute_id": attribute, "notification_flags_n": flags}
    return home(commands=command(1, METERING, 0x0B, GAS, direction="to-client", **fields))


def log_read(log: int, target: int) -> Any:
    return home(
        commands=command(1, EVENTS, 0x00, METER, target, direction="to-server", event_control_log_id=log)
    )


def own(code: int | None) -> Any:
    return home(smart_energy(1, zcl_type="cluster", zcl_command=0, zcl_manufacturer=code))


CASES: dict[str, Case] = {
    "gbz-sequence-number": (lambda: gbz("sequence-number"), lambda: gbz("none")),
    "gbz-manufacturer-specific": (lambda: gbz("manufacturer"), lambda: gbz("none")),
    "gbz-frame-control": (lambda: gbz("frame-control; sequence-number"), lambda: gbz("sequence-number")),
    "gbz-components": (lambda: gbz("cluster:0704"), lambda: gbz("sequence-number")),
    "manufacturer-specific-command": (lambda: own(0x1234), lambda: own(None)),
    "notified-flags": (lambda: notified(0x0003, 1 << 5), lambda: notified(0x0003, 1 << 6)),
    "gas-log-id": (lambda: log_read(0x17, METER), lambda: log_read(0x17, HUB)),
}


test_broken_and_kept = each_of(CASES)


@pytest.mark.parametrize("attribute", [0x0001, 0x0002, 0x0004])
def test_flags_2_3_and_5_mean_nothing_to_a_gas_meter(attribute: int) -> None:
    """GBCS 10.2.2.2. The rule once took 0x0004 (NotificationFlags5) for NotificationFlags4 (0x0003)."""
    finds("notified-flags", notified(attribute, 1 << 6))
    passes("notified-flags", notified(attribute, 0))


@pytest.mark.parametrize(
    ("bit", "allowed"), [(0, True), (2, False), (15, True), (16, False), (21, True), (24, False)]
)
def test_functional_flags_that_a_gas_meter_acts_on(bit: int, allowed: bool) -> None:
    (passes if allowed else finds)("notified-flags", notified(0x0000, 1 << bit))

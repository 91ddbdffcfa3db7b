"""Rules on credentials: what breaks each of them, and what keeps it."""

from typing import Any

from tests.analysis.compliance.gbcs_tables import (
    BROKER,
    METER,
    SUPPLIER,
    Row,
    capture,
    command,
    item,
    response,
)
from tests.analysis.verdicts import Case, each_of, finds, passes

CONTROL = "update_security_credentials.control."
CELL = "update_security_credentials.replacements[0].replacement."
SUPPLIER_MODE, BROKER_MODE, CONTINGENCY = 2, 4, 9


def update(mode: int, *names: str, by: int = SUPPLIER, **values: str) -> Any:
    """A CS02b command: its mode, elements that are there, and elements with a value (``__`` for dots)."""
    held = {CONTROL + "mode": str(mode), **dict.fromkeys(names, "1")}
    held |= {CELL + name.replace("__", "."): value for name, value in values.items()}
    rows: list[Row] = [item(object=name, value=value) for name, value in held.items()]
    return capture([command(0x102, by=by, use_case="CS02b")], rows)


def held(status: str) -> Any:
    return capture(
        [response(0x0A, use_case="CS02a")], [item(object="credentials_held.party.status", value=status)]
    )


def certified(serial: int) -> Any:
    shown = item(object="certificate.hardware_serial_number", value=f"{serial:016x}")
    return capture([command(0x0B, use_case="CS02d")], [shown])


AUTHORISED, FLOOR = CONTROL + "authorising_cell.role", CONTROL + "usage_floors[0].usage_floor.usage"
OTHERS = {"certificate__unique_identifier": f"{BROKER:016x}"}
CASES: dict[str, Case] = {
    "contingency-key": (
        lambda: update(SUPPLIER_MODE, CONTROL + "symmetric_key"),
        lambda: update(CONTINGENCY, CONTROL + "symmetric_key"),
    ),
    "path-validation-switch": (
        lambda: capture(
            [command(0x102, use_case="CS02b")],
            [item(object=CONTROL + "mode", value="2"), item(object=CONTROL + "time_based_checks", value="0")],
        ),
        lambda: update(SUPPLIER_MODE, CONTROL + "time_based_checks"),
    ),
    "authorising-cell": (lambda: update(SUPPLIER_MODE), lambda: update(SUPPLIER_MODE, AUTHORISED)),
    "credential-floors": (
        lambda: update(SUPPLIER_MODE, **OTHERS),
        lambda: update(SUPPLIER_MODE, CONTROL + "new_sequence_number_floor", **OTHERS),
    ),
    "top-up-floor": (
        lambda: update(SUPPLIER_MODE, FLOOR, target_cell__role="3"),
        lambda: update(SUPPLIER_MODE, FLOOR, target_cell__role="2"),
    ),
    "trust-anchors-populated": (lambda: held("25"), lambda: held("0")),
    "device-certificate-identity": (lambda: certified(SUPPLIER), lambda: certified(METER)),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)


def test_a_broker_that_replaces_itself_needs_no_cell() -> None:
    passes("authorising-cell", update(BROKER_MODE))
    finds("authorising-cell", update(BROKER_MODE, AUTHORISED))


def test_the_contingency_key_must_come_along() -> None:
    finds("contingency-key", update(CONTINGENCY))

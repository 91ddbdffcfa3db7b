"""Alerts that must follow: what breaks the rules on them, and what keeps them."""

from typing import Any

import pandas as pd
import pytest

from analysis.engine.checking import check
from tests.analysis.compliance import rows
from tests.analysis.compliance.gbcs_tables import (
    METER,
    ROLES,
    alert,
    broken_and_kept,
    capture,
    command,
    item,
    response,
)
from tests.analysis.compliance.rows import METERING, attribute
from tests.analysis.frames import HUB, devices, packet, table

TARIFF, DONE, OUTCOME, READ_LOG, TAMPER = 0x0019, 0x00CC, 0x8F66, 0x0049, 0x8F3F
OBJECT = "SuspendDebtDisabled / SuspendDebtEmergency / Payment Mode: account_activation_time"


def date(seconds: float) -> str:
    return f"{pd.Timestamp(packet(seconds)['time'], tz='UTC'):%Y-%m-%d %H:%M:%S}"


def dated(*alerts: dict[str, Any], due: float = 3000.0) -> Any:
    told = [item(object=OBJECT, value=date(due))]
    return capture([command(0x001A, 600), response(0x001A, 601, answers=1), *alerts], told)


def logged(*alerts: dict[str, Any], code: int = TAMPER, at: float = 3000.0) -> Any:
    tables = capture([response(READ_LOG, 5000), *alerts], [item()])
    entry = {
        "device": f"{METER:016x}",
        "log": "SecurityLog",
        "entry": 0,
        "time": packet(at)["time"],
        "code": code,
        "message": 1,
    }
    return {**tables, "events": table("events", [entry])}


def test_dated_command() -> None:
    broken_and_kept("dated-command-unreported", dated(), dated(alert(DONE, 3010, alert_code=OUTCOME)))


def test_logged_event() -> None:
    broken_and_kept("logged-without-alert", logged(), logged(alert(0x1000, 3020, alert_code=TAMPER)))


def happened(
    *alerts: dict[str, Any], status: int = 4, top_up: int | None = None, until: float = 14_400.0
) -> Any:
    """A meter whose status gets a bit, or that answers a top-up; it answers a command afterwards."""
    said = [response(0x27, 3000), *alerts]
    numbered = [
        {"message": n, "frames": [n], "digest": n, **row, "originator_counter": n << 32}
        for n, row in enumerate(said, 1)
    ]
    values = [
        attribute(60 + n * 60, METERING, 0x0200, bits, METER, frame=500 + n)
        for n, bits in enumerate((0, status))
    ]
    fields = (
        []
        if top_up is None
        else rows.command(100, 0x0705, 0x03, METER, HUB, direction="to-client", result_type=top_up)
    )
    return rows.home(
        until=until, messages=numbered, attributes=values, commands=fields, devices=devices(**ROLES)
    )


def raised(code: int, seconds: float = 200.0) -> dict[str, Any]:
    return alert(0x1000, seconds, alert_code=code)


def severities(tables: Any) -> list[str]:
    result = check(tables, rules=["alert-not-raised"])
    assert not result.failures
    return [one.severity for one in result.findings]


def test_alert_of_an_event() -> None:
    broken_and_kept("alert-not-raised", happened(), happened(raised(TAMPER)))
    broken_and_kept("alert-not-raised", happened(raised(TAMPER, 9000)), happened(raised(0x8F75)))


def test_a_top_up_informs_and_what_did_not_happen_is_silent() -> None:
    assert severities(happened(status=0, top_up=0)) == ["info"]
    assert not severities(happened(raised(0x810E), status=0, top_up=0))
    assert not severities(happened(status=0, top_up=1))
    assert not severities(happened(status=0))
    assert not severities(happened(until=2000))


@pytest.mark.parametrize("due", [500.0, 14_000.0])
def test_a_date_before_the_command_or_near_the_end_says_nothing(due: float) -> None:
    assert not check(dated(due=due), rules=["dated-command-unreported"]).findings


@pytest.mark.parametrize(("code", "at"), [(0x8F43, 3000.0), (TAMPER, 30.0), (TAMPER, 13_000.0)])
def test_events_that_need_no_alert_or_lie_outside(code: int, at: float) -> None:
    assert not check(logged(code=code, at=at), rules=["logged-without-alert"]).findings

"""Devices that raise alerts: of something that is wrong with them, and the same one again and again."""

from __future__ import annotations

from captures.simulated.air.medium import Wait
from captures.simulated.faults.registry import FaultKind, Play, fault
from captures.simulated.remote import gbcs_flows
from captures.simulated.remote.dcc import dcc_of
from captures.simulated.stack.network import Role
from dissectors.gbcs import AlertCode, alert_codes

__all__: list[str] = []

CRITICAL, NON_CRITICAL = 0x1000, 0x1001  # message codes of alerts without a use case of their own


def _grave(device: str) -> list[AlertCode]:
    """The alerts of which somebody must learn at once, that a device of this role sends."""
    return [
        one for one in alert_codes().values()
        if one.severity == "warning" and one.critical != "log only" and device in one.devices
    ]  # fmt: skip


def _raised(play: Play, role: Role, one: AlertCode) -> Wait:
    dcc = dcc_of(play.han)
    play.row.device = dcc.device(role).address
    code = NON_CRITICAL if one.critical == "no" else CRITICAL
    yield from gbcs_flows.notify(dcc, code, role, alert_code=one.code, faults=play.mark)


def _raised_some(play: Play, role: Role) -> Wait:
    for one in play.rng.sample(_grave(role), play.count(2)):
        yield from _raised(play, role, one)
        yield play.wait(20, 120)


@fault(
    "meter-alerts",
    "The electricity meter raises alerts of what is wrong with it",
    kind=FaultKind.FAULT,
    needs=(Role.ESME,),
)
def meter_alerts(play: Play) -> Wait:
    yield from _raised_some(play, Role.ESME)


@fault(
    "gas-meter-alerts",
    "The gas meter raises alerts of its battery, valve or cover",
    kind=FaultKind.FAULT,
    needs=(Role.GSME,),
)
def gas_meter_alerts(play: Play) -> Wait:
    yield from _raised_some(play, Role.GSME)


@fault(
    "alert-storm",
    "The electricity meter raises one alert every minute or two, for hours",
    kind=FaultKind.FAULT,
    needs=(Role.ESME,),
)
def alert_storm(play: Play) -> Wait:
    one = play.rng.choice(_grave("ESME"))
    for _ in range(6 + play.count(20)):
        yield from _raised(play, Role.ESME, one)
        yield play.wait(85, 130)

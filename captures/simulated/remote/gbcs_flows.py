"""What remote parties want of a home in the course of its life: flows of GBCS messages.

Each flow is a process; the ones of the gas meter are put into its mailbox and wait for its next wake-up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from captures.simulated.air.medium import Wait
from captures.simulated.devices.han import Han
from captures.simulated.remote import alerts
from captures.simulated.remote.dcc import Dcc, Exchange, dcc_of
from captures.simulated.remote.directory import Entity
from captures.simulated.stack.network import Role
from captures.simulated.stack.node import Node
from dissectors.gbcs import use_case_by_name, utrn

__all__ = ["activate", "ask", "commission", "daily", "hand_over", "notify", "token", "top_up", "whitelist"]

GENERIC_CRITICAL, GENERIC_NON_CRITICAL, DEVICE_LOG_CHANGED = 0x1000, 0x1001, 0x0018
POWER_QUALITY, TOP_UP_ACCEPTED, FUTURE_DATED_DLMS = 0x8002, 0x810E, 0x00CC
COMMISSIONED = 0x8F69

COMMISSIONING = {
    Role.ESME: ("ECS70", "ECS52", "ECS23", "ECS35b"),
    Role.GSME: ("GCS28", "GCS38", "GCS46"),
    Role.PPMID: ("CS03A2",),
    Role.HCALCS: ("CS07",),
}
"""Use cases that follow a device's joining: clock, firmware version, configuration, pairing."""

TELL_COMMISSIONED = (Role.ESME, Role.GSME)
"""Whose supplier waits for the alert that it is commissioned (critical, mandated) before it sets the clock."""

DAILY = (
    "ECS17b", "ECS66", "ECS21b", "ECS22a", "ECS20a", "ECS17a", "ECS19", "ECS52", "GCS13a", "GCS16a", "GCS17", "GCS60",
)  # fmt: skip
"""What suppliers and network operators read of a home every day."""

CHANGE_OF_SUPPLIER = ("CS02b", "ECS01a", "ECS25a", "ECS38", "ECS39a", "GCS01a", "GCS20", "GCS25", "GCS41")


def code_of(name: str) -> int:
    """Message code of a use case; of CS02b that of a supplier replacing its own certificates."""
    if name == "CS02b":
        return 0x0102
    row = use_case_by_name(name)
    assert row is not None, name
    return row.message_code


def ask(han: Han, names: Sequence[str], *, pause: float = 10, **more: Any) -> Wait:
    """Commands one after the other; those of the gas meter only have to be posted. Returns their exchanges."""
    dcc = dcc_of(han)
    done: list[Exchange] = []
    for name in names:
        code = code_of(name)
        if dcc.recipient(code).role == Role.GSME:
            han.env.process(dcc.exchange(code, **more))
        else:
            done.append((yield from dcc.exchange(code, **more)))
        yield han.wait(han.rng.uniform(0.3, 1.0) * pause)
    return done


def whitelist(han: Han) -> Wait:
    """CCS01 to the hub before a device may join, and the hub's alert that its device log changed."""
    dcc = dcc_of(han)
    yield from dcc.exchange(code_of("CCS01"))
    yield from notify(dcc, DEVICE_LOG_CHANGED, Role.CHF)


def commission(han: Han, node: Node) -> Wait:
    """What follows when a device has joined and has its link key: a meter says so, then it is commissioned."""
    if node.role in TELL_COMMISSIONED:
        yield from raise_alert(dcc_of(han), GENERIC_CRITICAL, dcc_of(han).entity(node), COMMISSIONED)
    names = COMMISSIONING.get(node.role, ())
    if names:
        yield from ask(han, names, recipient=dcc_of(han).entity(node))


def daily(han: Han) -> Wait:
    """The night's reads, twelve use cases spread over an hour, every day; a power quality alert now and then."""
    stream = han.stream("daily reads")
    while True:
        yield han.wait(stream.uniform(600, 1200))
        yield from ask(han, DAILY, pause=120)
        yield han.wait(stream.uniform(3600, 7200))
        dcc = dcc_of(han)
        yield from notify(
            dcc, GENERIC_CRITICAL, Role.ESME, alert_code=POWER_QUALITY, party="Network operator"
        )
        yield han.wait(max(0.0, 86_400 - (han.env.now / 1e9) % 86_400))


def notify(
    dcc: Dcc, code: int, role: Role, *, alert_code: int | None = None, party: str = "Supplier A", **more: Any
) -> Wait:
    """An alert from the home's device of a role to a party by its name."""
    done = yield from raise_alert(dcc, code, dcc.device(role), alert_code, party=party, **more)
    return done


def raise_alert(
    dcc: Dcc, code: int, device: Entity, alert_code: int | None, *, party: str = "Supplier A", **more: Any
) -> Wait:
    """An alert of a device to a party by its name; the code of a generic one, or None where its use case has one."""
    to = dcc.parties[party]
    counter = dcc.counter(device)
    if alert_code is None:
        payload = alerts.payload(dcc, code, device, to, counter)
    else:
        payload = alerts.generic(dcc, device, alert_code, counter)
    done = yield from dcc.alert(code, device, payload, to=to, counter=counter, **more)
    return done


def token(han: Han, meter: Node, pence: int) -> str:
    """The 20 digits that the supplier sells for a meter: a top-up of so many pence (GBCS section 14)."""
    dcc = dcc_of(han)
    supplier = dcc.parties["Supplier A"]
    counter = dcc.counter(supplier, token=True)
    return utrn.generate(supplier.octets, dcc.entity(meter).octets, counter, pence, dcc.keystore)


def top_up(han: Han) -> Wait:
    """A token for each meter: by the supplier (CS01a, CS01b), and at the display for the gas meter (PCS01)."""
    done = yield from ask(han, ("CS01a", "CS01b", "ECS08a", "ECS09", "ECS82", "PCS01", "PCS02"), pause=60)
    yield from notify(dcc_of(han), GENERIC_NON_CRITICAL, Role.ESME, alert_code=TOP_UP_ACCEPTED)
    return done


def hand_over(han: Han) -> Wait:
    """The new supplier: certificates replaced, tariff and payment set; the outcome of the dated part comes later."""
    dcc = dcc_of(han)
    yield from ask(han, CHANGE_OF_SUPPLIER, pause=30, originator=dcc.parties["Supplier B"])
    yield han.wait(60)
    yield from notify(dcc, FUTURE_DATED_DLMS, Role.ESME)


def activate(han: Han, role: Role) -> Wait:
    """The device says that firmware has come, the supplier has it activated (CS06), the device says how that went."""
    dcc = dcc_of(han)
    yield from notify(dcc, 0x00CF if role == Role.GSME else 0x00CE, role)
    yield han.wait(30)
    activating = dcc.exchange(code_of("CS06"), recipient=dcc.device(role))
    if role == Role.GSME:
        han.env.process(activating)
        return
    yield from activating
    yield han.wait(60)
    yield from notify(dcc, 0x012B, role)

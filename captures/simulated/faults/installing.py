"""Installations that stop half way."""

from __future__ import annotations

from captures.simulated.air.medium import Wait
from captures.simulated.faults.keys import newcomer
from captures.simulated.faults.registry import FaultKind, Play, fault
from captures.simulated.remote.dcc import dcc_of
from captures.simulated.stack import joining
from captures.simulated.stack.network import Role

__all__: list[str] = []

KEEP_ALIVE, READ = 0x0025, 0x00
SET_TARIFF, HARDWARE_FAULT, TEMPORARY, DENIED = 0x0019, 1, 2, 3


@fault("join-without-link-key", "A device joins, and never agrees on a link key", kind=FaultKind.FAULT)
def join_without_link_key(play: Play) -> Wait:
    node = newcomer(play)
    yield from joining.open_joining(play.han.hub, 180)
    with play.marking(node):
        yield from joining.join(node)


@fault(
    "tariff-not-loaded",
    "The electricity meter that was installed just now refuses its tariff",
    kind=FaultKind.FAULT,
    needs=(Role.ESME,),
)
def tariff_not_loaded(play: Play) -> Wait:
    dcc = dcc_of(play.han)
    play.row.device = dcc.device(Role.ESME).address
    result = play.rng.choice((HARDWARE_FAULT, TEMPORARY, DENIED))
    for _ in range(play.count(2)):
        yield from dcc.exchange(
            SET_TARIFF, change_payload=lambda payload: payload[:-1] + bytes([result]), faults=play.mark
        )
        yield play.wait(30, 90)


@fault(
    "sleeper-never-polls",
    "A device that sleeps joins, tells things, and asks for nothing",
    kind=FaultKind.FAULT,
)
def sleeper_never_polls(play: Play) -> Wait:
    node, hub = newcomer(play), play.han.hub
    node.rx_on = False
    yield from joining.open_joining(hub, 180)
    yield from joining.join(node)
    yield play.wait(60)
    for _ in range(4 + play.count(6)):
        yield from node.send_zcl(hub, KEEP_ALIVE, READ, b"\0\0", general=True, ack=False, faults=play.mark)
        yield play.wait(150, 240)

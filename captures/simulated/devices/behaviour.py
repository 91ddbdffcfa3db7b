"""What joined devices do all day: link status, keep-alive, time, pushes, polls, wake-ups.

Each behaviour is a process that runs for ever; `live` starts those of a device's role.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence

from captures.simulated.air.events import simpy
from captures.simulated.air.medium import Wait
from captures.simulated.air.truth import FrameTruth
from captures.simulated.devices import gas_mirror, metering
from captures.simulated.stack import attributes
from captures.simulated.stack.clusters import KEEP_ALIVE, METERING, PREPAYMENT, PRICE, TIME
from captures.simulated.stack.network import Role
from captures.simulated.stack.node import HomeNetwork, Node

__all__ = ["displays", "live"]

Behaviour = Callable[[Node], Wait]


def live(node: Node) -> None:
    """Start the life of a joined device."""
    processes = [*_COMMON, *_BY_ROLE.get(node.role, ())]
    for behaviour in processes:
        node.han.env.process(behaviour(node))


def every(
    node: Node, name: str, *, spread: float = 0.02, first: float | None = None
) -> Iterator[simpy.Event]:
    """Waits of `name` seconds each, a little random, beginning somewhere in the first period."""
    han = node.han
    rng = han.stream(f"{name} {node.name}")

    period = han.profile.number(name)
    yield han.wait(rng.uniform(0, period) if first is None else first)
    while True:
        yield han.wait(period * rng.uniform(1 - spread, 1 + spread))


def joined(node: Node) -> bool:
    """Whether the device may talk to the hub: in the network, and with a link key of this hub."""
    return node.up and node.joined and node.han.hub.eui64 in node.link_keys


def link_status(node: Node) -> Wait:
    """Routers and the hub tell who they hear (NWK command 0x08), about every 15 s."""
    if not (node.router or node.role == Role.CHF):
        return
    han = node.han
    for pause in every(node, "nwk.link_status_interval", spread=0.08):
        yield pause
        if not (node.up and node.joined and (node.router or node.role == Role.CHF)):
            continue
        near = [
            n for n in han.nodes if n is not node and n.joined and n.up and (n.router or n.role == Role.CHF)
        ]
        body = bytes([0x08, 0x60 | len(near)])
        for other in sorted(near, key=lambda n: n.short):
            body += struct.pack("<HB", other.short, _cost(other, node) | _cost(node, other) << 4)
        truth: FrameTruth = {"nwk": "command", "nwk_command": 8}
        yield from node.broadcast(body, truth, command=True, radius=1)


def _cost(sender: Node, receiver: Node) -> int:
    margin = sender.han.medium.rssi(sender, receiver) - receiver.sensitivity_dbm
    return 1 if margin > 20 else 3 if margin > 12 else 5 if margin > 6 else 7


def keep_alive(node: Node) -> Wait:
    """Read the keep-alive cluster of the hub: base minutes plus a random jitter (ZSE 0x0025)."""
    if node.role == Role.CHF:
        return
    han = node.han
    rng = han.stream(f"keepalive {node.name}")
    while True:
        wait = han.profile.number("keepalive.base") * 60 + rng.uniform(
            0, han.profile.number("keepalive.jitter")
        )
        yield han.wait(wait)
        if joined(node) and node.rx_on:
            yield from attributes.read(node, han.hub, KEEP_ALIVE, (0, 1))


def read_time(node: Node) -> Wait:
    """Every device takes the hub's time at least daily (GBCS s.9)."""
    if node.role == Role.CHF:
        return
    for pause in every(node, "time.read_interval", first=node.han.stream(f"time {node.name}").uniform(2, 60)):
        yield pause
        if joined(node):
            yield from attributes.read(node, node.han.hub, TIME, (0, 1))


def push_power(node: Node) -> Wait:
    """The electricity meter reports its demand every 10 s to the displays that are bound to it."""
    for pause in every(node, "esme.power_push", spread=0.01):
        yield pause
        for display in displays(node.han):
            if node.up and node.joined and display.up and node.link_keys.get(display.eui64):
                yield from attributes.report(node, display, METERING, (metering.DEMAND,), ack=False)


def push_registers(node: Node) -> Wait:
    """The electricity meter reports its register half-hourly."""
    for pause in every(node, "esme.register_push"):
        yield pause
        for display in displays(node.han):
            if not (node.up and node.joined and display.up and node.link_keys.get(display.eui64)):
                continue
            reading = metering.electricity_meter(node).energy()
            attributes_ = (metering.CURRENT_SUMMATION, metering.DAILY)
            if (yield from attributes.report(node, display, METERING, attributes_)):
                metering.note_reading(node, "active energy import", reading, "Wh", 1000)


def displays(han: HomeNetwork) -> Sequence[Node]:
    """In-home displays and prepayment interfaces."""
    return [n for n in han.nodes if n.role in (Role.PPMID, Role.IHD) and n.joined]


def poll_registers(node: Node) -> Wait:
    """A consumer access device reads the electricity register and demand."""
    for pause in every(node, "cad.poll_interval"):
        yield pause
        meter = node.han.having(Role.ESME)
        if meter is not None and node.up and node.joined and node.link_keys.get(meter.eui64):
            yield from attributes.read(node, meter, METERING, (metering.CURRENT_SUMMATION, metering.DEMAND))


def learn_formatting(node: Node) -> Wait:
    """A display reads unit, multiplier, divisor and formatting of the meter, once."""
    han = node.han
    yield han.wait(han.stream(f"formatting {node.name}").uniform(1, 20))
    for server, endpoint in _meters(node):
        yield from attributes.read(
            node, server, METERING, (0x0300, 0x0301, 0x0302, 0x0303), endpoints=(1, endpoint)
        )


def _meters(node: Node) -> list[tuple[Node, int]]:
    """The electricity meter, and the gas meter's mirror on the hub."""
    esme = node.han.having(Role.ESME)
    found = [(esme, 1)] if esme is not None and node.link_keys.get(esme.eui64) else []
    if node.han.hub.part(gas_mirror.Mirror).there:
        found.append((node.han.hub, gas_mirror.MIRROR_ENDPOINT))
    return found


def ask_prices(node: Node) -> Wait:
    """A display asks the meter for its price and the hub for messages."""
    han = node.han
    name = "ihd.poll_interval" if node.role == Role.IHD else "ppmid.poll_interval"
    for pause in every(node, name):
        yield pause
        meter = han.having(Role.ESME)
        if meter is None or not (node.up and node.joined and node.link_keys.get(meter.eui64)):
            continue
        arrived, seq = yield from node.send_zcl(meter, PRICE, 0x00, b"\x01", asks=True)
        if arrived:
            yield from metering.publish_price(meter, node, seq)
        yield from attributes.read(node, meter, METERING, (metering.CURRENT_SUMMATION, metering.STATUS))
        if node.role == Role.PPMID:
            yield from attributes.read(node, meter, PREPAYMENT, (0x0000, 0x0001))


def wake(node: Node) -> Wait:
    """The gas meter wakes half-hourly: polls, reports to its mirror, takes what waits for it."""
    for pause in every(node, "gsme.wake_interval", spread=0.003):
        yield pause
        if not (node.up and node.joined):
            continue
        yield from node.poll()
        if not node.han.hub.part(gas_mirror.Mirror).there:
            continue
        yield from gas_mirror.report_to_mirror(node)
        yield from node.poll()


def poll_switch(node: Node) -> Wait:
    """A load control switch asks the hub for events."""
    for pause in every(node, "hcalcs.poll_interval"):
        yield pause
        if joined(node):
            yield from attributes.read(node, node.han.hub, KEEP_ALIVE, (0,))


_COMMON: tuple[Behaviour, ...] = (link_status, keep_alive, read_time)
_BY_ROLE: dict[Role, tuple[Behaviour, ...]] = {
    Role.ESME: (push_power, push_registers),
    Role.GSME: (wake,),
    Role.PPMID: (learn_formatting, ask_prices),
    Role.IHD: (learn_formatting, ask_prices),
    Role.CAD: (learn_formatting, poll_registers),
    Role.HCALCS: (poll_switch,),
}

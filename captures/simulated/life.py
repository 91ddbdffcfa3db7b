"""What joined devices do all day: link status, keep-alive, time, pushes, polls, wake-ups.

Each behaviour is a process that runs for ever; `live` starts those of a device's role.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from captures.simulated import attributes, metering, tunnels
from captures.simulated.medium import Wait
from captures.simulated.node import Node

__all__ = ["equip", "live"]

BASIC, TIME, KEEP_ALIVE, PRICE, METERING, MESSAGING, PREPAYMENT = (
    0,
    0x0A,
    0x25,
    0x0700,
    0x0702,
    0x0703,
    0x0705,
)
MIRROR_ENDPOINT = 2


def equip(node: Node) -> None:
    """Give a device the attributes of its role."""
    han = node.han
    attributes.hold(
        node,
        BASIC,
        {0x0000: (0x20, 3), 0x0004: (0x42, "hanscope"), 0x0005: (0x42, node.role), 0x0007: (0x30, 1)},
    )
    if node.role == "CHF":
        attributes.hold(
            node,
            TIME,
            {0x0000: (0xE2, lambda: han.utc + node.memory.get("clock error", 0)), 0x0001: (0x18, 0x03),
             0x0002: (0x2B, 0), 0x0003: (0x23, 0xFFFFFFFF), 0x0005: (0x2B, 0), 0x0007: (0x23, lambda: han.utc),
             0x0008: (0xE2, lambda: han.utc)},
        )  # fmt: skip
        base, jitter = han.profile.whole("keepalive.base"), han.profile.whole("keepalive.jitter")
        attributes.hold(node, KEEP_ALIVE, {0x0000: (0x20, base), 0x0001: (0x21, jitter)})
        mask = 0x07FF_FFFF  # of each page: which of its 27 channels may be used
        attributes.hold(
            node,
            0x070B,
            {0: (0x1B, 0)} | {p - 27: (0x1B, p << 27 & 0xFFFF_FFFF | mask) for p in range(28, 32)},
        )
    elif node.role == "ESME":
        metering.give_electricity(node)
    elif node.role == "GSME":
        metering.give_gas(node)
    elif node.role == "HCALCS":
        attributes.hold(node, 0x0701, {0x0000: (0x20, 0), 0x0001: (0x20, 0)})


def live(node: Node) -> None:
    """Start the life of a joined device."""
    processes = [*_COMMON, *_BY_ROLE.get(node.role, ())]
    for behaviour in processes:
        node.han.env.process(behaviour(node))


def every(node: Node, name: str, *, spread: float = 0.02, first: float | None = None) -> Any:
    """Waits of `name` seconds each, a little random, beginning somewhere in the first period."""
    han = node.han
    rng = han.stream(f"{name} {node.name}")

    def waits() -> Any:
        period = han.profile.number(name)
        yield han.wait(rng.uniform(0, period) if first is None else first)
        while True:
            yield han.wait(period * rng.uniform(1 - spread, 1 + spread))

    return waits()


def joined(node: Node) -> bool:
    """Whether the device may talk to the hub: in the network, and with a link key of this hub."""
    return node.up and node.joined and node.han.hub.eui64 in node.link_keys


def link_status(node: Node) -> Wait:
    """Routers and the hub tell who they hear (NWK command 0x08), about every 15 s."""
    if not (node.router or node.role == "CHF"):
        return
    han = node.han
    for pause in every(node, "nwk.link_status_interval", spread=0.08):
        yield pause
        if not (node.up and node.joined):
            continue
        near = [n for n in han.nodes if n is not node and n.joined and n.up and (n.router or n.role == "CHF")]
        body = bytes([0x08, 0x60 | len(near)])
        for other in sorted(near, key=lambda n: n.short):
            body += struct.pack("<HB", other.short, _cost(other, node) | _cost(node, other) << 4)
        truth = {"nwk": "command", "nwk_command": 8}
        yield from node.broadcast(body, truth, command=True, radius=1)


def _cost(sender: Node, receiver: Node) -> int:
    margin = sender.han.medium.rssi(sender, receiver) - receiver.sensitivity_dbm
    return 1 if margin > 20 else 3 if margin > 12 else 5 if margin > 6 else 7


def keep_alive(node: Node) -> Wait:
    """Read the keep-alive cluster of the hub: base minutes plus a random jitter (ZSE 0x0025)."""
    if node.role == "CHF":
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
    if node.role == "CHF":
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
            reading = node.memory["meter"].energy()
            attributes_ = (metering.CURRENT_SUMMATION, metering.DAILY)
            if (yield from attributes.report(node, display, METERING, attributes_)):
                note_reading(node, "active energy import", reading, "Wh", 1000)


def displays(han: Any) -> Sequence[Node]:
    """In-home displays and prepayment interfaces."""
    return [n for n in han.nodes if n.role in ("PPMID", "IHD") and n.joined]


def note_reading(node: Node, what: str, raw: int, unit: str, divisor: int) -> None:
    """A reading that went over the air, for the truth."""
    node.han.note("reading", device=f"{node.eui64:016x}", what=what, raw=raw, unit=unit, value=raw / divisor)


def poll_registers(node: Node) -> Wait:
    """A consumer access device reads the electricity register and demand."""
    for pause in every(node, "cad.poll_interval"):
        yield pause
        meter = node.han.having("ESME")
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
    esme = node.han.having("ESME")
    found = [(esme, 1)] if esme is not None and node.link_keys.get(esme.eui64) else []
    if node.han.hub.memory.get("mirror"):
        found.append((node.han.hub, MIRROR_ENDPOINT))
    return found


def ask_prices(node: Node) -> Wait:
    """A display asks the meter for its price and the hub for messages."""
    han = node.han
    name = "ihd.poll_interval" if node.role == "IHD" else "ppmid.poll_interval"
    for pause in every(node, name):
        yield pause
        meter = han.having("ESME")
        if meter is None or not (node.up and node.joined and node.link_keys.get(meter.eui64)):
            continue
        arrived, seq = yield from node.send_zcl(meter, PRICE, 0x00, b"\x01")
        if arrived:
            yield from publish_price(meter, node, seq)
        yield from attributes.read(node, meter, METERING, (metering.CURRENT_SUMMATION, metering.STATUS))
        if node.role == "PPMID":
            yield from attributes.read(node, meter, PREPAYMENT, (0x0000, 0x0001))


def publish_price(meter: Node, display: Node, seq: int | None = None) -> Wait:
    """Publish Price as it stands: 28.35 pence a kWh."""
    from dissectors.zcl.build import build_payload

    now = meter.han.utc
    values = {
        "provider_id": 0x00010000, "rate_label": b"Standard", "issuer_event_id": meter.memory.get("tariff", 1),
        "current_time": now, "unit_of_measure": 0, "currency": 826, "price_trailing_digit_and_price_tier": 0x51,
        "number_of_price_tiers_and_register_tier": 0x11, "start_time": now - now % 1800, "duration_in_minutes": 30,
        "price": meter.memory.get("price", 28_350), "price_ratio": 0xFF, "generation_price": 0xFFFFFFFF,
        "generation_price_ratio": 0xFF, "alternate_cost_delivered": 0xFFFFFFFF, "alternate_cost_unit": 0xFF,
        "alternate_cost_trailing_digit": 0xFF, "number_of_block_thresholds": 0xFF, "price_control": 0,
    }  # fmt: skip
    payload = build_payload(PRICE, "to-client", 0x00, values)
    truth = {"price": values["price"]}
    yield from meter.send_zcl(display, PRICE, 0x00, payload, to_client=True, seq=seq, truth=truth)


def wake(node: Node) -> Wait:
    """The gas meter wakes half-hourly: polls, reports to its mirror, takes what waits for it."""
    han = node.han
    for pause in every(node, "gsme.wake_interval", spread=0.003):
        yield pause
        if not (node.up and node.joined):
            continue
        yield from node.poll()
        if not han.hub.memory.get("mirror"):
            continue
        reading = node.memory["meter"].volume()
        attributes_ = (metering.CURRENT_SUMMATION, metering.STATUS)
        endpoints = (1, MIRROR_ENDPOINT)
        if (yield from attributes.report(node, han.hub, METERING, attributes_, endpoints=endpoints)):
            note_reading(node, "gas volume", reading, "l", 1000)
            yield from answer_mirror(han.hub, node)
        yield from node.poll()


def answer_mirror(hub: Node, meter: Node) -> Wait:
    """Mirror Report Attribute Response: the notification flags say what waits for the meter."""
    queue = tunnels.waiting(hub, meter)
    flags = 0x0020_0000 if queue else 0  # bit 21: a tunnel message waits (ZSE D.3.3.2.1)
    payload = struct.pack("<B5I", 2, flags, 0, 0, 0, 0)  # scheme B has five words of flags
    sending = hub.send_zcl(
        meter, METERING, 0x09, payload, endpoints=(MIRROR_ENDPOINT, 1), truth={"flags": flags}
    )
    yield from meter.awake_for(sending)
    if queue:
        yield from tunnels.fetch(hub, meter)


def request_mirror(hub: Node, meter: Node) -> Wait:
    """Request Mirror, its answer, Configure Mirror and the notification scheme."""
    arrived, seq = yield from meter.awake_for(hub.send_zcl(meter, METERING, 0x01, b"", to_client=True))
    if not arrived:
        return
    yield from meter.send_zcl(hub, METERING, 0x01, struct.pack("<H", MIRROR_ENDPOINT), seq=seq)
    hub.memory["mirror"] = True
    attributes.hold(
        hub, METERING, {0x0300: (0x30, 1), 0x0301: (0x22, 1), 0x0302: (0x22, 1000), 0x0303: (0x18, 0xFB)}
    )
    interval = meter.han.profile.whole("gsme.wake_interval")
    payload = struct.pack("<I", 1) + interval.to_bytes(3, "little") + b"\x01\x02"
    yield from meter.awake_for(hub.send_zcl(meter, METERING, 0x08, payload, to_client=True))


def poll_switch(node: Node) -> Wait:
    """A load control switch asks the hub for events."""
    for pause in every(node, "hcalcs.poll_interval"):
        yield pause
        if joined(node):
            yield from attributes.read(node, node.han.hub, KEEP_ALIVE, (0,))


_COMMON = (link_status, keep_alive, read_time)
_BY_ROLE = {
    "ESME": (push_power, push_registers),
    "GSME": (wake,),
    "PPMID": (learn_formatting, ask_prices),
    "IHD": (learn_formatting, ask_prices),
    "CAD": (learn_formatting, poll_registers),
    "HCALCS": (poll_switch,),
}

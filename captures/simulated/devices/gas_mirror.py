"""The gas meter's mirror on the hub: how it is asked for, reported to, and what it tells the meter that waits for it.

Sources: ZSE 1.2 annex D.3.3 (mirroring), D.3.3.2.1 (notification flags); GBCS 4.4 section 10.3.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from captures.simulated.air.medium import Wait
from captures.simulated.devices import metering
from captures.simulated.stack import attributes, tunnels
from captures.simulated.stack.clusters import METERING
from captures.simulated.stack.node import Node

__all__ = ["MIRROR_ENDPOINT", "Mirror", "hold_mirror", "report_to_mirror", "request_mirror"]

MIRROR_ENDPOINT = 2
TUNNEL_MESSAGE_WAITS = 0x0020_0000  # bit 21 of the functional flags


@dataclass(slots=True)
class Mirror:
    """Whether a hub has a mirror for its gas meter."""

    there: bool = False


def hold_mirror(hub: Node) -> None:
    """The hub has the mirror, with the meter's unit, multiplier, divisor and formatting."""
    hub.part(Mirror).there = True
    attributes.hold(
        hub, METERING, {0x0300: (0x30, 1), 0x0301: (0x22, 1), 0x0302: (0x22, 1000), 0x0303: (0x18, 0xFB)}
    )


def report_to_mirror(meter: Node) -> Wait:
    """The meter reports its register, and takes what waits for it; the reading is noted when it arrived."""
    hub = meter.han.hub
    reading = metering.gas_meter(meter).volume()
    reported = (metering.CURRENT_SUMMATION, metering.STATUS)
    endpoints = (meter.endpoint, MIRROR_ENDPOINT)
    if (yield from attributes.report(meter, hub, METERING, reported, endpoints=endpoints)):
        metering.note_reading(meter, "gas volume", reading, "l", 1000)
        yield from answer(meter.han.hub, meter)


def answer(hub: Node, meter: Node) -> Wait:
    """Mirror Report Attribute Response: the notification flags say what waits for the meter."""
    queue = tunnels.waiting(hub, meter)
    flags = TUNNEL_MESSAGE_WAITS if queue else 0
    payload = struct.pack("<B5I", 2, flags, 0, 0, 0, 0)  # scheme B has five words of flags
    sending = hub.send_zcl(
        meter, METERING, 0x09, payload, endpoints=(MIRROR_ENDPOINT, meter.endpoint), truth={"flags": flags}
    )
    yield from meter.awake_for(sending)
    if queue:
        yield from tunnels.fetch(hub, meter)


def request_mirror(hub: Node, meter: Node) -> Wait:
    """The meter asks for a mirror, gets its endpoint, and says how it will report (Configure Mirror)."""
    arrived, seq = yield from meter.send_zcl(hub, METERING, 0x01, b"", to_client=True)
    if not arrived:
        return
    endpoint = struct.pack("<H", MIRROR_ENDPOINT)
    yield from meter.awake_for(hub.send_zcl(meter, METERING, 0x01, endpoint, seq=seq))
    hold_mirror(hub)
    interval = meter.han.profile.whole("gsme.wake_interval")
    payload = struct.pack("<I", 1) + interval.to_bytes(3, "little") + b"\x01\x02"
    yield from meter.send_zcl(hub, METERING, 0x08, payload, to_client=True)

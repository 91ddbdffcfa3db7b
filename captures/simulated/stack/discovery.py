"""ZigBee device objects of the simulated devices: announce, descriptors, binds, and who offers which cluster.

Device identifiers and cluster lists: ZigBee Smart Energy profile 0x0109 (ZSE 1.2 clause 6, 1.4 device tables).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from captures.simulated.air.exchanges import ExchangeNote, begin, inside
from captures.simulated.air.medium import MICROSECOND, Wait
from captures.simulated.air.truth import FrameTruth
from captures.simulated.stack.network import PROFILE_SE, PROFILE_ZDP, Role
from captures.simulated.stack.node import Node
from captures.simulated.stack.nwk import BROADCAST_ALL, BROADCAST_RX_ON
from dissectors.zigbee import assemble

__all__ = ["APPLICATIONS", "Application", "announce", "bind", "describe", "find_server"]


@dataclass(frozen=True, slots=True)
class Application:
    """A simple descriptor: device identifier, clusters it serves, clusters it uses."""

    device_id: int
    servers: tuple[int, ...]
    clients: tuple[int, ...]


_COMMON = (0x0000, 0x0003, 0x0800)
APPLICATIONS = {
    Role.CHF: Application(
        0x0500,
        (
            *_COMMON,
            0x000A,
            0x0019,
            0x0025,
            0x0700,
            0x0702,
            0x0703,
            0x0704,
            0x0705,
            0x0707,
            0x0708,
            0x0709,
            0x070B,
        ),
        (0x0700, 0x0702, 0x0705, 0x0800),
    ),
    Role.ESME: Application(
        0x0501,
        (*_COMMON, 0x0700, 0x0702, 0x0704, 0x0705, 0x0707, 0x0708),
        (0x000A, 0x0019, 0x0025, 0x0704, 0x0800),
    ),
    Role.GSME: Application(
        0x0501,
        (*_COMMON, 0x0702, 0x0704, 0x0705),
        (0x000A, 0x0019, 0x0025, 0x0702, 0x0704, 0x0708, 0x070B, 0x0800),
    ),
    Role.PPMID: Application(
        0x0502, _COMMON, (0x000A, 0x0019, 0x0025, 0x0700, 0x0702, 0x0703, 0x0704, 0x0705, 0x0800)
    ),
    Role.IHD: Application(0x0502, _COMMON, (0x000A, 0x0025, 0x0700, 0x0702, 0x0703, 0x0705, 0x0800)),
    Role.CAD: Application(0x0507, _COMMON, (0x000A, 0x0025, 0x0700, 0x0702, 0x0705, 0x0800)),
    Role.HCALCS: Application(0x0504, (*_COMMON, 0x0701), (0x000A, 0x0019, 0x0025, 0x0701, 0x0704, 0x0800)),
}
"""By role. Endpoint 1 everywhere."""

_ANNOUNCE, _NODE, _SIMPLE, _ACTIVE, _MATCH, _BIND = 0x0013, 0x0002, 0x0004, 0x0005, 0x0006, 0x0021
_ANSWER = 0x8000


def capability(node: Node) -> int:
    """The MAC capability field: device type, power source, receiver, security, allocate address."""
    return node.router << 1 | node.rx_on << 2 | node.rx_on << 3 | 0x80


def announce(node: Node, exchange: ExchangeNote | None = None) -> Wait:
    """Device_annce after joining or rejoining."""
    asdu = struct.pack("<BHQB", node.next_zcl(), node.short, node.eui64, capability(node))
    header = assemble.aps_data(_ANNOUNCE, PROFILE_ZDP, 0, 0, node.next_aps(), broadcast=True)
    truth: FrameTruth = {"aps_cluster": _ANNOUNCE, "aps_profile": PROFILE_ZDP, "zdp": "Device_annce"}
    if exchange is not None:
        truth = {**truth, **inside(exchange)}
        exchange.ended("ok")
    if node.rx_on:
        yield from node.broadcast(header + asdu, truth, to=BROADCAST_RX_ON)
        return
    # A sleeping child hands its broadcast to its parent, which sends it on (05-3474 clause 3.6.5).
    nwk = assemble.nwk_header(BROADCAST_RX_ON, node.short, node.next_nwk())
    assert node.parent is not None
    octets = node.nwk_frame(node.parent.short, nwk, header + asdu, secured=True, ack=True)
    fact: FrameTruth = {
        **truth, **node.says("data"), "nwk_src": node.short, "nwk_dst": BROADCAST_RX_ON,
        "nwk_counter": node.nwk_counter,
    }  # fmt: skip
    yield from node.put(octets, node.parent, fact)
    yield node.han.env.timeout(20_000 * MICROSECOND)
    octets = node.parent.nwk_frame(BROADCAST_ALL, nwk, header + asdu, secured=True, ack=False)
    repeated: FrameTruth = {**fact, "sender": node.parent.address, "nwk_counter": node.parent.nwk_counter}
    yield from node.parent.put(octets, None, repeated)


def ask(asker: Node, asked: Node, cluster: int, request: bytes, answer: bytes) -> Wait:
    """A ZDP request and its response; returns whether both arrived."""
    seq = bytes([asker.next_zcl()])
    exchange = begin(asker.han, "zdp", asker.address, asked.address, cluster=cluster)
    truth: FrameTruth = {"zdp": cluster, **inside(exchange)}
    arrived = yield from asker.send_aps(asked, cluster, seq + request, truth, profile=PROFILE_ZDP, ack=False)
    if not arrived:
        exchange.ended("undelivered")
        return False
    truth = {"zdp": cluster | _ANSWER, **inside(exchange, answer=True)}
    back = asked.send_aps(asker, cluster | _ANSWER, seq + answer, truth, profile=PROFILE_ZDP, ack=False)
    arrived = yield from asker.awake_for(back)
    exchange.ended("ok" if arrived else "undelivered")
    return arrived


def node_descriptor(node: Node) -> bytes:
    """13 octets (05-3474 clause 2.3.2.3): type, band, capability, manufacturer, sizes, server mask."""
    kind = 0 if node.role == Role.CHF else 1 if node.router else 2
    band = 0x40 if node.page == 0 else 0x02 << 3
    server = 0x2C41 if node.role == Role.CHF else 0x2C00
    return struct.pack("<BBBHBHHHB", kind, band, capability(node), 0x1234, 82, 1500, server, 1500, 0)


def simple_descriptor(node: Node) -> bytes:
    application = APPLICATIONS[node.role]
    out = struct.pack("<BHHB", node.endpoint, PROFILE_SE, application.device_id, 0)
    for clusters in (application.servers, application.clients):
        out += bytes([len(clusters)]) + b"".join(struct.pack("<H", c) for c in clusters)
    return out


def describe(asker: Node, asked: Node) -> Wait:
    """Node descriptor, active endpoints, simple descriptor."""
    address = struct.pack("<H", asked.short)
    success = b"\x00" + address
    yield from ask(asker, asked, _NODE, address, success + node_descriptor(asked))
    endpoints = bytes([1, asked.endpoint])
    yield from ask(asker, asked, _ACTIVE, address, success + endpoints)
    simple = simple_descriptor(asked)
    request = address + bytes([asked.endpoint])
    yield from ask(asker, asked, _SIMPLE, request, success + bytes([len(simple)]) + simple)


def find_server(asker: Node, cluster: int, server: Node) -> Wait:
    """Match descriptor request to `server`, which has the cluster."""
    address = struct.pack("<H", server.short)
    request = address + struct.pack("<HBHB", PROFILE_SE, 1, cluster, 0)
    yield from ask(asker, server, _MATCH, request, b"\x00" + address + bytes([1, server.endpoint]))


def bind(asker: Node, asked: Node, cluster: int) -> Wait:
    """Bind `asked`'s cluster to `asker`, so that it reports."""
    request = struct.pack("<QBHBQB", asked.eui64, asked.endpoint, cluster, 3, asker.eui64, asker.endpoint)
    yield from ask(asker, asked, _BIND, request, b"\x00")

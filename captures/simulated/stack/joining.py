"""Forming the network and joining it: beacons, association, keys, announce, rejoin, key update.

Sources: ZigBee PRO 05-3474 clauses 3.6.1 (joining), 4.4.9 (APS commands), 4.6.3 (trust centre); ZSE 1.2 annex C
(key establishment); GBCS 4.4 s.10.2 (what GB networks use of it).
"""

from __future__ import annotations

import struct
from typing import Literal

from captures.simulated.air.exchanges import ExchangeNote, begin, inside
from captures.simulated.air.medium import SECOND, Wait
from captures.simulated.air.truth import FrameTruth, LinkKey, NetworkKey
from captures.simulated.stack import discovery
from captures.simulated.stack.network import Role
from captures.simulated.stack.node import Node
from captures.simulated.stack.nwk import BROADCAST_ALL
from dissectors.zigbee import assemble, install_code_key, key_load_key, key_transport_key

__all__ = [
    "associate",
    "deliver_network_key",
    "form",
    "join",
    "new_short",
    "open_joining",
    "rejoin",
    "update_network_key",
]

_ASSOCIATE, _ASSOCIATED, _BEACON_REQUEST = 0x01, 0x02, 0x07
_TRANSPORT_KEY, _REQUEST_KEY, _SWITCH_KEY = 0x05, 0x08, 0x09
_NETWORK_KEY, _APPLICATION_KEY = 0x01, 0x03
_REJOIN, _REJOIN_ANSWER, _TIMEOUT, _TIMEOUT_ANSWER = 0x06, 0x07, 0x0B, 0x0C
WELL_KNOWN = b"ZigBeeAlliance09"

Protection = Literal["transport", "clear"]


def beacon(node: Node) -> bytes:
    """The beacon of a router or the hub; its extended PAN ID is the hub's EUI-64 (GBCS s.10)."""
    han = node.han
    hub = node.role == Role.CHF
    return assemble.mac_beacon(
        node.next_mac(),
        han.pan,
        node.short,
        han.epid,
        permit_join=han.env.now < han.permit_until,
        coordinator=hub,
        depth=0 if hub else 1,
        update_id=han.update_id,
    )


def scan(node: Node) -> Wait:
    """An active scan: a beacon request, and the beacons of all who hear it."""
    han = node.han
    octets = assemble.mac_command(node.next_mac(), _BEACON_REQUEST, dst_pan=0xFFFF, dst=0xFFFF, ack=False)
    yield from node.put(
        octets, None, {"mac": "command", "mac_command": _BEACON_REQUEST, "sender": node.address}
    )
    for other in han.nodes:
        if other.joined and other.up and (other.role == Role.CHF or other.router) and other is not node:
            truth: FrameTruth = {**other.says("beacon"), "epid": f"{han.epid:016x}"}
            yield from other.put(beacon(other), None, truth)


def form(hub: Node) -> Wait:
    """The hub looks who else is there, and starts its network."""
    yield from scan(hub)
    yield hub.han.wait(0.5)
    hub.short, hub.joined, hub.key, hub.key_seq = 0x0000, True, hub.han.key, hub.han.key_seq
    hub.han.epid = hub.eui64
    yield from scan(hub)


def open_joining(hub: Node, seconds: float) -> Wait:
    """Mgmt_Permit_Joining to all routers, and the hub's own beacons say so."""
    han = hub.han
    han.permit_until = int(han.env.now) + round(seconds * SECOND)
    asdu = bytes([hub.next_zcl(), min(254, int(seconds)), 1])
    header = assemble.aps_data(0x0036, 0, 0, 0, hub.next_aps(), broadcast=True)
    yield from hub.broadcast(header + asdu, {"aps_cluster": 0x0036, "aps_profile": 0, "zdp": 0x0036})


def associate(node: Node, parent: Node, exchange: ExchangeNote | None = None) -> Wait:
    """Scan, association request, and the answer that the node fetches; returns whether it got an address."""
    han = node.han
    yield from scan(node)
    yield han.wait(0.3)
    joining = exchange or begin(han, "join", node.address, parent.address)
    octets = assemble.mac_command(
        node.next_mac(), _ASSOCIATE, bytes([discovery.capability(node)]),
        dst_pan=han.pan, dst=parent.short, src_pan=0xFFFF, src=node.eui64, src_extended=True,
    )  # fmt: skip
    truth: FrameTruth = {
        "mac": "command",
        "mac_command": _ASSOCIATE,
        "sender": node.address,
        **inside(joining),
    }
    if not (yield from node.put(octets, parent, truth)):
        return False
    short = new_short(node)
    answer = assemble.mac_command(
        parent.next_mac(), _ASSOCIATED, struct.pack("<HB", short, 0),
        dst_pan=han.pan, dst=node.eui64, dst_extended=True, src=parent.eui64, src_extended=True,
    )  # fmt: skip
    told: FrameTruth = {
        "mac": "command", "mac_command": _ASSOCIATED, "sender": parent.address, **inside(joining, answer=True)
    }  # fmt: skip
    node.parent = parent
    held = han.env.process(parent.hold(node, lambda: answer, told))
    yield han.wait(0.5)
    yield from node.poll()
    got = yield held
    if got:
        node.short = short
    return bool(got)


def new_short(node: Node) -> int:
    """A short address that nobody in the network has; the same for the same seed and name."""
    taken = {n.short for n in node.han.nodes}
    stream = node.han.stream(f"short address {node.name}")
    while (short := stream.randrange(0x0001, 0xFFF0)) in taken:
        pass
    return short


def transport_key(kind: int, key: bytes, seq: int, node: Node, source: int) -> bytes:
    """An APS Transport-Key command (05-3474 clause 4.4.9.1) for `node`."""
    out = bytes([_TRANSPORT_KEY, kind]) + key
    if kind == _NETWORK_KEY:
        return out + struct.pack("<BQQ", seq, node.eui64, source)
    return out + struct.pack("<QB", source, 0)


def deliver_network_key(
    hub: Node,
    node: Node,
    link_key: bytes,
    *,
    protection: Protection = "transport",
    faults: tuple[str, ...] = (),
    exchange: ExchangeNote | None = None,
) -> Wait:
    """The trust centre gives `node` the network key, under the key-transport key of `link_key`."""
    han = hub.han
    body = transport_key(_NETWORK_KEY, han.key, han.key_seq, node, hub.eui64)
    header = assemble.aps_header_command(hub.next_aps(), secured=protection == "transport")
    if protection == "transport":
        apdu = hub.protect_command(header, body, key_transport_key(link_key), assemble.KEY_TRANSPORT)
    else:
        apdu = header + body
    truth: FrameTruth = {"aps": "command", "aps_command": _TRANSPORT_KEY, "key": "network"}
    if exchange is not None:
        truth = {**truth, **inside(exchange)}
    sending = hub.send_nwk(node, apdu, truth, secured=False, faults=faults)
    arrived = yield from node.awake_for(sending)
    if arrived:
        node.key, node.key_seq = han.key, han.key_seq
    return arrived


def join(
    node: Node,
    *,
    link_key: bytes | None = None,
    protection: Protection = "transport",
    faults: tuple[str, ...] = (),
) -> Wait:
    """The whole way in: association, network key, announce, descriptors. Returns whether it is in."""
    han, hub = node.han, node.han.hub
    key = link_key if link_key is not None else install_code_key(node.install_code)
    node.join_key = key
    han.note(LinkKey(key, (node.eui64, hub.eui64), "install code"))
    exchange = begin(han, "join", node.address, hub.address)
    for _ in range(5):
        if (yield from associate(node, hub, exchange)):
            break
        yield han.wait(5)
    else:
        return False
    yield han.wait(0.05)
    arrived = yield from deliver_network_key(
        hub, node, key, protection=protection, faults=faults, exchange=exchange
    )
    if not arrived:
        return False
    node.joined = True
    yield han.wait(0.1)
    yield from discovery.announce(node, exchange)
    if not node.rx_on:
        yield from child_timeout(node)
    yield han.wait(0.2)
    yield from discovery.describe(node, hub)
    yield from discovery.describe(hub, node)
    yield from discovery.find_server(node, 0x0800, hub)
    return True


def child_timeout(node: Node) -> Wait:
    """End device timeout request and response: how long the parent keeps a silent child."""
    assert node.parent is not None
    truth: FrameTruth = {"nwk": "command", "nwk_command": _TIMEOUT}
    arrived = yield from node.send_nwk(node.parent, bytes([_TIMEOUT, 8, 0]), truth, command=True)
    if arrived:
        truth = {"nwk": "command", "nwk_command": _TIMEOUT_ANSWER}
        answer = node.parent.send_nwk(node, bytes([_TIMEOUT_ANSWER, 0, 1]), truth, command=True)
        yield from node.awake_for(answer)


def rejoin(node: Node, *, secured: bool = True, link_key: bytes | None = None) -> Wait:
    """NWK rejoin: request and response, then announce; returns whether it worked.

    Args:
        secured: under the network key; else the network key is delivered again, under the key-transport key
            of `link_key` (the key of the first join unless given).
    """
    han, hub = node.han, node.han.hub
    yield from scan(node)
    exchange = begin(han, "rejoin", node.address, hub.address)
    body = bytes([_REJOIN, discovery.capability(node)])
    truth: FrameTruth = {"nwk": "command", "nwk_command": _REJOIN, **inside(exchange)}
    arrived = yield from node.send_nwk(hub, body, truth, command=True, secured=secured, with_eui64=True)
    if not arrived:
        return False
    body = bytes([_REJOIN_ANSWER]) + struct.pack("<HB", node.short, 0)
    truth = {"nwk": "command", "nwk_command": _REJOIN_ANSWER, **inside(exchange, answer=True)}
    answer = hub.send_nwk(node, body, truth, command=True, secured=secured, with_eui64=True)
    if not (yield from node.awake_for(answer)):
        return False
    if not secured:
        yield han.wait(0.1)
        yield from deliver_network_key(hub, node, link_key or node.join_key, exchange=exchange)
    node.joined = True
    yield from discovery.announce(node, exchange)
    return True


def update_network_key(hub: Node, *, label: str = "network key 2") -> Wait:
    """A new network key to everybody, one by one, then the switch."""
    han = hub.han
    fresh, seq = han.octets(label, 16), (han.key_seq + 1) & 0xFF
    han.note(NetworkKey(fresh, han.pan, seq))
    for node in han.nodes:
        if node is hub or not node.joined:
            continue
        body = transport_key(_NETWORK_KEY, fresh, seq, node, hub.eui64)
        header = assemble.aps_header_command(hub.next_aps(), secured=True)
        link = hub.link_keys.get(node.eui64, node.join_key)
        apdu = hub.protect_command(header, body, key_transport_key(link), assemble.KEY_TRANSPORT)
        truth: FrameTruth = {"aps": "command", "aps_command": _TRANSPORT_KEY, "key": "network"}
        yield from node.awake_for(hub.send_nwk(node, apdu, truth))
    yield han.wait(2)
    header = assemble.aps_header_command(hub.next_aps(), secured=False)
    truth = {"aps": "command", "aps_command": _SWITCH_KEY}
    yield from hub.broadcast(header + bytes([_SWITCH_KEY, seq]), truth, to=BROADCAST_ALL)
    han.key, han.key_seq = fresh, seq
    for node in han.nodes:
        if node.joined:
            node.key, node.key_seq, node.nwk_counter = fresh, seq, 0


def request_key(asker: Node, partner: Node) -> Wait:
    """Request-Key for a key that two devices share (05-3474 4.4.5)."""
    hub = asker.han.hub
    body = bytes([_REQUEST_KEY, 0x02]) + struct.pack("<Q", partner.eui64)
    header = assemble.aps_header_command(asker.next_aps(), secured=True)
    apdu = asker.protect(header, body, asker.link_keys[hub.eui64])
    yield from asker.send_nwk(hub, apdu, {"aps": "command", "aps_command": _REQUEST_KEY})


def application_link_key(asker: Node, partner: Node) -> Wait:
    """Two devices that are not the hub ask for a link key of their own (Request-Key type 2)."""
    han, hub = asker.han, asker.han.hub
    key = han.octets(f"link {min(asker.name, partner.name)} {max(asker.name, partner.name)}", 16)
    yield from request_key(asker, partner)
    for node, other in ((asker, partner), (partner, asker)):
        body = bytes([_TRANSPORT_KEY, _APPLICATION_KEY]) + key
        body += struct.pack("<QB", other.eui64, node is asker)
        header = assemble.aps_header_command(hub.next_aps(), secured=True)
        load = key_load_key(hub.link_keys[node.eui64])
        apdu = hub.protect_command(header, body, load, assemble.KEY_LOAD)
        truth: FrameTruth = {"aps": "command", "aps_command": _TRANSPORT_KEY, "key": "link"}
        yield from node.awake_for(hub.send_nwk(node, apdu, truth))
    han.share_link_key(asker, partner, key, origin="application")

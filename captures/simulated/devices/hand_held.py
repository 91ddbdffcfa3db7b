"""The installer's hand-held terminal: key establishment with the hub over inter-PAN frames.

A terminal is not a member of the network. Within sixty minutes of the hub's power-on it may establish a key with the
hub over inter-PAN frames (GBCS v0.8.1 page 124). What it then hands over under that key has no public
layout; it is not played.
"""

from __future__ import annotations

import struct

from captures.simulated.air.medium import Place, Wait
from captures.simulated.air.truth import FrameTruth
from captures.simulated.stack import key_establishment
from captures.simulated.stack.inter_pan import inter_pan
from captures.simulated.stack.network import PROFILE_SE, Role
from captures.simulated.stack.node import HomeNetwork, Node

__all__ = ["terminal", "visit"]

EUI64 = 0x90B3D5FFFE0000C1


def terminal(han: HomeNetwork, place: Place | None = None) -> Node:
    """A hand-held terminal in the hallway; it does not count among the devices of the network."""
    node = Node(
        "Hand-held terminal",
        place or Place(2.0, 0.5),
        han.channel,
        han=han,
        eui64=han.own(EUI64),
        role=Role.HHT,
    )
    node.mac_seq, node.zcl_seq = han.stream("counters of the hand-held terminal").randbytes(2)
    return node


def visit(han: HomeNetwork) -> Wait:
    """Key establishment of a terminal with the hub; returns whether all of it arrived."""
    node, hub = terminal(han), han.hub
    own, peer = key_establishment.side(node), key_establishment.side(hub)
    agreed = key_establishment.agreement(own, peer)
    for command in range(3):
        seq = node.next_zcl()
        for sender, receiver, mine, to_client in ((node, hub, own, False), (hub, node, peer, True)):
            body = key_establishment.body(command, mine, han)
            if command == key_establishment.CONFIRM:
                body = agreed.mac_responder if to_client else agreed.mac_initiator
            arrived = yield from _send(sender, receiver, command, body, to_client, seq)
            if not arrived:
                return False
            yield han.wait(0.3)
    key_establishment.note(han, own, agreed.link_key)
    key_establishment.note(han, peer, agreed.link_key)
    return True


def _send(sender: Node, receiver: Node, command: int, body: bytes, to_client: bool, seq: int) -> Wait:
    """One key establishment command in an inter-PAN frame, acknowledged by the MAC."""
    asdu = struct.pack("<BBB", 0x11 | to_client << 3, seq, command) + body
    octets = inter_pan(sender, key_establishment.CLUSTER, PROFILE_SE, asdu, receiver.eui64)
    truth: FrameTruth = {
        **sender.says("data"), "aps_cluster": key_establishment.CLUSTER,
        "aps_profile": PROFILE_SE, "zcl_command": command, "zcl_seq": seq, "zcl_type": "cluster",
        "zcl_direction": "to-client" if to_client else "to-server",
    }  # fmt: skip
    arrived = yield from sender.put(octets, receiver, truth)
    return arrived

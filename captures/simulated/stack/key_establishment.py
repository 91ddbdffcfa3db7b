"""Certificate-based key establishment between a device and the hub (ZSE annex C), suite 2, for real.

A test authority issues both implicit certificates from the home's seed; the eight messages of the exchange
cross the air in the clear of APS, as they must before there is a link key. Every private scalar goes into the
truth (kind ``key``, type ``cbke``), so that a reader can compute what the devices computed.

Strategy: arithmetic on the curve is slow here, so results are kept by the numbers that they come from.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from captures.simulated.air.exchanges import begin
from captures.simulated.air.medium import SECOND, Wait
from captures.simulated.air.truth import CbkeKey
from captures.simulated.stack.network import Role
from captures.simulated.stack.node import HomeNetwork, Node
from dissectors.zcl import Agreement, Certificate, Side, agree, exchange, issue_certificate, make_ca_key

__all__ = ["ISSUER", "agreement", "body", "establish", "note", "side", "terminate"]

CLUSTER, SUITE = 0x0800, 2
ISSUER = 0x90B3D5FFFE00CA02
INITIATE, EPHEMERAL, CONFIRM, TERMINATE = 0, 1, 2, 3
Status = Literal[1, 2, 3, 4, 5]
# unknown issuer, bad key confirm, bad message, no resources, unsupported suite (ZSE C.3.1.2.3.1)
SCALAR_OCTETS = 36
WITHOUT_END = 0xFFFF_FFFF
YEAR = 365 * 86_400


@dataclass(slots=True)
class Exchanges:
    """How many exchanges a device has begun: each has an ephemeral key of its own."""

    begun: int = 0


@lru_cache(maxsize=512)
def _issued(
    authority: int, subject: int, request: int, contribution: int, valid_from: int, valid_for: int
) -> tuple[Certificate, int]:
    private, _ = make_ca_key(SUITE, authority)
    return issue_certificate(
        SUITE, private, subject, ISSUER, request=request, contribution=contribution, serial=subject & 0xFFFF,
        valid_from=valid_from, valid_for=valid_for,
    )  # fmt: skip


@lru_cache(maxsize=512)
def _side(certificate: Certificate, static: int, ephemeral: int) -> Side:
    return exchange(certificate, static, ephemeral)


@lru_cache(maxsize=512)
def agreement(initiator: Side, responder: Side) -> Agreement:
    """What both sides compute."""
    return agree(initiator, responder)


def side(node: Node, *, valid_for: int = WITHOUT_END) -> Side:
    """What `node` brings to its next exchange: its certificate, and a fresh ephemeral key.

    Args:
        valid_for: seconds that its certificate is valid, from a year before the capture.
    """
    han = node.han
    wanted = han.stream("cbke authority").getrandbits(280)
    stream = han.stream(f"cbke {node.address}")
    valid_from = han.start - YEAR
    certificate, static = _issued(
        wanted, node.eui64, stream.getrandbits(280) | 1, stream.getrandbits(280) | 1, valid_from, valid_for
    )
    exchanges = node.part(Exchanges)
    exchanges.begun += 1
    ephemeral = han.stream(f"cbke {node.address} ephemeral {exchanges.begun}").getrandbits(280) | 1
    return _side(certificate, static, ephemeral)


def note(han: HomeNetwork, made: Side, link_key: bytes) -> None:
    """Put a side's private scalars, and the link key that came of them, into the truth."""
    assert made.static_private is not None and made.ephemeral_private is not None
    static, ephemeral = (
        scalar.to_bytes(SCALAR_OCTETS, "big") for scalar in (made.static_private, made.ephemeral_private)
    )
    han.note(CbkeKey(link_key, made.certificate.subject, static, ephemeral))


def establish(node: Node, hub: Node, *, valid_for: int = WITHOUT_END, faults: tuple[str, ...] = ()) -> Wait:
    """Agree on a link key; returns whether both ends hold it. `valid_for`: of the device's certificate."""
    han = node.han
    yield han.wait(1)
    own, peer = side(node, valid_for=valid_for), side(hub)
    expired = valid_for != WITHOUT_END and own_age(han) > valid_for
    exchange = begin(han, "key-establishment", node.address, hub.address)
    for command in (INITIATE, EPHEMERAL, CONFIRM):
        if command == CONFIRM:
            agreed = agreement(own, peer)
        seq = None
        for sender, receiver, mine, to_client in ((node, hub, own, False), (hub, node, peer, True)):
            if to_client and command == INITIATE and expired:
                exchange.ended("refused")
                yield from terminate(hub, node, 3, seq=seq, faults=faults)
                return False
            payload = body(command, mine, han)
            if command == CONFIRM:
                payload = agreed.mac_responder if to_client else agreed.mac_initiator
            arrived, seq = yield from _say(sender, receiver, command, payload, to_client, seq, faults)
            if not arrived:
                return False
            yield han.wait(0.05 if command == INITIATE else 0.4)
    exchange.ended("ok")
    note(han, own, agreed.link_key)
    note(han, peer, agreed.link_key)
    han.share_link_key(hub, node, agreed.link_key, origin="key establishment")
    return True


def own_age(han: HomeNetwork) -> int:
    """Seconds since certificates became valid."""
    return YEAR + int(han.env.now) // SECOND


def body(command: int, mine: Side, han: HomeNetwork) -> bytes:
    """The payload of an initiate or ephemeral data command."""
    if command == INITIATE:
        times = (han.profile.whole("cbke.ephemeral_time"), han.profile.whole("cbke.confirm_time"))
        return struct.pack("<HBB", SUITE, *times) + mine.certificate.octets
    return mine.ephemeral


def _say(
    sender: Node, receiver: Node, command: int, body: bytes, to_client: bool, seq: int | None,
    faults: tuple[str, ...],
) -> Wait:  # fmt: skip
    sending = sender.send_zcl(
        receiver,
        CLUSTER,
        command,
        body,
        to_client=to_client,
        seq=seq,
        secured=False,
        faults=faults,
        asks=not to_client and command != TERMINATE,
    )
    if to_client:
        sending = receiver.awake_for(sending)
    arrived, number = yield from sending
    return arrived, number


def terminate(
    sender: Node, receiver: Node, status: Status, *, seq: int | None = None, faults: tuple[str, ...] = ()
) -> Wait:
    """Terminate Key Establishment from the hub, with why; the device may try again after ten seconds."""
    body = struct.pack("<BBH", status, 10, SUITE)
    yield from _say(sender, receiver, TERMINATE, body, sender.role == Role.CHF, seq, faults)

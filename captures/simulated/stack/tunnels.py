"""Tunnels between the hub and its devices, and GBCS messages through them (GBCS 4.4 s.10.3; ZSE annex D.6).

The hub opens a tunnel of protocol 6 to each mains device; a gas meter opens its own to the hub (GBCS 10.2.2).
Mains devices send and get messages bare; a gas meter asks with GET when the notification flags say that
something waits, gets it with GET-RESPONSE, and answers with PUT.
A message longer than the tunnel takes goes as general block transfer.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from captures.simulated.air.events import simpy
from captures.simulated.air.exchanges import ExchangeNote, begin
from captures.simulated.air.medium import Wait
from captures.simulated.air.truth import FrameTruth
from captures.simulated.stack.network import Role
from captures.simulated.stack.node import Node
from dissectors.gbcs import Block, build_blocks, build_tunnel_header, read_envelope

__all__ = ["Mail", "Tunnel", "Tunnels", "deliver", "fetch", "open_tunnel", "waiting"]

CLUSTER = 0x0704
REQUEST, REQUEST_ANSWER, BY_CLIENT, BY_SERVER = 0x00, 0x00, 0x02, 0x01
GET, GET_RESPONSE, PUT = 1, 2, 3
NO_MANUFACTURER = 0xFFFF
RENEWAL_SECONDS = 60_000
AUTHENTICATED = b"\x11\x00\x00\x00\x00"

Change = Callable[[Sequence[bytes]], Sequence[bytes]]


@dataclass(slots=True)
class Mail:
    """A message that waits at the hub for a gas meter; `done` says whether the meter took it."""

    octets: bytes
    done: simpy.Event
    truth: FrameTruth = field(default_factory=lambda: FrameTruth())
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tunnel:
    """An open tunnel of a device: to which hub, its number there, and what the truth says of it."""

    hub: int
    number: int
    exchange: ExchangeNote


@dataclass(slots=True)
class Tunnels:
    """A device's state: its open tunnel, tunnels opened as server, mail of its children, the answer it is sending."""

    open: Tunnel | None = None
    served: int = 0
    mail: dict[int, list[Mail]] = field(default_factory=dict)
    answering: simpy.Process | None = None

    def serve(self) -> int:
        """The number of a new tunnel."""
        self.served += 1
        return self.served


def client_of(device: Node, hub: Node) -> Node:
    """Who is the tunnel's client: the hub of a mains device, a gas meter itself."""
    return hub if device.rx_on else device


def open_tunnel(device: Node, hub: Node) -> Wait:
    """Request Tunnel and its answer; the tunnel stays open as long as both live. Returns whether it did."""
    han = device.han
    state = device.part(Tunnels)
    if state.open is not None and state.open.hub == hub.eui64:
        return True
    client = client_of(device, hub)
    server = device if client is hub else hub
    maximum = han.profile.whole("tunnel.maximum")
    request = struct.pack("<BHBH", han.profile.whole("tunnel.protocol"), NO_MANUFACTURER, 0, maximum)
    exchange = begin(han, "tunnel", client.address, server.address, outcome="running")
    arrived, seq = yield from client.send_zcl(server, CLUSTER, REQUEST, request, asks=True)
    if not arrived:
        return False
    number = server.part(Tunnels).serve()
    answer = struct.pack("<HBH", number, 0, maximum)
    back = server.send_zcl(client, CLUSTER, REQUEST_ANSWER, answer, to_client=True, seq=seq)
    arrived, _ = yield from client.awake_for(back)
    if arrived:
        state.open = Tunnel(hub.eui64, number, exchange)
        if client is hub:
            han.env.process(_renew(device, hub, state.open))
    return arrived


def _renew(device: Node, hub: Node, tunnel: Tunnel) -> Wait:
    """The hub asks for a new tunnel before 65535 s have passed (GBCS 10.2.2.1)."""
    yield device.han.wait(RENEWAL_SECONDS)
    state = device.part(Tunnels)
    if state.open == tunnel and device.joined and hub.up:
        tunnel.exchange.ended("ok")
        state.open = None
        yield from open_tunnel(device, hub)


def pieces(device: Node, octets: bytes) -> list[bytes]:
    """The message as the tunnel takes it: whole, or in blocks when it is too long."""
    profile = device.han.profile
    if len(octets) + 2 <= profile.whole("tunnel.maximum"):
        return [octets]
    layout = read_envelope(octets)
    header = Block(
        layout.cra, layout.counter, layout.originator, layout.recipient, layout.message_code, 0x40, 1, 0, b"", 0,
        AUTHENTICATED,
    )  # fmt: skip
    return build_blocks(octets, size=profile.whole("tunnel.block"), header=header)


def deliver(
    sender: Node,
    receiver: Node,
    octets: bytes,
    truth: FrameTruth,
    *,
    faults: tuple[str, ...] = (),
    change: Change = lambda parts: parts,
) -> Wait:
    """Carry one message between the hub and a device; returns whether it arrived whole.

    Args:
        truth: what each of its frames means, with the number of the message.
        change: what a fault does to the pieces before they are sent.
    """
    hub = sender if sender.role == Role.CHF else receiver
    device = receiver if hub is sender else sender
    if not (yield from open_tunnel(device, hub)):
        return False
    if hub is sender and not device.rx_on:
        mail = Mail(octets, device.han.env.event(), truth, faults)
        waiting(hub, device).append(mail)
        patience = 3 * device.han.profile.number("gsme.wake_interval")
        yield mail.done | device.han.wait(patience)
        return bool(mail.done.triggered and mail.done.value)
    header = b"" if device.rx_on else build_tunnel_header(PUT)
    for piece in change(pieces(device, octets)):
        if not (yield from transfer(sender, receiver, header + piece, truth, faults)):
            return False
    return True


def transfer(
    sender: Node, receiver: Node, data: bytes, truth: FrameTruth, faults: tuple[str, ...] = ()
) -> Wait:
    """One Transfer Data, repeated a few times when it does not arrive."""
    device, hub = (receiver, sender) if sender.role == Role.CHF else (sender, receiver)
    by_client = client_of(device, hub) is sender
    tunnel = device.part(Tunnels).open
    if tunnel is None:  # it is being renewed
        return False
    payload = struct.pack("<H", tunnel.number) + data
    for _ in range(device.han.profile.whole("tunnel.tries")):
        sending = sender.send_zcl(
            receiver, CLUSTER, BY_CLIENT if by_client else BY_SERVER, payload, to_client=not by_client,
            truth=truth, faults=faults,
        )  # fmt: skip
        arrived, _ = yield from receiver.awake_for(sending)
        if arrived:
            return True
        yield device.han.wait(3)
    return False


def waiting(hub: Node, device: Node) -> list[Mail]:
    """What waits at the hub for a sleeping device."""
    return hub.part(Tunnels).mail.setdefault(device.eui64, [])


def fetch(hub: Node, device: Node) -> Wait:
    """A gas meter that is awake takes all that waits for it, and answers."""
    box = waiting(hub, device)
    if not box or not (yield from open_tunnel(device, hub)):
        return
    while box:
        if not (yield from transfer(device, hub, build_tunnel_header(GET), {"hrgp": "GET"}, box[0].faults)):
            return
        mail = box.pop(0)
        parts = pieces(device, mail.octets)
        taken = True
        for index, piece in enumerate(parts):
            left = min(255, len(box) + len(parts) - index - 1)
            lead = build_tunnel_header(GET_RESPONSE, left)
            taken = taken and (yield from transfer(hub, device, lead + piece, mail.truth, mail.faults))
        if not mail.done.triggered:
            mail.done.succeed(taken)
        # the meter answers before it asks for more: what waits for its answer sends it now
        yield device.han.wait(0.5)
        answering = device.part(Tunnels).answering
        if answering is not None and answering.is_alive:
            yield answering
    yield from device.poll()

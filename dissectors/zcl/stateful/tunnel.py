"""Tunnels of the Tunneling cluster (ZSE D.6): who opened which, and the messages that went through.

Strategy: a tunnel belongs to a pair of devices and an identifier; `dissectors.zcl.stateful.tunnel_assembly` puts its
messages together.
"""

from __future__ import annotations

from typing import Any

from dissectors.model.field import Field
from dissectors.zcl.catalogue import Command
from dissectors.zcl.command import DecodedCommand
from dissectors.zcl.reading import Reading
from dissectors.zcl.stateful.tunnel_assembly import (
    HEADERS,
    TransferResult,
    Tunnel,
    Tunnels,
    abandon,
    add_transfer,
)

__all__ = ["follow_tunnel"]


def follow_tunnel(reading: Reading, command: Command, found: DecodedCommand) -> None:
    """Take note of a Tunneling command; completed messages go to ``out.payload``."""
    tunnels = reading.context.state(Tunnels)
    pair = frozenset((reading.source, reading.destination))
    values = found.values
    match command.name:
        case "Request Tunnel":
            if "protocol_id" in values:
                tunnels.requested[pair, reading.header.sequence] = values["protocol_id"]
        case "Request Tunnel Response":
            if values.get("tunnel_status") == 0 and "tunnel_id" in values:
                _open(tunnels, pair, reading, values["tunnel_id"])
        case "Close Tunnel" | "Tunnel Closure Notification":
            _close(tunnels, pair, reading, values.get("tunnel_id"))
        case "Transfer Data":
            if isinstance(values.get("data"), bytes):
                key = (pair, values["tunnel_id"])
                tunnel = tunnels.open.setdefault(key, Tunnel(values["tunnel_id"]))
                _transfer(tunnel, reading, next(f for f in found.fields if f.name == "data"))


def _open(tunnels: Tunnels, pair: frozenset[Any], reading: Reading, tunnel_id: int) -> None:
    protocol = tunnels.requested.pop((pair, reading.header.sequence), None)
    held = tunnels.open.get((pair, tunnel_id))
    if held is not None and held.opened == reading.envelope.frame:
        return
    tunnels.open[pair, tunnel_id] = Tunnel(tunnel_id, protocol, reading.envelope.frame)


def _close(tunnels: Tunnels, pair: frozenset[Any], reading: Reading, tunnel_id: int | None) -> None:
    tunnel = tunnels.open.get((pair, tunnel_id)) if tunnel_id is not None else None
    if tunnel is None:
        return
    taken = TransferResult()
    for assembly in tunnel.assemblies.values():
        abandon(assembly, "the tunnel was closed", taken)
    _emit(reading, taken, 0)
    tunnel.closed = reading.envelope.frame
    tunnels.open.pop((pair, tunnel.id))


def _transfer(tunnel: Tunnel, reading: Reading, data: Field) -> None:
    origins = reading.envelope.origins_of(data.offset - reading.start, data.length)
    taken = add_transfer(tunnel, reading.header.direction, reading.header.sequence, origins, data.value)
    _emit(reading, taken, data.offset)
    data.meaning = taken.text
    if taken.header:
        data.children = _header_fields(data, taken.header)
    if data.length > taken.header and not taken.repeated:
        chunk, at = data.value[taken.header :], data.offset + taken.header
        piece = Field("message", chunk, taken.text, at, len(chunk), data.buffer)
        data.children = [*data.children, piece]


def _emit(reading: Reading, taken: TransferResult, offset: int) -> None:
    for severity, text in taken.notes:
        reading.issue(severity, offset if severity == "note" else 0, text)
    taken.tell(reading.out)


def _header_fields(data: Field, length: int) -> list[Field]:
    octets = data.value
    command = Field("hrgp_command", octets[0], HEADERS[octets[0]], data.offset, 1, data.buffer)
    if length == 1:
        return [command]
    text = f"{octets[1]} more messages wait"
    return [command, Field("messages_remaining", octets[1], text, data.offset + 1, 1, data.buffer)]

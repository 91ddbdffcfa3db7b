"""Tunnels of the Tunneling cluster (ZSE D.6): who opened which, and the messages that went through.

Strategy: a tunnel belongs to a pair of devices and an identifier. Each direction keeps what it has of a
message; the message itself says how long it is (`dissectors.zcl.envelopes`), so it may take several
TransferData. Octets towards and from a GSME begin with a GET, GET-RESPONSE or PUT header (GBCS 10.3).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dissectors.field import Field
from dissectors.zcl.catalogue import Command
from dissectors.zcl.command import Fitted
from dissectors.zcl.envelopes import kind_of, message_length
from dissectors.zcl.reading import Reading

__all__ = ["Tunnel", "Tunnels", "follow_tunnel"]

GET, GET_RESPONSE, PUT = 1, 2, 3
HEADERS = {GET: "GET", GET_RESPONSE: "GET-RESPONSE", PUT: "PUT"}
# The greatest message that is waited for; GBCS sends longer ones as blocks (general block transfer).
LONGEST = 1 << 16


@dataclass(slots=True)
class Assembly:
    """A message on its way in one direction."""

    octets: bytes = b""
    total: int = 0
    frames: list[int] = field(default_factory=list)
    last: tuple[int, bytes] | None = None


@dataclass(slots=True)
class Tunnel:
    """One tunnel: `protocol` is None while the request that opened it has not been seen."""

    id: int
    protocol: int | None = None
    opened: int | None = None
    closed: int | None = None
    assemblies: dict[str, Assembly] = field(default_factory=dict)


@dataclass(slots=True)
class Tunnels:
    """Tunnels of a capture by (pair of devices, tunnel identifier), and requests that wait for an answer."""

    open: dict[tuple[frozenset[Any], int], Tunnel] = field(default_factory=dict)
    asked: dict[tuple[frozenset[Any], int], int] = field(default_factory=dict)


def follow_tunnel(reading: Reading, command: Command, found: Fitted) -> None:
    """Take note of a Tunneling command; completed messages go to ``out.payload``."""
    tunnels = reading.context.state(Tunnels)
    pair = frozenset((reading.source, reading.destination))
    values = found.values
    match command.name:
        case "Request Tunnel":
            if "protocol_id" in values:
                tunnels.asked[pair, reading.header.sequence] = values["protocol_id"]
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
    protocol = tunnels.asked.pop((pair, reading.header.sequence), None)
    held = tunnels.open.get((pair, tunnel_id))
    if held is not None and held.opened == reading.envelope.frame:
        return
    tunnels.open[pair, tunnel_id] = Tunnel(tunnel_id, protocol, reading.envelope.frame)


def _close(tunnels: Tunnels, pair: frozenset[Any], reading: Reading, tunnel_id: int | None) -> None:
    tunnel = tunnels.open.get((pair, tunnel_id)) if tunnel_id is not None else None
    if tunnel is None:
        return
    for assembly in tunnel.assemblies.values():
        _give_up(assembly, reading, "the tunnel was closed")
    tunnel.closed = reading.envelope.frame
    tunnels.open.pop((pair, tunnel.id))


def _give_up(assembly: Assembly, reading: Reading, why: str) -> None:
    """Hand on what there is of a message that will not be complete: nothing readable is lost."""
    if assembly.octets:
        text = f"{why}: {len(assembly.octets)} of {assembly.total} octets of a message had come"
        reading.issue("warning", 0, text)
        _hand_on(reading, "unknown", assembly)
    assembly.octets, assembly.total, assembly.frames = b"", 0, []


def _hand_on(reading: Reading, kind: str, assembly: Assembly) -> None:
    reading.out.payload.append((kind, assembly.octets))
    reading.out.payload_frames.append(tuple(assembly.frames))


def _transfer(tunnel: Tunnel, reading: Reading, data: Field) -> None:
    octets: bytes = data.value
    assembly = tunnel.assemblies.setdefault(reading.header.direction, Assembly())
    marker = (reading.header.sequence, octets)
    if assembly.last == marker:
        reading.issue("note", data.offset, "repeats the transfer before it")
        data.meaning = "repeated"
        return
    assembly.last = marker
    if assembly.octets and not _begins_anew(octets):
        _continue(tunnel, assembly, reading, data, 0)
        return
    _give_up(assembly, reading, "another message began")
    header = _header(octets, tunnel.protocol)
    if header:
        data.children = _header_fields(data, header)
    if len(octets) > header:
        _continue(tunnel, assembly, reading, data, header)


def _header(octets: bytes, protocol: int | None) -> int:
    """Octets of the GET, GET-RESPONSE or PUT header; 0 when there is none (a mains-powered device)."""
    if protocol not in (None, 6) or not octets or octets[0] not in HEADERS:
        return 0
    length = 2 if octets[0] == GET_RESPONSE else 1
    rest = octets[length:]
    if len(octets) < length or (octets[0] == GET and rest):
        return 0
    sure = protocol == 6 or not rest or rest[0] in (0xDD, 0xDF, 0xE0)
    return length if sure else 0


def _header_fields(data: Field, length: int) -> list[Field]:
    octets = data.value
    command = Field("hrgp_command", octets[0], HEADERS[octets[0]], data.offset, 1, data.buffer)
    if length == 1:
        return [command]
    text = f"{octets[1]} more messages wait"
    return [command, Field("messages_remaining", octets[1], text, data.offset + 1, 1, data.buffer)]


def _begins_anew(octets: bytes) -> bool:
    """Whether a chunk is a whole message on its own, so that the unfinished one before it was dropped."""
    for skip in (0, 1, 2):
        header_fits = skip == 0 or (octets[:1] == bytes((PUT if skip == 1 else GET_RESPONSE,)))
        body = octets[skip:]
        if header_fits and body and body[0] in (0xDD, 0xDF) and message_length(body) == len(body):
            return True
    return octets == bytes((GET,))


def _continue(tunnel: Tunnel, assembly: Assembly, reading: Reading, data: Field, skip: int) -> None:
    chunk = data.value[skip:]
    start = len(assembly.octets)
    assembly.octets += chunk
    assembly.frames.append(reading.envelope.frame)
    assembly.total = message_length(assembly.octets) or 0
    complete = _is_complete(tunnel, assembly)
    kind = kind_of(assembly.octets, tunnel.protocol)
    what = {"gbcs": "GBCS", "dlms": "DLMS"}.get(kind, "tunnelled")
    text = f"{what} message, {len(assembly.octets)} octets"
    if start or not complete:
        of = assembly.total or "?"
        text = f"octets {start} to {len(assembly.octets) - 1} of {of} of a {what} message"
    piece = Field("message", chunk, text, data.offset + skip, len(chunk), data.buffer)
    data.children = [*data.children, piece]
    data.meaning = text
    if complete:
        _hand_on(reading, kind, assembly)
        assembly.octets, assembly.total, assembly.frames = b"", 0, []


def _is_complete(tunnel: Tunnel, assembly: Assembly) -> bool:
    """A message that does not say its length is as long as its transfer; one that grows too long ends."""
    octets, total = assembly.octets, assembly.total
    if len(octets) >= LONGEST or total > LONGEST:
        return True
    if total:
        return len(octets) >= total
    return not _may_grow(octets)


def _may_grow(octets: bytes) -> bool:
    """Whether the first octets begin a message whose length is still to come."""
    return octets[:1] in (b"\xdd", b"\xdf", b"\xe0") and len(octets) < 64

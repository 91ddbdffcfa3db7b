"""TransferData of the Tunneling cluster, read for its columns and rows alone: what most GBCS messages come in.

Strategy: the one-frame path lays out every field and looks the command up in the tables. Here the layout is
compiled once a command (a tunnel identifier, and octets up to the end: ZSE D.6.2.4.3 and D.6.2.5.2), and a
frame is followed by `dissectors.zcl.stateful.tunnel_assembly`, as it is there. Whatever is laid out otherwise is not
read here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from dissectors.model.context import HanContext
from dissectors.model.frame import Followed
from dissectors.model.origins import Origin, origins_within
from dissectors.zcl import catalogue, scaling
from dissectors.zcl.catalogue import Direction
from dissectors.zcl.header import DIRECTIONS
from dissectors.zcl.meanings import special
from dissectors.zcl.stateful.tunnel_assembly import (
    HEAD,
    Tunnel,
    Tunnels,
    add_transfer,
    tunnel_header,
)
from dissectors.zcl.summaries import PROTOCOL, line

__all__ = ["TUNNELING", "message_head", "read_transfer"]

TUNNELING = 0x0704
TYPE_BITS = 0x07
CLUSTER_COMMAND = 0x01
"""Frame type and manufacturer bit of a standard command of the cluster."""
HEADER, IDENTIFIER = 3, 2
"""Octets of the ZCL header, and of the tunnel identifier after it."""
LAYOUT = [("tunnel_id", "uint16"), ("data", "octets:rest")]


class Known(NamedTuple):
    """What all frames of one command have in common: cells of the commands table and of the packets table."""

    row: dict[str, Any]
    columns: dict[str, Any]


@cache
def _known(direction: Direction, code: int) -> Known | None:
    """The TransferData of this code; None for another command."""
    command = catalogue.command(TUNNELING, direction, code)
    if command is None or command.name != "Transfer Data" or command.others or scaling.concerns(command):
        return None
    plain = [(one.name, one.type) for one in command.fields if not (one.condition or one.repeat)]
    if plain != LAYOUT or len(command.fields) != len(LAYOUT):
        return None
    cluster = catalogue.cluster(TUNNELING).name
    shared = {"cluster": TUNNELING, "cluster_name": cluster, "direction": direction}
    return Known(
        {**shared, "command": code, "command_name": command.name},
        {
            "protocol": PROTOCOL,
            "summary": line(cluster, command.name, code),
            "zcl_type": "cluster",
            "zcl_direction": direction,
            "zcl_command": code,
        },
    )


def message_head(octets: bytes) -> bytes:
    """First octets of the message that a TransferData begins, of which only the first fragment came; empty where it is
    none, or begins with no message."""
    if len(octets) < HEADER + IDENTIFIER or octets[0] & TYPE_BITS != CLUSTER_COMMAND:
        return b""
    if _known(DIRECTIONS[octets[0] >> 3 & 1], octets[2]) is None:
        return b""
    data = octets[HEADER + IDENTIFIER :]
    return data[tunnel_header(data, None) :][:HEAD]


def read_transfer(
    octets: bytes,
    source: int | None,
    target: int | None,
    frame: int,
    origins: Sequence[Origin],
    context: HanContext,
    rows: bool,
) -> Followed | None:
    """Read a ZCL frame that is a TransferData; None when it is anything else.

    Args:
        source, target: both ends: EUI-64 where known, else short address.
        frame: number of the frame that is read.
        origins: which frames carried which of its octets; empty where that is this frame alone.
        rows: whether rows of the commands table are wanted.
    """
    if len(octets) < HEADER + IDENTIFIER or octets[0] & TYPE_BITS != CLUSTER_COMMAND:
        return None
    direction = DIRECTIONS[octets[0] >> 3 & 1]
    known = _known(direction, octets[2])
    if known is None:
        return None
    tunnel_id = octets[3] | octets[4] << 8
    data = octets[5:]
    pair, held = frozenset((source, target)), context.state(Tunnels).open
    tunnel = held.get((pair, tunnel_id))
    if tunnel is None:
        tunnel = held[pair, tunnel_id] = Tunnel(tunnel_id)
    within = origins_within(origins, 5, len(data)) if origins else _alone(frame, len(data))
    taken = add_transfer(tunnel, direction, octets[1], within, data)
    told: tuple[dict[str, Any], ...] = ()
    if rows:
        shared = {"source": source, "destination": target, **known.row}
        said = special(TUNNELING, "tunnel_id", tunnel_id) or None
        number = {"field": "tunnel_id", "value": str(tunnel_id), "number": float(tunnel_id), "meaning": said}
        text = {"field": "data", "value": data.hex(), "meaning": taken.text or None}
        told = (shared | number, shared | text)
    issue = taken.notes[0][1] if taken.notes else None
    return Followed(known.columns, octets[1], issue, told, taken.carried, taken.piece)


def _alone(frame: int, length: int) -> list[Origin]:
    """The origin of the octets behind the headers, which one frame carried."""
    return [Origin(frame, 0, length, HEADER + IDENTIFIER)] if length else []

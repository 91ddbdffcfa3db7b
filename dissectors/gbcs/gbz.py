"""ZCL commands inside GBZ payloads: read, named and built by the engine and the tables of `dissectors.zcl`.

A component carries a ZCL header of three octets and the payload of its command; which cluster it is of stands in the
header of the component. Source: GBCS 4.x section 7.2.9; ZigBee Smart Energy 1.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from dissectors.context import HanContext
from dissectors.cursor import Cursor
from dissectors.field import Field, Issue
from dissectors.frame import Dissection, Envelope
from dissectors.zcl import catalogue
from dissectors.zcl.build import build_payload
from dissectors.zcl.catalogue import Direction
from dissectors.zcl.command import command_values
from dissectors.zcl.frame import Content, read_content
from dissectors.zcl.general import GENERAL, build_general, record_values
from dissectors.zcl.header import DIRECTIONS, Header
from dissectors.zcl.reading import Reading

__all__ = [
    "LAYER",
    "Zcl",
    "build_zcl",
    "cluster_name",
    "command_name",
    "frame_words",
    "read_zcl",
    "values_of",
]

LAYER = "gbcs.gbz"
TO_CLIENT = 0x08


class Zcl(NamedTuple):
    """A ZCL payload that was read: its fields, what is wrong, and what they are fields of."""

    fields: list[Field]
    issues: list[Issue]
    content: Content
    reading: Reading


def cluster_name(cluster: int) -> str | None:
    """Name of a cluster; None when no table has it."""
    name = catalogue.cluster(cluster).name
    return name if name != f"Cluster 0x{cluster:04X}" else None


def _direction(cluster: int, frame_control: int, command: int) -> Direction:
    """Where a cluster's command goes; the other way when it is known that way only (the bit is not as in the annex)."""
    to_client = bool(frame_control & TO_CLIENT)
    said, other = DIRECTIONS[to_client], DIRECTIONS[not to_client]
    if not frame_control & 1 or catalogue.command(cluster, said, command) is not None:
        return said
    return other if catalogue.command(cluster, other, command) is not None else said


def command_name(cluster: int, frame_control: int, command: int) -> str | None:
    """Name of a ZCL command, by the frame control that stands before it; None when no table has it."""
    if not frame_control & 1:
        return GENERAL[command].name if command in GENERAL else None
    known = catalogue.command(cluster, _direction(cluster, frame_control, command), command)
    return known.name if known is not None else None


def read_zcl(
    cursor: Cursor,
    cluster: int,
    frame_control: int,
    command: int,
    buffer: str = "message",
    context: HanContext | None = None,
) -> Zcl:
    """Read a ZCL payload to the end of the cursor's window. Never raises.

    `context` keeps what the attributes of one message say of each other's scaling.
    """
    header = Header(command, frame_control & 1, _direction(cluster, frame_control, command))
    out = Dissection()
    reading = Reading(
        header, catalogue.cluster(cluster), Envelope(cluster=cluster), context or HanContext(), out, buffer
    )
    fields: list[Field] = []
    content = read_content(cursor, reading, fields)
    issues = out.issues
    if fields and fields[-1].name == "undecoded" and issues and issues[-1].severity == "note":
        issues[-1] = _behind(fields[-1], reading, content)
    return Zcl(fields, issues, content, reading)


def _behind(rest: Field, reading: Reading, content: Content) -> Issue:
    """Octets behind what is known of a command. A repeated group may have forms that the tables do not know; a fixed
    layout has not."""
    header = reading.header
    if (reading.cluster.id, header.direction, header.command) == (0x0700, "to-server", 0):
        return Issue("note", LAYER, rest.offset, "octets to be ignored (GBCS use case GCS21f)")
    specs = content.command.fields if content.command is not None else ()
    open_ended = any(spec.repeat or spec.optional for spec in specs)
    text = f"{rest.length} octets behind what is known of the command"
    return Issue("note" if open_ended else "warning", LAYER, rest.offset, text)


def values_of(zcl: Zcl) -> dict[str, Any] | None:
    """What `build_zcl` needs to make the payload again; None when it was not read to its end without an issue."""
    content = zcl.content
    if zcl.issues or not content.name:
        return None
    if content.general:
        head = {f.name: f.value for f in zcl.fields if f.name != "record"}
        return {**head, "records": [record_values(record) for record in content.records]}
    assert content.command is not None and content.fitted is not None
    return command_values(content.command, content.fitted)


def build_zcl(cluster: int, frame_control: int, command: int, values: Mapping[str, Any]) -> bytes:
    """The payload of a ZCL command from its values: of a cluster's command by field name; of a general one its head by
    field name and its ``records`` (`dissectors.zcl.general`).

    Raises:
        KeyError: an unknown command, or a field that must be there has no value. ValueError, OverflowError: a value
            that does not fit.
    """
    if not frame_control & 1:
        return build_general(command, values.get("records", ()), values)
    return build_payload(cluster, _direction(cluster, frame_control, command), command, values)


def frame_words(value: int) -> str:
    """What a ZCL frame control says."""
    scope = "cluster" if value & 1 else "profile-wide"
    way = "server to client" if value & TO_CLIENT else "client to server"
    return f"{scope}, {way}{', no default response' if value & 0x10 else ''}"

"""ZCL commands inside GBZ payloads: read, named and built by the engine and the tables of `dissectors.zcl`.

A component carries a ZCL header of three octets and the payload of its command; which cluster it is of stands in the
header of the component. Source: GBCS 4.x section 7.2.9; ZigBee Smart Energy 1.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from dissectors.gbcs.payloads.values import utc
from dissectors.gbcs.trust.protection import MAC_LENGTH, SECURITY_HEADER
from dissectors.layout import Layer, Octets, UInt
from dissectors.model.context import HanContext
from dissectors.model.cursor import Cursor
from dissectors.model.errors import Malformed, Truncated
from dissectors.model.field import Field, Issue
from dissectors.model.frame import Dissection, Envelope
from dissectors.zcl import catalogue
from dissectors.zcl.build import build_payload
from dissectors.zcl.catalogue import Direction
from dissectors.zcl.command import command_values
from dissectors.zcl.frame import Content, read_content
from dissectors.zcl.general import GENERAL, build_general, record_values
from dissectors.zcl.header import DIRECTIONS, Header
from dissectors.zcl.reading import Reading

__all__ = [
    "ENCRYPTED",
    "FROM_DATE_TIME",
    "LAST",
    "LAYER",
    "Component",
    "Zcl",
    "build_zcl",
    "cluster_name",
    "command_name",
    "frame_words",
    "read_component",
    "read_zcl",
    "values_of",
]

LAYER = "gbcs.gbz"
TO_CLIENT = 0x08
LAST, ENCRYPTED, FROM_DATE_TIME = 0x01, 0x02, 0x10
SEALED = "authenticated and encrypted"


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


class Component(Layer):
    """One component of a GBZ payload up to its ZCL payload, with it where it is encrypted (GBCS 7.2.9.3, 8.4)."""

    name = "GBZ component"
    title = "component"
    parts = (
        UInt("control", 0, 1, names=lambda v: _control_words(v)),
        UInt("cluster", 0, 2, order="big", names=lambda v: cluster_name(v)),
        UInt("length", 0, 2, order="big", names=lambda v: f"{v} octets"),
        UInt("from_date_time", 0, 4, order="big", when=lambda h: h.control & FROM_DATE_TIME, names=utc),
        UInt("additional_header_control", 0, 1, when=lambda h: h.control & ENCRYPTED, names=lambda v: "encrypted"),
        UInt(
            "frame_counter", 0, 1, when=lambda h: h.control & ENCRYPTED, names=lambda v: f"encrypted component {v}"
        ),
        UInt("frame_control", 0x01, 1, names=lambda v: frame_words(v)),
        UInt("sequence", 0, 1, names=lambda v: f"transaction {v}"),
        UInt("command", 0, 1),
        UInt(
            "ciphered_length", 0, 2, order="big", when=lambda h: h.control & ENCRYPTED, names=lambda v: f"{v} octets"
        ),
        UInt("security_control", 0x31, 1, when=lambda h: h.control & ENCRYPTED, names=lambda v: SEALED),
        UInt(
            "invocation_counter", 0, 4, order="big", when=lambda h: h.control & ENCRYPTED,
            names=lambda v: "always zero",
        ),
        Octets(
            "ciphertext", lambda h: max(0, h.ciphered_length - len(SECURITY_HEADER) - MAC_LENGTH),
            when=lambda h: h.control & ENCRYPTED, names=lambda v: f"{len(v)} octets of ciphertext",
        ),
        Octets("tag", MAC_LENGTH, when=lambda h: h.control & ENCRYPTED, names=lambda v: "authentication tag, 12 octets"),
    )  # fmt: skip

    @property
    def encrypted(self) -> bool:
        """Whether what the command says is encrypted."""
        return bool(self.fields["control"] & ENCRYPTED)

    @property
    def stop(self) -> int:
        """The first octet behind the component."""
        return self.start + 5 + int(self.fields["length"])

    @property
    def content(self) -> tuple[int, int]:
        """Span of the ZCL payload, or of ciphertext and tag."""
        sealed = len(self.fields["ciphertext"]) + MAC_LENGTH if self.encrypted else 0
        return self.end - sealed, self.stop

    @property
    def security(self) -> bytes:
        """The security header in front of the ciphertext; as it must be where there is none."""
        if not self.encrypted:
            return SECURITY_HEADER
        return bytes((self.security_control, *self.invocation_counter.to_bytes(4, "big")))

    def unusual_security(self) -> Iterator[Issue]:
        """The security header of an encrypted part is always the same (GBCS 8.4): nothing opens under another."""
        if self.security != SECURITY_HEADER:
            text = f"security header {self.security.hex()} of an encrypted part, {SECURITY_HEADER.hex()} expected"
            yield Issue("warning", "gbcs.payload", self.content[0] - len(SECURITY_HEADER), text)


def read_component(cursor: Cursor) -> Component:
    """The component at the cursor, which is left behind it.

    Raises:
        Truncated, Malformed: it does not fit, or its lengths contradict each other.
    """
    component = Component.read(cursor)
    if component.error is not None:
        raise component.error
    stop = component.stop
    if stop > cursor.end or component.end > stop:
        room = cursor.end if stop > cursor.end else stop
        need, body = max(stop, component.end), component.start + 5
        raise Truncated(need - body, room - body, layer=cursor.layer, offset=body)
    if component.encrypted and component.end != stop:
        at, length = component.content[0] - len(SECURITY_HEADER) - 2, component.ciphered_length
        text = f"ciphered information of {length} octets, {stop - at - 2} are there"
        raise Malformed(text, layer=cursor.layer, offset=at)
    cursor.offset = stop
    return component


def _control_words(control: int) -> str:
    names = ((LAST, "last component"), (ENCRYPTED, "encrypted"), (FROM_DATE_TIME, "with from-date-time"))
    return ", ".join(text for bit, text in names if control & bit) or "more components follow"


def frame_words(value: int) -> str:
    """What a ZCL frame control says."""
    scope = "cluster" if value & 1 else "profile-wide"
    way = "server to client" if value & TO_CLIENT else "client to server"
    return f"{scope}, {way}{', no default response' if value & 0x10 else ''}"

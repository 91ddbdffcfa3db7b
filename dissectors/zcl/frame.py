"""One ZCL frame in, one branch of fields out; `dissect` never raises on any octets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from dissectors.model.context import HanContext
from dissectors.model.cursor import Cursor
from dissectors.model.errors import DissectionError
from dissectors.model.field import Field, Issue
from dissectors.model.frame import Dissection, Envelope
from dissectors.zcl import catalogue, scaling
from dissectors.zcl.catalogue import Command, DataType
from dissectors.zcl.command import DecodedCommand, read_command
from dissectors.zcl.general import GENERAL, Record, read_general
from dissectors.zcl.header import FRAME_TYPES, Header, read_header
from dissectors.zcl.reading import Reading, number_of, text_of
from dissectors.zcl.stateful.clusters import follow
from dissectors.zcl.summaries import PROTOCOL, line, records_text

__all__ = ["Content", "dissect", "dissect_payload", "read_content"]


def dissect(cursor: Cursor, buffer: str, envelope: Envelope, context: HanContext, out: Dissection) -> None:
    """Read one ZCL frame from `cursor` to its end (ZCL 2.4).

    Appends one branch called ``zcl`` to ``out.fields`` and sets the zcl_ columns, protocol and summary;
    adds rows to ``out.attributes`` and ``out.commands``, issues, and payloads that a tunnel completed.
    """
    start = cursor.offset
    cursor.layer = "zcl"
    branch = Field("zcl", None, "ZigBee Cluster Library", start, cursor.remaining, buffer)
    out.fields.append(branch)
    out.columns["protocol"] = PROTOCOL
    try:
        header, fields = read_header(cursor, buffer)
    except DissectionError as error:
        cursor.offset = start
        octets = cursor.rest()
        branch.children = [Field("undecoded", octets, None, start, len(octets), buffer)]
        out.issues.append(Issue.of(error))
        return
    branch.children = fields
    dissect_payload(cursor, buffer, header, branch, envelope, context, out)


def dissect_payload(
    cursor: Cursor,
    buffer: str,
    header: Header,
    branch: Field,
    envelope: Envelope,
    context: HanContext,
    out: Dissection,
) -> None:
    """Read what follows `header` into `branch`: also for ZCL payloads whose header lies elsewhere (GBCS).

    The header's command field in `branch` gets its name. Never raises.
    """
    cluster = catalogue.cluster(envelope.cluster if envelope.cluster is not None else 0, header.manufacturer)
    reading = Reading(header, cluster, envelope, context, out, buffer, branch.offset)
    out.columns.update(
        zcl_type=FRAME_TYPES[header.type],
        zcl_direction=header.direction,
        zcl_seq=header.sequence,
        zcl_command=header.command,
    )
    if header.manufacturer is not None:
        out.columns["zcl_manufacturer"] = header.manufacturer
    content = read_content(cursor, reading, branch.children)
    for found in branch.children:
        if found.name == "command":
            found.meaning = content.name or None
            break
    detail = ""
    if content.general:
        detail = _attribute_rows(reading, content, branch.children)
    elif content.fitted is not None and content.command is not None:
        if isinstance(content.fitted.values.get("status"), int):
            out.columns["zcl_status"] = content.fitted.values["status"]
        follow(reading, content.command, content.fitted)
        scaling.learn_command(reading, content.command, content.fitted.values)
        _rows(reading, content.command, content.fitted)
    elif header.type == 1:
        _command_row(reading, None, None, None, None)
    out.columns["summary"] = line(cluster.name, content.name, header.command, detail)


class Content(NamedTuple):
    """What follows a ZCL header.

    Attributes:
        name: of the command; empty when no table has it.
        general: whether it is a general command, which `records` belong to; of its head only the fields tell.
        command, fitted: of a cluster's command, when the tables have it.
    """

    name: str
    general: bool = False
    records: Sequence[Record] = ()
    command: Command | None = None
    fitted: DecodedCommand | None = None


def read_content(cursor: Cursor, reading: Reading, fields: list[Field]) -> Content:
    """Read what follows the header of `reading` to the end of the window; adds its fields to `fields`.

    Never raises; what is wrong is in the issues of ``reading.out``.
    """
    header = reading.header
    if header.type == 0 and header.command in GENERAL:
        records = _general(cursor, reading, fields)
        return Content(GENERAL[header.command].name, True, records)
    command = None
    if header.type == 1:
        command = catalogue.command(reading.cluster.id, header.direction, header.command, header.manufacturer)
    if command is None:
        _unknown(cursor, reading, fields)
        return Content("")
    fitted = read_command(cursor, command, reading.buffer)
    fields += fitted.fields
    reading.out.issues += fitted.issues
    return Content(command.name, False, (), command, fitted)


def _unknown(cursor: Cursor, reading: Reading, fields: list[Field]) -> None:
    header = reading.header
    what = f"{FRAME_TYPES[header.type]} command 0x{header.command:02X} of {reading.cluster.name}"
    if header.manufacturer is not None:
        what += f" of manufacturer 0x{header.manufacturer:04X}"
    reading.issue("note", cursor.offset, f"unknown {what}: its payload is left as octets")
    _leave(cursor, reading, fields, "payload")


def _leave(cursor: Cursor, reading: Reading, fields: list[Field], name: str = "undecoded") -> None:
    if cursor.remaining:
        start, octets = cursor.offset, cursor.rest()
        fields.append(Field(name, octets, None, start, len(octets), reading.buffer))


def _general(cursor: Cursor, reading: Reading, fields: list[Field]) -> list[Record]:
    records: list[Record] = []
    try:
        read_general(cursor, reading, fields, records)
    except DissectionError as error:
        reading.failed(error)
    start = _end(fields, cursor)
    if start < cursor.end:
        if reading.out.issues == [] or reading.out.issues[-1].severity != "error":
            reading.issue("warning", start, "octets follow the last field of the command")
        cursor.offset = start
        _leave(cursor, reading, fields)
    return records


def _attribute_rows(reading: Reading, content: Content, fields: list[Field]) -> str:
    """Rows of the records, after what they say of each other's scaling; returns what the summary says of them."""
    records = content.records
    for record in records:
        if record.known and record.value is not None:
            scaling.learn(reading, record.known, record.value.value)
    texts = [_attribute_row(record, reading) for record in records if record.attribute is not None]
    head = _head_text(reading, fields) if not records else ""
    return records_text(*texts[0], len(texts)) if texts else head


def _end(fields: list[Field], cursor: Cursor) -> int:
    """Where the octets begin that no field holds: after an error the cursor may be past a half-read value."""
    return max((f.end for f in fields), default=cursor.offset)


def _head_text(reading: Reading, fields: list[Field]) -> str:
    if reading.header.command != 0x0B:
        return ""
    parts = [f.meaning or str(f.value) for f in fields if f.name in ("command", "status")]
    return " to " + ", ".join(parts[1:]) if len(parts) > 2 else ""


def _attribute_row(record: Record, reading: Reading) -> tuple[str, str]:
    """Add the row of one attribute record; returns its name, and its status when that is no success."""
    attribute = record.attribute
    assert attribute is not None
    name = record.known.name if record.known else f"0x{attribute:04X}"
    row = reading.row(
        endpoint=reading.endpoint,
        attribute=attribute,
        attribute_name=record.known.name if record.known else None,
        status=record.values.get("status"),
        type=record.values.get("type"),
    )
    status = ""
    if record.value is not None:
        number = number_of(record.value, record.type)
        scaled, unit = scaling.of_attribute(reading, record.known, number)
        row.update(
            value=text_of(record.value, record.type),
            number=number,
            scaled=scaled,
            unit=unit,
            meaning=record.value.meaning or None,
        )
        if scaled is not None and unit is not None:
            record.value.meaning = f"{scaled:.12g} {unit}".rstrip()
    elif record.values.get("status"):
        status = _status_text(record)
    reading.out.attributes.append(row)
    return name, status


def _status_text(record: Record) -> str:
    return next((f.meaning or str(f.value) for f in record.fields if f.name == "status"), "")


def _rows(reading: Reading, command: Command, found: DecodedCommand) -> None:
    if "commands" in reading.out.unwanted:
        return
    specs = dict(command.others).get(found.layout, command.fields)
    kinds = {spec.name: spec.type for spec in specs}
    before = len(reading.out.commands)
    for one in found.fields:
        _field_rows(reading, command, one, one.name, kinds, found.values)
    if len(reading.out.commands) == before:
        _command_row(reading, command, None, None, None)


def _field_rows(
    reading: Reading, command: Command, one: Field, path: str, kinds: dict[str, str], values: dict[str, Any]
) -> None:
    name = one.name.partition("[")[0]
    kind, _, detail = kinds.get(name, "").partition(":")
    if kind == "struct" and detail:
        inner = {spec.name: spec.type for spec in catalogue.struct(detail)}
        for child in one.children:
            _field_rows(reading, command, child, f"{path}.{child.name}", inner, values)
        return
    if kind == "typed":
        one = one.children[1]
        data_type = None
    else:
        data_type = catalogue.data_type_named(kind) if kind and kind != "octets" else None
    _command_row(reading, command, one, path, data_type, values)


def _command_row(
    reading: Reading,
    command: Command | None,
    one: Field | None,
    path: str | None,
    kind: DataType | None,
    values: dict[str, Any] | None = None,
) -> None:
    row = reading.row(command_name=command.name if command else None, field=path)
    if one is not None:
        number = number_of(one, kind)
        scaled, unit = scaling.of_field(reading, one.name, number, values or {})
        row.update(
            value=text_of(one, kind),
            number=number,
            scaled=scaled,
            unit=unit,
            meaning=one.meaning or None,
        )
        if scaled is not None and unit is not None and not one.meaning:
            one.meaning = f"{scaled:.12g} {unit}".rstrip()
    reading.out.commands.append(row)

"""The general (profile-wide) commands 0x00 to 0x16 (ZCL 2.5): layouts as data, read and built from them.

A layout is a head, then records to the end of the payload. A step is a field name, with the condition
under which it is there. The same layouts serve `read_general` and `build_general`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from dissectors.model.cursor import Cursor
from dissectors.model.field import Field
from dissectors.zcl import catalogue
from dissectors.zcl.catalogue import Attribute, DataType, Side
from dissectors.zcl.datatypes import build_value, read_value
from dissectors.zcl.meanings import bit_fields, label_of
from dissectors.zcl.reading import Reading

__all__ = ["GENERAL", "Layout", "Record", "build_general", "read_general"]


class Step(NamedTuple):
    """A field of a record; `when` is "", "success", "reported", "received" or "analog"."""

    name: str
    when: str = ""


class Layout(NamedTuple):
    """One general command. `lone` names the commands whose only record may be a bare success status."""

    name: str
    head: tuple[Step, ...] = ()
    record: tuple[Step, ...] = ()
    lone: bool = False
    is_request: bool = False


def _steps(text: str) -> tuple[Step, ...]:
    return tuple(Step(*part.split("?")) for part in text.split())


GENERAL: dict[int, Layout] = {
    0x00: Layout("Read Attributes", (), _steps("attribute"), is_request=True),
    0x01: Layout("Read Attributes Response", (), _steps("attribute status type?success value?success")),
    0x02: Layout("Write Attributes", (), _steps("attribute type value"), is_request=True),
    0x03: Layout("Write Attributes Undivided", (), _steps("attribute type value"), is_request=True),
    0x04: Layout("Write Attributes Response", (), _steps("status attribute"), lone=True),
    0x05: Layout("Write Attributes No Response", (), _steps("attribute type value"), is_request=True),
    0x06: Layout(
        "Configure Reporting",
        (),
        _steps(
            "direction attribute type?reported minimum_interval?reported maximum_interval?reported"
            " reportable_change?analog timeout?received"
        ),
        is_request=True,
    ),
    0x07: Layout("Configure Reporting Response", (), _steps("status direction attribute"), lone=True),
    0x08: Layout("Read Reporting Configuration", (), _steps("direction attribute"), is_request=True),
    0x09: Layout(
        "Read Reporting Configuration Response",
        (),
        _steps(
            "status direction attribute type?reported minimum_interval?reported maximum_interval?reported"
            " reportable_change?analog timeout?received"
        ),
    ),
    0x0A: Layout("Report Attributes", (), _steps("attribute type value")),
    0x0B: Layout("Default Response", _steps("command status")),
    0x0C: Layout("Discover Attributes", _steps("start_attribute maximum"), is_request=True),
    0x0D: Layout("Discover Attributes Response", _steps("complete"), _steps("attribute type")),
    0x0E: Layout("Read Attributes Structured", (), _steps("attribute selector"), is_request=True),
    0x0F: Layout("Write Attributes Structured", (), _steps("attribute selector type value"), is_request=True),
    0x10: Layout("Write Attributes Structured Response", (), _steps("status attribute selector"), lone=True),
    0x11: Layout("Discover Commands Received", _steps("start_command maximum"), is_request=True),
    0x12: Layout("Discover Commands Received Response", _steps("complete"), _steps("command_id")),
    0x13: Layout("Discover Commands Generated", _steps("start_command maximum"), is_request=True),
    0x14: Layout("Discover Commands Generated Response", _steps("complete"), _steps("command_id")),
    0x15: Layout("Discover Attributes Extended", _steps("start_attribute maximum"), is_request=True),
    0x16: Layout(
        "Discover Attributes Extended Response", _steps("complete"), _steps("attribute type access")
    ),
}

# Octets of the steps that are plain little-endian numbers.
WIDTHS = {
    "attribute": 2,
    "status": 1,
    "type": 1,
    "direction": 1,
    "minimum_interval": 2,
    "maximum_interval": 2,
    "timeout": 2,
    "command": 1,
    "start_attribute": 2,
    "maximum": 1,
    "complete": 1,
    "start_command": 1,
    "command_id": 1,
    "access": 1,
}
SELECTOR_ACTIONS = {0: "whole", 1: "add element", 2: "remove element"}


class Record:
    """One record while it is read: the fields so far and what they say of the ones to come."""

    __slots__ = ("attribute", "fields", "known", "side", "start", "type", "value", "values")

    def __init__(self, side: Side, start: int) -> None:
        self.fields: list[Field] = []
        self.values: dict[str, Any] = {}
        self.type: DataType | None = None
        self.value: Field | None = None
        self.attribute: int | None = None
        self.known: Attribute | None = None
        self.side: Side = side
        self.start = start

    def has(self, when: str) -> bool:
        """Whether a step with condition `when` is there."""
        if not when:
            return True
        status, direction = self.values.get("status", 0), self.values.get("direction", 0)
        if when == "success":
            return bool(status == 0)
        if when == "received":
            return bool(status == 0 and direction == 1)
        analog = when == "reported" or (self.type is not None and self.type.analog)
        return bool(status == 0 and direction == 0 and analog)


def read_general(cursor: Cursor, reading: Reading, fields: list[Field], records: list[Record]) -> None:
    """Read the payload of a general command; adds to `fields` and `records` as it reads.

    Raises DissectionError; the record that was being read is then the last of `records`.
    """
    layout = GENERAL[reading.header.command]
    # A request speaks of the receiver's attributes, a response or report of the sender's (ZCL 2.4.1.1.3).
    side: Side = "server" if reading.to_client != layout.is_request else "client"
    head = Record(side, cursor.offset)
    head.fields = fields
    for step in layout.head:
        _read_step(cursor, step.name, head, reading)
    if layout.head:
        reading.out.columns.update(_columns(head))
    while layout.record and cursor.remaining:
        record = Record(side, cursor.offset)
        records.append(record)
        try:
            _read_record(cursor, layout, record, reading)
        finally:
            _add_record(record, cursor, fields, reading.buffer)
    if records:
        reading.out.columns.update(_columns(records[0]))


def _columns(record: Record) -> dict[str, Any]:
    found = {}
    attribute = record.attribute if record.attribute is not None else record.values.get("start_attribute")
    if attribute is not None:
        found["zcl_attribute"] = attribute
    if "status" in record.values:
        found["zcl_status"] = record.values["status"]
    return found


def _read_record(cursor: Cursor, layout: Layout, record: Record, reading: Reading) -> None:
    for step in layout.record:
        if layout.lone and step.name != "status" and not cursor.remaining and record.values["status"] == 0:
            return
        if record.has(step.when):
            _read_step(cursor, step.name, record, reading)


def _add_record(record: Record, cursor: Cursor, fields: list[Field], buffer: str) -> None:
    if not record.fields:
        return
    name = record.known.name if record.known else ""
    end = record.fields[-1].end
    whole = Field("record", None, name, record.start, end - record.start, buffer, record.fields)
    fields.append(whole)


def _read_step(cursor: Cursor, step: str, record: Record, reading: Reading) -> None:
    start, buffer = cursor.offset, reading.buffer
    if step in ("value", "reportable_change"):
        _read_value(cursor, step, record, reading)
        return
    if step == "selector":
        _read_selector(cursor, record, buffer)
        return
    width = WIDTHS[step]
    value = cursor.uint_le(width)
    record.values[step] = value
    found = Field(step, value, "", start, width, buffer)
    record.fields.append(found)
    meaning = _MEANINGS.get(step)
    if meaning is not None:
        found.meaning = meaning(value, record, reading)
    if step == "access":
        found.children = bit_fields("DiscoverAccess", value, start, 1, buffer)


def _read_value(cursor: Cursor, step: str, record: Record, reading: Reading) -> None:
    buffer = reading.buffer
    if record.type is None:
        start = cursor.offset
        what = f"unknown data type 0x{record.values['type']:02X}"
        reading.issue("error", start - 1, f"{what}: the records after it cannot be told apart")
        octets = cursor.rest()
        record.fields.append(Field(step, octets, None, start, len(octets), buffer))
        return
    meaning = record.known.meaning if record.known and step == "value" else ""
    record.value = read_value(cursor, record.type, step, buffer, meaning, invalid=step == "value")
    record.fields.append(record.value)


def _read_selector(cursor: Cursor, record: Record, buffer: str) -> None:
    start = cursor.offset
    indicator = cursor.u8()
    depth, action = indicator & 0x0F, indicator >> 4
    indices = [cursor.u16le() for _ in range(depth)]
    record.values["selector"] = (action, indices)
    parts = [
        Field("depth", depth, "", start, 1, buffer, bits=(0, 4)),
        Field(
            "action", action, SELECTOR_ACTIONS.get(action, f"unknown {action}"), start, 1, buffer, bits=(4, 4)
        ),
    ]
    fields = [Field("indicator", indicator, "", start, 1, buffer, parts)]
    fields += [Field(f"index[{i}]", n, "", start + 1 + 2 * i, 2, buffer) for i, n in enumerate(indices)]
    text = ".".join(map(str, indices)) or "whole attribute"
    record.fields.append(Field("selector", None, text, start, 1 + 2 * depth, buffer, fields))


def _attribute(value: int, record: Record, reading: Reading) -> str:
    side = record.side
    if record.values.get("direction") == 1:
        side = "client" if side == "server" else "server"
    record.attribute, record.side = value, side
    manufacturer = reading.header.manufacturer
    record.known = catalogue.attribute(reading.cluster.id, side, value, manufacturer)
    if record.known is None:
        other = "client" if side == "server" else "server"
        record.known = catalogue.attribute(reading.cluster.id, other, value, manufacturer)
    return record.known.name if record.known else f"unknown 0x{value:04X}"


def _type(value: int, record: Record, reading: Reading) -> str | None:
    record.type = catalogue.data_type(value)
    return record.type.title if record.type is not None else None


def _status(value: int, record: Record, reading: Reading) -> str:
    return label_of("Status", value)


def _start_attribute(value: int, record: Record, reading: Reading) -> str:
    known = catalogue.attribute(reading.cluster.id, record.side, value, reading.header.manufacturer)
    return known.name if known else ""


def _direction(value: int, record: Record, reading: Reading) -> str:
    return {0: "sends reports", 1: "receives reports"}.get(value, f"unknown {value}")


def _interval(value: int, record: Record, reading: Reading) -> str:
    return "reporting off" if value == 0xFFFF else f"{value} s"


def _command(value: int, record: Record, reading: Reading) -> str:
    # A default response names the command that it answers, which went the other way.
    direction = "to-server" if reading.to_client else "to-client"
    known = catalogue.command(reading.cluster.id, direction, value, reading.header.manufacturer)
    general = GENERAL.get(value)
    names = ([known.name] if known else []) + ([general.name] if general else [])
    return " or ".join(names)


def _command_id(value: int, record: Record, reading: Reading) -> str:
    received = reading.header.command == 0x12
    direction = "to-server" if received == reading.to_client else "to-client"
    known = catalogue.command(reading.cluster.id, direction, value, reading.header.manufacturer)
    return known.name if known else ""


_MEANINGS = {
    "attribute": _attribute,
    "type": _type,
    "status": _status,
    "start_attribute": _start_attribute,
    "direction": _direction,
    "minimum_interval": lambda value, record, reading: f"{value} s",
    "maximum_interval": _interval,
    "timeout": lambda value, record, reading: f"{value} s",
    "command": _command,
    "command_id": _command_id,
    "access": lambda value, record, reading: label_of("DiscoverAccess", value),
    "complete": lambda value, record, reading: "complete" if value else "more to come",
}


def build_general(
    command: int, records: Iterable[Mapping[str, Any]] = (), head: Mapping[str, Any] | None = None
) -> bytes:
    """The payload of a general command from its head and records, by step name.

    ``selector`` is (action, indices); ``value`` is as `dissectors.zcl.datatypes` says. Raises KeyError for a
    missing step, ValueError or OverflowError for a value that does not fit.

    >>> build_general(0x0A, [{"attribute": 0x0000, "type": 0x25, "value": 12345678}]).hex()
    '0000254e61bc000000'
    """
    layout = GENERAL[command]
    out = _build_steps(layout.head, head or {})
    for values in records:
        if layout.lone and "attribute" not in values:
            out += bytes((values["status"],))
        else:
            out += _build_steps(layout.record, values)
    return out


def _build_steps(steps: tuple[Step, ...], values: Mapping[str, Any]) -> bytes:
    record = Record("server", 0)
    record.values = dict(values)
    record.type = catalogue.data_type(values["type"]) if "type" in values else None
    out = b""
    for step in steps:
        if not record.has(step.when):
            continue
        if step.name == "selector":
            action, indices = values["selector"]
            out += bytes((action << 4 | len(indices),))
            out += b"".join(index.to_bytes(2, "little") for index in indices)
        elif step.name in WIDTHS:
            out += int(values[step.name]).to_bytes(WIDTHS[step.name], "little")
        elif record.type is None:
            out += bytes(values[step.name])
        else:
            out += build_value(record.type, values[step.name])
    return out


def record_values(record: Record) -> dict[str, Any]:
    """What `build_general` needs to make the record again. Raises DissectionError never; values as read."""
    from dissectors.zcl.datatypes import value_of

    values = dict(record.values)
    for found in record.fields:
        if found.name in ("value", "reportable_change"):
            values[found.name] = found.value if record.type is None else value_of(found, record.type)
    return values

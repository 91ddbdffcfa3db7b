"""The general (profile-wide) commands 0x00 to 0x16 (ZCL 2.5), read and built from ``tables/general_commands.csv``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from dissectors.layout.tables import table
from dissectors.model.cursor import Cursor
from dissectors.model.field import Field
from dissectors.zcl import catalogue
from dissectors.zcl.catalogue import Attribute, DataType, Side
from dissectors.zcl.datatypes import build_value, read_value, value_of
from dissectors.zcl.expression import compiled
from dissectors.zcl.meanings import bit_fields, label_of
from dissectors.zcl.reading import Reading

__all__ = ["GENERAL", "Layout", "Record", "build_general", "read_general"]


class GeneralField(NamedTuple):
    """A field of a head or record: a number of `octets`, or ``selector`` or ``value``; conditions are expressions."""

    name: str
    octets: str
    condition: str
    optional: str


class Layout(NamedTuple):
    """One general command; `answer` is the one that is due to it."""

    name: str
    is_request: bool
    head: list[GeneralField]
    record: list[GeneralField]
    answer: int | None = None


def _layouts() -> dict[int, Layout]:
    out: dict[int, Layout] = {}
    for row in table("zcl", "general_commands"):
        answer = int(row["answer"], 16) if row["answer"] else None
        new = Layout(row["name"], bool(row["request"]), [], [], answer)
        layout = out.setdefault(int(row["command"], 16), new)
        steps = layout.head if row["part"] == "head" else layout.record
        steps.append(GeneralField(row["field"], row["octets"], row["condition"], row["optional"]))
    return out


GENERAL: dict[int, Layout] = _layouts()
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

    def has(self, step: GeneralField) -> bool:
        """Whether a step is there; to conditions, ``analog`` is 1 where the type of the record is an analog one."""
        if not step.condition:
            return True
        values = self.values
        if "analog" in step.condition:
            values = {**values, "analog": int(self.type is not None and self.type.analog)}
        return bool(compiled(step.condition)(values))


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
        _read_step(cursor, step, head, reading)
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
        if step.optional and not cursor.remaining and compiled(step.optional)(record.values):
            return
        if record.has(step):
            _read_step(cursor, step, record, reading)


def _add_record(record: Record, cursor: Cursor, fields: list[Field], buffer: str) -> None:
    if not record.fields:
        return
    name = record.known.name if record.known else ""
    end = record.fields[-1].end
    whole = Field("record", None, name, record.start, end - record.start, buffer, record.fields)
    fields.append(whole)


def _read_step(cursor: Cursor, step: GeneralField, record: Record, reading: Reading) -> None:
    start, buffer, name = cursor.offset, reading.buffer, step.name
    if step.octets == "value":
        _read_value(cursor, name, record, reading)
        return
    if step.octets == "selector":
        _read_selector(cursor, record, buffer)
        return
    width = int(step.octets)
    value = cursor.uint_le(width)
    record.values[name] = value
    found = Field(name, value, "", start, width, buffer)
    record.fields.append(found)
    meaning = _MEANINGS.get(name)
    if meaning is not None:
        found.meaning = meaning(value, record, reading)
    if name == "access":
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
    return _build_steps(layout.head, head or {}) + b"".join(
        _build_steps(layout.record, one) for one in records
    )


def _build_steps(steps: Sequence[GeneralField], values: Mapping[str, Any]) -> bytes:
    record = Record("server", 0)
    record.values = dict(values)
    record.type = catalogue.data_type(values["type"]) if "type" in values else None
    out = b""
    for step in steps:
        if step.optional and step.name not in values and compiled(step.optional)(values):
            break
        if not record.has(step):
            continue
        if step.octets == "selector":
            action, indices = values["selector"]
            out += bytes((action << 4 | len(indices),))
            out += b"".join(index.to_bytes(2, "little") for index in indices)
        elif step.octets != "value":
            out += int(values[step.name]).to_bytes(int(step.octets), "little")
        elif record.type is None:
            out += bytes(values[step.name])
        else:
            out += build_value(record.type, values[step.name])
    return out


def record_values(record: Record) -> dict[str, Any]:
    """What `build_general` needs to make the record again. Raises DissectionError never; values as read."""
    values = dict(record.values)
    for found in record.fields:
        if found.name in ("value", "reportable_change"):
            values[found.name] = found.value if record.type is None else value_of(found, record.type)
    return values

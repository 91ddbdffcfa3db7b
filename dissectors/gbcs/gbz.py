"""ZSE commands inside GBZ payloads: their names, the values in them, and what these say.

Source: GBCS 4.x section 7.2.9; ZigBee Smart Energy 1.2; templates of the use-case annex of GBCS 4.0.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from dissectors.errors import DissectionError
from dissectors.facts import table
from dissectors.field import Issue
from dissectors.gbcs.gbz_tails import TAILS, Tail
from dissectors.gbcs.names import alert_name, coded
from dissectors.gbcs.utrn import describe as describe_utrn
from dissectors.gbcs.values import utc
from dissectors.gbcs.zcl_types import ATTRIBUTE_TYPES, read_value

__all__ = [
    "Record",
    "attribute_named",
    "cluster_name",
    "command_fields",
    "command_name",
    "frame_words",
    "read_zcl",
    "say",
]

LAYER = "gbcs.gbz"
TO_CLIENT = 0x08
_READ, _READ_RESPONSE, DEFAULT_RESPONSE = 0x00, 0x01, 0x0B
_GENERAL = {_READ: "Read Attributes", _READ_RESPONSE: "Read Attributes Response"}
_GENERAL[DEFAULT_RESPONSE] = "Default Response"


@cache
def _commands() -> dict[tuple[int, int, bool], tuple[str, tuple[tuple[str, str], ...]]]:
    out: dict[tuple[int, int, bool], tuple[str, list[tuple[str, str]]]] = {}
    for row in table("gbcs", "gbz_fields"):
        key = (int(row["cluster"], 16), int(row["command"], 16), row["direction"] == "to-client")
        out.setdefault(key, (row["command_name"], []))[1].append((row["field"], row["type"]))
    return {key: (name, tuple(fields)) for key, (name, fields) in out.items()}


@cache
def _attributes() -> dict[tuple[int, int], str]:
    out = {}
    for row in table("gbcs", "gbz_attributes"):
        name = row["names"].split(" | ")[-1]
        out[int(row["cluster"], 16), int(row["attribute_id"], 16)] = name.removesuffix(" (name from ZSE)")
    return out


@cache
def _enums() -> dict[str, dict[int, str]]:
    out: dict[str, dict[int, str]] = {}
    for row in table("gbcs", "gbz_enums"):
        out.setdefault(row["field"], {})[int(row["value"], 16)] = row["meaning"]
    return out


@cache
def _meanings(name: str) -> dict[int, str] | None:
    """Values of the enumeration whose name `name` is or ends with."""
    low = name.lower()
    return next((found for field, found in _enums().items() if low.endswith(field.lower())), None)


def cluster_name(cluster: int) -> str | None:
    """Name of a cluster that GBZ uses."""
    return coded("gbz_clusters", "cluster_id").get(cluster)


def command_name(cluster: int, command: int, to_client: bool, specific: bool) -> str | None:
    """Name of a ZCL command; `specific` is False for profile-wide ones."""
    if not specific:
        return _GENERAL.get(command)
    return _command(cluster, command, to_client)[0]


def _command(cluster: int, command: int, to_client: bool) -> tuple[str | None, tuple[tuple[str, str], ...]]:
    """Name and fields of a command; by its number alone when the direction bit is not as in the annex."""
    held = _commands()
    found = held.get((cluster, command, to_client)) or held.get((cluster, command, not to_client))
    return found or (None, ())


def command_fields(cluster: int, command: int, to_client: bool, values: dict[str, Any]) -> Tail:
    """(name, type) of each field; `values` must be filled as they are read. A generator, see `gbz_tails`."""
    name, fields = _command(cluster, command, to_client)
    for field, kind in fields:
        if kind != "TAIL":
            yield field, kind
            continue
        yield from TAILS[name or ""](values)


def status_name(status: int) -> str:
    """Name of a ZCL status."""
    return coded("zcl_status").get(status) or f"unknown status {status:02x}"


class Record(NamedTuple):
    """One value of a ZCL payload."""

    name: str
    kind: str
    value: Any
    offset: int
    end: int


def read_zcl(
    data: bytes, offset: int, end: int, cluster: int, frame_control: int, command: int
) -> tuple[list[Record], list[Issue]]:
    """The values of a ZCL payload in order; what cannot be read is an issue and a last record ``rest``."""
    records: list[Record] = []
    issues: list[Issue] = []
    specific, to_client = bool(frame_control & 1), bool(frame_control & TO_CLIENT)
    try:
        if specific:
            if _command(cluster, command, to_client)[0] is not None:
                offset = _read_fields(records, data, offset, end, (cluster, command, to_client))
            elif offset < end:
                text = f"command {command:02x} of cluster {cluster:04x} has no layout in the tables"
                issues.append(Issue("note", LAYER, offset, text))
        else:
            offset = _read_general(records, data, offset, end, command)
    except DissectionError as error:
        issues.append(Issue.of(error))
        offset = records[-1].end if records else offset
    if offset < end:
        rest = data[offset:end]
        if not issues and command == 0 and cluster == 0x0700 and specific:
            text = "octets to be ignored (GBCS use case GCS21f)"
            issues.append(Issue("note", LAYER, offset, text))
        elif not issues:
            # a tail may have forms that the tables do not know; a fixed layout has not
            tail = specific and any(kind == "TAIL" for _, kind in _command(cluster, command, to_client)[1])
            text = f"{len(rest)} octets behind what is known of the command"
            issues.append(Issue("note" if tail else "warning", LAYER, offset, text))
        records.append(Record("rest", "OCTETS", rest, offset, end))
    return records, issues


def _read_fields(
    records: list[Record], data: bytes, offset: int, end: int, key: tuple[int, int, bool]
) -> int:
    values: dict[str, Any] = {}
    fields = command_fields(*key, values)
    value: Any = None
    while True:
        try:
            name, kind = fields.send(value)
        except StopIteration:
            return offset
        if offset >= end:
            return _ended(name, offset, key)
        value, stop = read_value(kind, data, offset, end)
        values[name] = value
        records.append(Record(name, kind, value, offset, stop))
        offset = stop


def _ended(name: str, offset: int, key: tuple[int, int, bool]) -> int:
    """The payload ends before `name`: right for a repeated group, wrong for a fixed field."""
    from dissectors.errors import Truncated

    fixed = [field for field, kind in _command(*key)[1] if kind != "TAIL"]
    if name in fixed:
        raise Truncated(1, 0, layer=LAYER, offset=offset)
    return offset


def _read_general(records: list[Record], data: bytes, offset: int, end: int, command: int) -> int:
    def take(name: str, kind: str) -> Any:
        nonlocal offset
        value, stop = read_value(kind, data, offset, end)
        records.append(Record(name, kind, value, offset, stop))
        offset = stop
        return value

    if command == DEFAULT_RESPONSE:
        take("Command identifier", "UINT8")
        take("Status", "ENUM8")
        return offset
    if command not in (_READ, _READ_RESPONSE):
        return offset
    index = 0
    while offset < end:
        take(f"Attribute Identifier[{index}]", "UINT16")
        if command == _READ_RESPONSE and take(f"Status[{index}]", "ENUM8") == 0:
            kind = take(f"Attribute Data Type[{index}]", "ENUM8")
            take(f"Attribute Value[{index}]", ATTRIBUTE_TYPES.get(kind, ("", "NONE"))[1])
        index += 1
    return offset


def label_of(name: str) -> str:
    """A field's name without its index."""
    return name.partition("[")[0].strip()


def say(record: Record, cluster: int, label: str = "") -> str:
    """What a value says in words."""
    value, name = record.value, label or label_of(record.name)
    if record.kind == "UTCTime":
        return utc(value)
    if record.kind == "DATE":
        return _date(value)
    if isinstance(value, bytes):
        return _octets(value, name)
    if isinstance(value, str):
        return f'"{value}"'
    if name.startswith("Attribute Identifier"):
        return _attributes().get((cluster, value)) or f"unknown attribute {value:04x}"
    if name.startswith("Attribute Data Type"):
        return ATTRIBUTE_TYPES.get(value, (f"unknown type {value:02x}", ""))[0]
    if name == "Status":
        return status_name(value)
    if name == "Event ID":
        return alert_name(value) or f"event {value:04x}"
    if "Log ID" in name:
        return coded("log_ids").get(value & 0x0F if "Event Control" in name else value) or f"log {value}"
    return _number_words(value, name, record.kind)


def _number_words(value: Any, name: str, kind: str) -> str:
    meanings = _meanings(name)
    if meanings is not None:
        return meanings.get(value) or f"value {value}"
    if kind.startswith("BITMAP"):
        return f"bits {value:0{int(kind[6:]) // 4}x}"
    if value == 0xFFFFFFFF and kind == "UINT32":
        return "not specified, or all"
    return f"{value}" if value is not None else "nothing"


def _date(octets: bytes) -> str:
    year, month, day, weekday = octets
    parts = ["*" if year == 0xFF else f"{1900 + year}"]
    parts += ["*" if p == 0xFF else f"{p:02d}" for p in (month, day)]
    return "-".join(parts) + ("" if weekday == 0xFF else f" (day {weekday} of the week)")


def _octets(value: bytes, name: str) -> str:
    if name in ("TopUp Code", "Top Up Code"):
        return describe_utrn(value.decode("ascii", "replace"))
    if value and all(0x20 <= octet < 0x7F for octet in value):
        return f'"{value.decode("ascii")}"'
    return value.hex() if value else "empty"


def frame_words(value: int) -> str:
    """What a ZCL frame control says."""
    scope = "cluster" if value & 1 else "profile-wide"
    way = "server to client" if value & TO_CLIENT else "client to server"
    return f"{scope}, {way}{', no default response' if value & 0x10 else ''}"


def attribute_named(cluster: int, attribute: int) -> bool:
    """Has an attribute a name in the tables?"""
    return (cluster, attribute) in _attributes()

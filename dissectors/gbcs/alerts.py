"""Alerts: code, time, and what each code carries besides.

Source: GBCS 4.x section 16 (event and alert codes) and the use cases of the alerts; layouts as in RTDS 4.5.0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from dissectors.dlms.data import Node
from dissectors.dlms.obis import obis_text
from dissectors.field import Field, Issue
from dissectors.gbcs.cosem import Description, apdu_header, opened_fields
from dissectors.gbcs.names import CRA, alert_name, code_words, coded, eui64
from dissectors.gbcs.objects import Target, object_title, part_tree, parts_of
from dissectors.gbcs.payload import Payload
from dissectors.gbcs.protected import PARAMETERS, sealed_octets
from dissectors.gbcs.values import Row, Values, item

__all__ = ["LAYOUTS", "Piece", "alert_pieces", "notification", "read_pieces"]

LAYER = "gbcs.alert"


class Piece(NamedTuple):
    """A fixed piece of an octet string: its name, its length in octets, how it reads, what it says."""

    name: str
    length: int
    read: Callable[[bytes], Any]
    say: Callable[[Any], str]


def _number(octets: bytes) -> int:
    return int.from_bytes(octets, "big")


def _cra_words(value: int) -> str:
    return CRA.get(value, f"unknown CRA flag {value}")


def _class_words(value: int) -> str:
    from dissectors.dlms.obis import class_name

    return class_name(value) or f"interface class {value}"


CODE = Piece("message_code", 2, _number, code_words)
COUNTER = Piece("originator_counter", 8, _number, lambda v: f"counter {v}")
ORIGINATOR = Piece("originator", 8, bytes, eui64)
RECIPIENT = Piece("recipient", 8, bytes, eui64)
DEVICE = Piece("device", 8, bytes, eui64)
HASH = Piece("manufacturer_image_hash", 32, bytes, lambda v: f"SHA-256 hash {v.hex()}")
ISSUE = Piece(
    "issue_code", 2, _number, lambda v: coded("meter_integrity_issue").get(v) or f"unknown issue {v}"
)
CRA_FLAG = Piece("cra_flag", 1, _number, _cra_words)
CLASS = Piece("class_id", 2, _number, _class_words)
OBIS = Piece("obis", 6, obis_text, lambda v: f"OBIS {v}")
MEMBER = Piece("attribute", 1, _number, lambda v: f"attribute or method {v}")

_UNDELIVERED = (ORIGINATOR, RECIPIENT, CRA_FLAG, COUNTER)

LAYOUTS: dict[int, tuple[tuple[str, tuple[Piece, ...]], ...]] = {
    0x00CC: (("executed_instruction", (CODE, COUNTER, CLASS, OBIS, MEMBER)),),
    0x00CE: (("firmware", (HASH,)),),
    0x00F0: (("integrity_issue", (ISSUE,)),),
    0x00D5: (("undelivered_message", _UNDELIVERED),),
    0x0114: (("undelivered_message", _UNDELIVERED),),
    0x0110: (("device", (DEVICE,)),),
    0x0115: (("device", (DEVICE,)),),
    0x0120: (("unsupported_command", (CODE, COUNTER)),),
    0x0061: (("protection_parameters", ()), ("protected_attributes", ())),
    0x0067: (("outage_start", ()), ("outage_end", ())),
    0x0018: (("device_log", ()),),
    0x0111: (("channel_change", ()),),
    0x0112: (("scan_outcome", ()),),
    0x0113: (("sub_ghz_configuration", ()),),
    0x0121: (
        ("apc_direction_and_number", ()),
        ("apc_limit_period_start", ()),
        ("apc_limit_period_end", ()),
        ("resulting_level", ()),
    ),
    0x0122: (("apc_direction_and_number", ()), ("resulting_level", ())),
    0x0123: (("operational_update", ()),),
}


_STRUCTURES = {
    0x0111: part_tree("channel_change", "channel", "reason"),
    0x0112: part_tree("scan_outcome", "outcome", "reason"),
}
_OBJECTS = {
    0x0018: Target(104, "0-0:30.3.0.255", True, 4),
    0x0113: Target(1, "0-0:94.44.10.0", False, 2),
}
"""Alerts whose extra item is the value of an object."""


def read_pieces(octets: bytes, offset: int, end: int, pieces: Sequence[Piece], buffer: str) -> list[Field]:
    """Fields of fixed pieces in a row; what does not fit is one field of the rest."""
    fields = []
    for piece in pieces:
        if offset + piece.length > end:
            break
        value = piece.read(octets[offset : offset + piece.length])
        fields.append(Field(piece.name, value, piece.say(value), offset, piece.length, buffer))
        offset += piece.length
    if offset < end:
        rest = octets[offset:end]
        fields.append(Field("rest", rest, f"{len(rest)} octets {rest.hex()}", offset, len(rest), buffer))
    return fields


def alert_pieces(code: int | None, index: int) -> tuple[str, tuple[Piece, ...]]:
    """Name and pieces of the item `index` (0 = the first after the time) of an alert's message code."""
    layout = LAYOUTS.get(code or -1, ())
    return layout[index] if index < len(layout) else (f"extra_{index}", ())


def notification(
    octets: bytes, payload: Payload, code: int | None, counter: int, opened: Sequence[bytes | None]
) -> Description:
    """A DLMS alert: a data-notification with alert code, time and the extra items of its use case."""
    fields = apdu_header(octets, payload, counter)
    issues: list[Issue] = []
    items: list[Row] = []
    if payload.data:
        body = payload.data[0]
        fields.append(_body(octets, body, code, issues, items))
    if code == 0x0061:
        decrypted, rows = opened_fields(code, None, opened)
    else:
        decrypted, rows = [], []
    size = payload.reached - payload.start
    branch = Field(
        "data_notification", None, "DLMS data-notification", payload.start, size, "message", fields
    )
    return Description([branch, *decrypted], items + rows, issues)


def _body(octets: bytes, body: Node, code: int | None, issues: list[Issue], items: list[Row]) -> Field:
    tag, nodes, start, end = body
    if tag != 2 or not nodes or nodes[0][0] != 0x12:
        issues.append(Issue("warning", LAYER, start, "not a structure that begins with an alert code"))
        return Values(None).field(body, None, "alert")
    branch = Field("alert", None, "alert", start, end - start, "message")
    words = f"structure, {len(nodes)} elements"
    branch.children.append(Field("type_and_count", len(nodes), words, start, nodes[0][2] - start, "message"))
    alert = nodes[0][1]
    name = alert_name(alert)
    if name is None:
        issues.append(Issue("note", LAYER, nodes[0][2], f"alert code {alert:04x} has no name in the tables"))
    at = nodes[0][2]
    branch.children.append(Field("alert_code", alert, name, at, nodes[0][3] - at, "message"))
    items.append(item(None, "alert code", alert, unit=None, number=None, result=name))
    if len(nodes) > 1:
        values = Values(None)
        branch.children.append(values.field(nodes[1], None, "time"))
        items += values.rows("alert time")
    for index, node in enumerate(nodes[2:]):
        branch.children.append(_extra(octets, node, code, index, items))
    return branch


def _extra(octets: bytes, node: Node, code: int | None, index: int, items: list[Row]) -> Field:
    name, pieces = alert_pieces(code, index)
    tag, value, start, end = node
    if tag == 9 and pieces:
        body = end - len(value)
        out = Field(name, None, f"octet-string, {len(value)} octets", start, end - start, "message")
        head = Field("type_and_length", len(value), f"octet-string, {len(value)} octets", start, body - start)
        head.buffer = "message"
        out.children = [head, *read_pieces(octets, body, end, pieces, "message")]
        items += instruction_rows(out.children[1:], name)
        return out
    if tag == 9 and len(value) >= 17 and value.startswith(b"\x31\x00\x00\x00\x00"):
        return sealed_octets(octets, node, name)
    target = _OBJECTS.get(code or -1)
    if name == "protection_parameters":
        return Values(None).field(node, PARAMETERS, name)
    part = parts_of(code or 0, target) if target is not None else _STRUCTURES.get(code or -1)
    values = Values(target)
    out = values.field(node, part, name)
    items += values.rows(object_title(target) if target is not None else name)
    return out


def instruction_rows(fields: list[Field], name: str) -> list[Row]:
    """Rows of the pieces of an alert's extra item; an executed instruction carries its object."""
    held = {f.name: f.value for f in fields}
    if name == "executed_instruction" and {"class_id", "obis", "attribute"} <= set(held):
        target = Target(held["class_id"], held["obis"], False, held["attribute"])
        title = object_title(target) or object_title(target._replace(method=True))
        return [item(target, title, held["originator_counter"], number=None, result="executed")]
    return [item(None, f.name, f.value.hex() if isinstance(f.value, bytes) else f.value) for f in fields]

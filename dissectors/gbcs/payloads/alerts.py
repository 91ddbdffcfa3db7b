"""Alerts: code, time, and what each code carries besides.

Source: GBCS 4.x section 16 (event and alert codes) and the use cases of the alerts; layouts as in RTDS 4.5.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from dissectors.dlms.cosem.data import Node
from dissectors.dlms.cosem.obis import obis_text, target_of
from dissectors.gbcs.catalogue.names import CRA, alert_name, code_words, coded, eui64
from dissectors.gbcs.catalogue.objects import names_called, names_of, object_title
from dissectors.gbcs.payloads.cosem import Description, apdu_header, branch, class_words, opened_values
from dissectors.gbcs.payloads.payload import SECURITY_HEADER, Payload
from dissectors.gbcs.payloads.protected import OpenedValue, sealed_octets
from dissectors.gbcs.payloads.values import Row, Values, item
from dissectors.layout import Layer, Octets, UInt
from dissectors.model.cursor import Cursor
from dissectors.model.field import Field, Issue

__all__ = [
    "CODE",
    "COUNTER",
    "LAYOUTS",
    "Firmware",
    "IntegrityIssue",
    "alert_item",
    "notification",
    "read_pieces",
]

LAYER = "gbcs.alert"


class Obis(Octets):
    """An OBIS code, shown as text."""

    __slots__ = ()

    def tree(self, layer: Any, value: Any, offset: int, end: int, buffer: str) -> Field:
        text = obis_text(value)
        return Field(self.name, text, f"OBIS {text}", offset, end - offset, buffer)


def _issue_words(value: int) -> str:
    return coded("meter_integrity_issue").get(value) or f"unknown issue {value}"


CODE = UInt("message_code", 0, 2, order="big", names=code_words)
COUNTER = UInt("originator_counter", 0, 8, order="big", names=lambda v: f"counter {v}")
CLASS = UInt("class_id", 0, 2, order="big", names=class_words)
MEMBER = UInt("attribute", 0, 1, names=lambda v: f"attribute or method {v}")


class ExecutedInstruction(Layer):
    """What a future-dated command did to an object."""

    parts = (CODE, COUNTER, CLASS, Obis("obis", 6), MEMBER)


class Firmware(Layer):
    """The image that was activated."""

    parts = (Octets("manufacturer_image_hash", 32, names=lambda v: f"SHA-256 hash {v.hex()}"),)


class IntegrityIssue(Layer):
    parts = (UInt("issue_code", 0, 2, order="big", names=_issue_words),)


class UndeliveredMessage(Layer):
    """Whose message did not arrive, and which."""

    parts = (
        Octets("originator", 8, names=eui64),
        Octets("recipient", 8, names=eui64),
        UInt("cra_flag", 0, 1, names=lambda v: CRA.get(v, f"unknown CRA flag {v}")),
        COUNTER,
    )


class Device(Layer):
    parts = (Octets("device", 8, names=eui64),)


class UnsupportedCommand(Layer):
    parts = (CODE, COUNTER)


LAYOUTS: dict[int, tuple[tuple[str, type[Layer] | None], ...]] = {
    0x00CC: (("executed_instruction", ExecutedInstruction),),
    0x00CE: (("firmware", Firmware),),
    0x00F0: (("integrity_issue", IntegrityIssue),),
    0x00D5: (("undelivered_message", UndeliveredMessage),),
    0x0114: (("undelivered_message", UndeliveredMessage),),
    0x0110: (("device", Device),),
    0x0115: (("device", Device),),
    0x0120: (("unsupported_command", UnsupportedCommand),),
    0x0061: (("protection_parameters", None), ("protected_attributes", None)),
    0x0067: (("outage_start", None), ("outage_end", None)),
    0x0018: (("device_log", None),),
    0x0111: (("channel_change", None),),
    0x0112: (("scan_outcome", None),),
    0x0113: (("sub_ghz_configuration", None),),
    0x0121: (
        ("apc_direction_and_number", None),
        ("apc_limit_period_start", None),
        ("apc_limit_period_end", None),
        ("resulting_level", None),
    ),
    0x0122: (("apc_direction_and_number", None), ("resulting_level", None)),
    0x0123: (("operational_update", None),),
}
"""What follows the time in the alert of a message code: names, and the layer of an octet string (None: Data)."""

CODED = frozenset({"issue_code"})
"""Pieces whose number stands for words."""
_STRUCTURES = {0x0111: "channel_change", 0x0112: "scan_outcome"}
_OBJECTS = {
    0x0018: target_of(104, "0-0:30.3.0.255", 4, True),
    0x0113: target_of(1, "0-0:94.44.10.0", 2),
}
"""Alerts whose extra item is the value of an object."""


def read_pieces(octets: bytes, offset: int, end: int, layer: type[Layer], buffer: str) -> list[Field]:
    """Fields of a layer, one after the other; what does not fit is one field of the rest."""
    cursor = Cursor(octets, offset, end, layer=LAYER)
    fields = layer.read(cursor).tree(buffer).children
    if cursor.remaining:
        start, rest = cursor.offset, cursor.rest()
        fields.append(Field("rest", rest, f"{len(rest)} octets {rest.hex()}", start, len(rest), buffer))
    return fields


def alert_item(code: int | None, index: int) -> tuple[str, type[Layer] | None]:
    """Name and layer of the item `index` (0 = the first after the time) of an alert's message code."""
    layout = LAYOUTS.get(code or -1, ())
    return layout[index] if index < len(layout) else (f"extra_{index}", None)


def notification(
    payload: Payload, code: int | None, counter: int, opened: Sequence[bytes | None]
) -> Description:
    """A DLMS alert: a data-notification with alert code, time and the extra items of its use case."""
    decrypted = opened_values(code, None, opened) if code == 0x0061 else []
    return Description(
        partial(_all_rows, payload, code, decrypted), partial(_fields, payload, code, counter, decrypted)
    )


def _all_rows(payload: Payload, code: int | None, decrypted: Sequence[OpenedValue]) -> list[Row]:
    items = [row for body in payload.data for row in _rows(payload.octets, body, code)]
    return items + [row for one in decrypted for row in one.rows()]


def _fields(
    payload: Payload, code: int | None, counter: int, decrypted: Sequence[OpenedValue]
) -> tuple[list[Field], list[Issue]]:
    issues: list[Issue] = []
    bodies = [_body(payload.octets, body, code, issues) for body in payload.data]
    whole = branch(payload, "data_notification", [*apdu_header(payload, counter), *bodies])
    return [whole, *(one.field() for one in decrypted)], issues


def _is_alert(body: Node) -> bool:
    return body[0] == 2 and bool(body[1]) and bool(body[1][0][0] == 0x12)


def _rows(octets: bytes, body: Node, code: int | None) -> list[Row]:
    if not _is_alert(body):
        return []
    nodes = body[1]
    rows = [item(None, "alert code", nodes[0][1], unit=None, number=None, result=alert_name(nodes[0][1]))]
    for node in nodes[1:2]:
        rows += Values(None).rows(node, "alert time")
    for index, node in enumerate(nodes[2:]):
        rows += _extra_rows(octets, node, code, index)
    return rows


def _body(octets: bytes, body: Node, code: int | None, issues: list[Issue]) -> Field:
    _, nodes, start, end = body
    if not _is_alert(body):
        issues.append(Issue("warning", LAYER, start, "not a structure that begins with an alert code"))
        return Values(None).named(body, "alert")
    branch = Field("alert", None, "alert", start, end - start, "message")
    words = f"structure, {len(nodes)} elements"
    branch.children += [Field("type_and_count", len(nodes), words, start, nodes[0][2] - start, "message")]
    alert, at = nodes[0][1], nodes[0][2]
    name = alert_name(alert)
    if name is None:
        issues.append(Issue("note", LAYER, at, f"alert code {alert:04x} has no name in the tables"))
    branch.children += [Field("alert_code", alert, name, at, nodes[0][3] - at, "message")]
    branch.children += [Values(None).named(node, "time") for node in nodes[1:2]]
    branch.children += [_extra(octets, node, code, index) for index, node in enumerate(nodes[2:])]
    return branch


def _is_sealed(node: Node) -> bool:
    return node[0] == 9 and len(node[1]) >= 17 and bool(node[1].startswith(SECURITY_HEADER))


def _extra_values(code: int | None, name: str) -> Values:
    """What reads an extra item that is Data."""
    target = _OBJECTS.get(code or -1)
    if target is not None:
        return Values(target, names_of(code or 0, target))
    return Values(None, names_called(_STRUCTURES.get(code or -1, name)))


def _pieces(octets: bytes, node: Node, layer: type[Layer]) -> list[Field]:
    """The fields of an octet string that is a layer."""
    return read_pieces(octets, node[3] - len(node[1]), node[3], layer, "message")


def _extra_rows(octets: bytes, node: Node, code: int | None, index: int) -> list[Row]:
    name, layer = alert_item(code, index)
    if node[0] == 9 and layer is not None:
        return instruction_rows(_pieces(octets, node, layer), name)
    if _is_sealed(node) or name == "protection_parameters":
        return []
    values = _extra_values(code, name)
    return values.rows(node, object_title(values.target) if values.target is not None else name)


def _extra(octets: bytes, node: Node, code: int | None, index: int) -> Field:
    name, layer = alert_item(code, index)
    tag, value, start, end = node
    if tag == 9 and layer is not None:
        body, words = end - len(value), f"octet-string, {len(value)} octets"
        head = Field("type_and_length", len(value), words, start, body - start, "message")
        children = [head, *_pieces(octets, node, layer)]
        return Field(name, None, words, start, end - start, "message", children)
    return (
        sealed_octets(octets, node, name) if _is_sealed(node) else _extra_values(code, name).named(node, name)
    )


def instruction_rows(fields: list[Field], name: str) -> list[Row]:
    """Rows of the pieces of an alert's extra item; an executed instruction carries its object."""
    held = {f.name: f.value for f in fields}
    if name == "executed_instruction" and {"class_id", "obis", "attribute"} <= set(held):
        where = held["class_id"], held["obis"], held["attribute"]
        target = target_of(*where)
        title = object_title(target) or object_title(target_of(*where, True))
        return [item(target, title, held["originator_counter"], number=None, result="executed")]
    return [
        item(
            None, f.name, f.value.hex() if isinstance(f.value, bytes) else f.value,
            result=f.meaning if f.name in CODED else None,
        )
        for f in fields
    ]  # fmt: skip

"""The small pieces that many APDUs share: invoke ids, attribute and method descriptors, selections, times.

Source: IEC 62056-5-3 (Green Book), ASN.1 of the APDUs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from dissectors.dlms.cosem.codes import codes
from dissectors.dlms.cosem.data import Data, Node, build_data, read_node, read_nodes, typed
from dissectors.dlms.cosem.data_fields import data_field
from dissectors.dlms.cosem.datetimes import DateTime, build_date_time, read_date_time
from dissectors.dlms.cosem.obis import build_obis, target
from dissectors.layout.axdr import LAYER, AxdrPart, Choice, Flagged, Group, Number, OctetString, ReadPart
from dissectors.layout.lengths import build_octets, read_length
from dissectors.model.errors import DissectionError, Malformed, Truncated
from dissectors.model.field import Field

__all__ = [
    "ATTRIBUTE",
    "BLOCK_NUMBER",
    "DATA",
    "DATE_TIME",
    "INVOKE",
    "LONG_INVOKE",
    "METHOD",
    "RESULT",
    "SELECTED_ATTRIBUTE",
    "SELECTION",
    "DataPart",
    "Reference",
    "TypedDateTime",
]


class Reference(NamedTuple):
    """An attribute or method: interface class, OBIS code as text, its (signed) number."""

    class_id: int
    obis: str
    number: int


def invoke_words(value: int) -> str:
    """Invoke-Id-And-Priority: bits 3-0 id, 5-4 reserved, 6 service class, 7 priority."""
    service = "confirmed" if value & 0x40 else "unconfirmed"
    return f"id {value & 15}, {service}, {'high' if value & 0x80 else 'normal'} priority"


def long_invoke_words(value: int) -> str:
    """Long-Invoke-Id-And-Priority: bits 23-0 id, 28 self-descriptive, 29 break on error, 30, 31 as above."""
    words = [f"id {value & 0xFFFFFF}"]
    words += ["self-descriptive"] * bool(value >> 28 & 1) + ["break on error"] * bool(value >> 29 & 1)
    words.append("confirmed" if value >> 30 & 1 else "unconfirmed")
    return ", ".join([*words, f"{'high' if value >> 31 else 'normal'} priority"])


class DataPart(AxdrPart):
    """One COSEM Data; reads to a node, its plain value is a `Data`. It is built of one, or of octets ready made.

    The parameters of selective access do not count as data that are carried.
    """

    __slots__ = ()

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.carries_data = name != "parameters"

    def read(self, data: bytes, pos: int, end: int) -> tuple[Node, int]:
        return read_node(data, pos, end)

    def read_several(self, data: bytes, pos: int, end: int, count: int) -> tuple[list[ReadPart], int]:
        try:
            nodes, stop = read_nodes(data, pos, end, count, 0)
        except DissectionError as error:
            nodes, stop = error.partial
            error.partial = [(self, node, node[2], node[3]) for node in nodes], stop
            raise
        return [(self, node, node[2], node[3]) for node in nodes], stop

    def build(self, value: Any) -> bytes:
        return value if isinstance(value, bytes) else build_data(value)

    def plain(self, value: Any) -> Data:
        return typed(value)

    def field(self, value: Any, start: int, end: int, buffer: str) -> Field:
        return data_field(value, self.name, buffer)


class Descriptor(AxdrPart):
    """Attribute or method descriptor: class (2), instance (6), signed index (1); reads to the nine octets."""

    __slots__ = ("method",)

    def __init__(self, name: str, method: bool = False) -> None:
        super().__init__(name, least=9)
        self.method = method

    def read(self, data: bytes, pos: int, end: int) -> tuple[bytes, int]:
        stop = pos + 9
        if stop > end:
            raise Truncated(9, end - pos, layer=LAYER, offset=pos)
        return data[pos:stop], stop

    def plain(self, value: Any) -> Reference:
        found = target(value, self.method)
        return Reference(found.class_id, found.obis, found.number)

    def build(self, value: Any) -> bytes:
        if isinstance(value, bytes):
            return value
        class_id, obis, number = value
        octets: bytes = class_id.to_bytes(2, "big") + build_obis(obis)
        return octets + int(number).to_bytes(1, "big", signed=number < 0)

    def field(self, value: Any, start: int, end: int, buffer: str) -> Field:
        found = target(value, self.method)
        index_name = "method_id" if self.method else "attribute_id"
        out = Field(self.name, found.text, found.object or None, start, 9, buffer)
        out.children = [
            Field("class_id", found.class_id, found.class_name or None, start, 2, buffer),
            Field("instance_id", found.obis, found.object or None, start + 2, 6, buffer),
            Field(index_name, found.number, found.member or None, start + 8, 1, buffer),
        ]
        return out


class TypedDateTime(bytes):
    """A date-time that a meter sent with its Data type tag (09 0C) where only a length belongs."""


class DateTimeOctets(AxdrPart):
    """A date-time as octet string: empty, or 12 octets; with a Data tag before it in some meters' pushes."""

    __slots__ = ("quirks",)

    def __init__(self, name: str, quirks: bool = False) -> None:
        super().__init__(name)
        self.quirks = quirks

    def read(self, data: bytes, pos: int, end: int) -> tuple[bytes, int]:
        if self.quirks and data[pos : pos + 2] == b"\x09\x0c" and pos + 14 <= end:
            return TypedDateTime(data[pos + 2 : pos + 14]), pos + 14
        length, start = read_length(data, pos, end, LAYER)
        if length not in (0, 12):
            text = f"date-time of {length} octets; it has 12 or none"
            raise Malformed(text, layer=LAYER, offset=pos)
        if start + length > end:
            raise Truncated(length, end - start, layer=LAYER, offset=start)
        return data[start : start + length], start + length

    def build(self, value: Any) -> bytes:
        if isinstance(value, DateTime):
            value = build_date_time(value)
        return b"\x09" * isinstance(value, TypedDateTime) + build_octets(bytes(value))

    def meaning(self, value: Any) -> str:
        return str(read_date_time(value)) if value else "absent"


INVOKE = Number("invoke_id_and_priority", names=invoke_words)
LONG_INVOKE = Number("long_invoke_id_and_priority", 4, long_invoke_words)
ATTRIBUTE = Descriptor("attribute")
METHOD = Descriptor("method", method=True)
DATA = DataPart("data")
DATE_TIME = DateTimeOctets("date_time")
PUSH_DATE_TIME = DateTimeOctets("date_time", quirks=True)
BLOCK_NUMBER = Number("block_number", 4)
RESULT = Number("result", names=codes("data-access-result"))
ACTION_RESULT = Number("result", names=codes("action-result"))
SELECTION_BODY = Group("selection", Number("selector"), DataPart("parameters"))
SELECTION = Flagged(SELECTION_BODY)


SELECTED_ATTRIBUTE = Group("attribute_with_selection", ATTRIBUTE, SELECTION, least=10)
GET_RESULT = Choice("get_result", {0: ("data", (DATA,)), 1: ("data-access-result", (RESULT,))})
RAW_DATA = OctetString("raw_data", "part of the whole, see the reassembled value")

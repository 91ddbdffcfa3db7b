"""The small pieces that many APDUs share: invoke ids, attribute and method descriptors, selections, times.

Source: IEC 62056-5-3 (Green Book), ASN.1 of the APDUs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from dissectors.dlms.codes import codes
from dissectors.dlms.datetimes import DateTime, build_date_time, read_date_time
from dissectors.dlms.layout import LAYER, Choice, DataElement, Element, Flagged, Group, Number, OctetString
from dissectors.dlms.obis import build_obis, target
from dissectors.layout.lengths import build_octets, read_length
from dissectors.model.errors import Malformed, Truncated
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
    "Reference",
    "TypedDateTime",
]


class Reference(NamedTuple):
    """An attribute or method: interface class, OBIS code as text, its (signed) number."""

    class_id: int
    obis: str
    number: int


class InvokeId(Element):
    """Invoke-Id-And-Priority: bits 3-0 id, 5-4 reserved, 6 service class, 7 priority."""

    __slots__ = ()

    def read(self, data: bytes, pos: int, end: int) -> tuple[int, int]:
        if pos >= end:
            raise Truncated(1, 0, layer=LAYER, offset=pos)
        return data[pos], pos + 1

    def build(self, value: Any) -> bytes:
        return bytes((int(value),))

    def meaning(self, value: Any) -> str:
        service = "confirmed" if value & 0x40 else "unconfirmed"
        return f"id {value & 15}, {service}, {'high' if value & 0x80 else 'normal'} priority"


class LongInvokeId(Element):
    """Long-Invoke-Id-And-Priority: bits 23-0 id, 28 self-descriptive, 29 break on error, 30, 31 as above."""

    __slots__ = ()

    def read(self, data: bytes, pos: int, end: int) -> tuple[int, int]:
        if pos + 4 > end:
            raise Truncated(4, end - pos, layer=LAYER, offset=pos)
        return int.from_bytes(data[pos : pos + 4], "big"), pos + 4

    def build(self, value: Any) -> bytes:
        return int(value).to_bytes(4, "big")

    def meaning(self, value: Any) -> str:
        words = [f"id {value & 0xFFFFFF}"]
        words += ["self-descriptive"] * bool(value >> 28 & 1) + ["break on error"] * bool(value >> 29 & 1)
        words.append("confirmed" if value >> 30 & 1 else "unconfirmed")
        return ", ".join([*words, f"{'high' if value >> 31 else 'normal'} priority"])


class Descriptor(Element):
    """Attribute or method descriptor: class (2), instance (6), signed index (1); reads to the nine octets."""

    __slots__ = ("method",)
    least = 9

    def __init__(self, name: str, method: bool = False) -> None:
        super().__init__(name)
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


class DateTimeOctets(Element):
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


INVOKE = InvokeId("invoke_id_and_priority")
LONG_INVOKE = LongInvokeId("long_invoke_id_and_priority")
ATTRIBUTE = Descriptor("attribute")
METHOD = Descriptor("method", method=True)
DATA = DataElement("data")
DATE_TIME = DateTimeOctets("date_time")
PUSH_DATE_TIME = DateTimeOctets("date_time", quirks=True)
BLOCK_NUMBER = Number("block_number", 4)
RESULT = Number("result", names=codes("data-access-result"))
ACTION_RESULT = Number("result", names=codes("action-result"))
SELECTION_BODY = Group("selection", Number("selector"), DataElement("parameters"))
SELECTION = Flagged(SELECTION_BODY)


class SelectedAttribute(Group):
    """An attribute with optional selective access, as it stands in lists."""

    __slots__ = ()
    least = 10


SELECTED_ATTRIBUTE = SelectedAttribute("attribute_with_selection", ATTRIBUTE, SELECTION)
GET_RESULT = Choice("get_result", {0: ("data", (DATA,)), 1: ("data-access-result", (RESULT,))})
RAW_DATA = OctetString("raw_data", "part of the whole, see the reassembled value")

"""The pieces that APDU layouts are made of: each reads octets, builds them again and makes its field.

Strategy: an APDU is a tuple of elements, written as data. Reading gives parts, plain tuples
``(element, value, start, end)``; values that people and builders use (`Element.plain`) and `Field` trees
(`Element.field`) are made from the parts only when asked for. So one description serves bulk decoding, the
tree and the builder, and none can know something that the others do not.

Encoding: A-XDR (IEC 61334-6), big-endian.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dissectors.dlms.data import Data, Node, build_data, read_node, read_nodes, typed
from dissectors.dlms.data_fields import data_field
from dissectors.layout.lengths import build_length, build_octets, read_count, read_length, read_octets
from dissectors.model.errors import Malformed, Truncated
from dissectors.model.field import Field

__all__ = [
    "Boolean",
    "Choice",
    "DataElement",
    "Element",
    "Flagged",
    "Group",
    "Number",
    "OctetString",
    "ReadElement",
    "Sequence",
    "build_group",
    "plain_group",
    "read_group",
]

LAYER = "dlms.apdu"

ReadElement = tuple["Element", Any, int, int]


class Element:
    """One piece of a layout; `name` is the field's name."""

    __slots__ = ("carries_data", "name")
    least = 1

    def __init__(self, name: str) -> None:
        self.name = name
        self.carries_data = False

    def read(self, data: bytes, pos: int, end: int) -> tuple[Any, int]:
        """The value at `pos` and the position after it; Truncated or Malformed with the absolute offset."""
        raise NotImplementedError

    def build(self, value: Any) -> bytes:
        """The octets of a plain value."""
        raise NotImplementedError

    def plain(self, value: Any) -> Any:
        """What `read` gave, as plain values that `build` takes."""
        return value

    def meaning(self, value: Any) -> str | None:
        """The value in words; None when it could not be named."""
        return ""

    def field(self, value: Any, start: int, end: int, buffer: str) -> Field:
        """The piece as a field."""
        return Field(self.name, self.plain(value), self.meaning(value), start, end - start, buffer)


class Number(Element):
    """An integer of 1, 2, 3 or 4 octets; `names` says what a code means."""

    __slots__ = ("names", "signed", "size")

    def __init__(
        self, name: str, size: int = 1, names: Mapping[int, str] | None = None, signed: bool = False
    ) -> None:
        super().__init__(name)
        self.size, self.names, self.signed = size, names, signed

    def read(self, data: bytes, pos: int, end: int) -> tuple[int, int]:
        stop = pos + self.size
        if stop > end:
            raise Truncated(self.size, end - pos, layer=LAYER, offset=pos)
        if self.size == 1 and not self.signed:
            return data[pos], stop
        return int.from_bytes(data[pos:stop], "big", signed=self.signed), stop

    def build(self, value: Any) -> bytes:
        return int(value).to_bytes(self.size, "big", signed=self.signed)

    def meaning(self, value: Any) -> str | None:
        return "" if self.names is None else self.names.get(value)


class Boolean(Element):
    """One octet; any but 0 is true."""

    __slots__ = ()

    def read(self, data: bytes, pos: int, end: int) -> tuple[bool, int]:
        if pos >= end:
            raise Truncated(1, 0, layer=LAYER, offset=pos)
        return data[pos] != 0, pos + 1

    def build(self, value: Any) -> bytes:
        return bytes((int(bool(value)),))


class OctetString(Element):
    """An A-XDR octet string: length and octets."""

    __slots__ = ("words",)

    def __init__(self, name: str, words: str = "") -> None:
        super().__init__(name)
        self.words = words

    def read(self, data: bytes, pos: int, end: int) -> tuple[bytes, int]:
        return read_octets(data, pos, end, LAYER)

    def build(self, value: Any) -> bytes:
        return build_octets(bytes(value))

    def meaning(self, value: Any) -> str | None:
        return self.words or f"{len(value)} octets"

    def field(self, value: Any, start: int, end: int, buffer: str) -> Field:
        return Field(self.name, value, self.meaning(value), start, end - start, buffer)


class DataElement(Element):
    """One COSEM Data; reads to a node, its plain value is a `Data`. It is built of one, or of octets ready made.

    `carries_data` (of every element) tells whether values are inside; the parameters of
    selective access do not count.
    """

    __slots__ = ()

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.carries_data = name != "parameters"

    def read(self, data: bytes, pos: int, end: int) -> tuple[Node, int]:
        return read_node(data, pos, end)

    def build(self, value: Any) -> bytes:
        return value if isinstance(value, bytes) else build_data(value)

    def plain(self, value: Any) -> Data:
        return typed(value)

    def field(self, value: Any, start: int, end: int, buffer: str) -> Field:
        return data_field(value, self.name, buffer)


class Group(Element):
    """Some elements in a row; the plain value is a dictionary."""

    __slots__ = ("layout",)

    def __init__(self, name: str, *layout: Element) -> None:
        super().__init__(name)
        self.layout = layout
        self.carries_data = any(element.carries_data for element in layout)

    def read(self, data: bytes, pos: int, end: int) -> tuple[list[ReadElement], int]:
        return read_group(self.layout, data, pos, end)

    def build(self, value: Any) -> bytes:
        return build_group(self.layout, value)

    def plain(self, value: Any) -> dict[str, Any]:
        return plain_group(value)

    def field(self, value: Any, start: int, end: int, buffer: str) -> Field:
        out = Field(self.name, None, "", start, end - start, buffer)
        out.children = [part[0].field(*part[1:], buffer) for part in value]
        return out


class Sequence(Element):
    """A SEQUENCE OF: a count, then elements; the plain value is a list."""

    __slots__ = ("element",)

    def __init__(self, name: str, element: Element) -> None:
        super().__init__(name)
        self.element = element
        self.carries_data = element.carries_data

    def read(self, data: bytes, pos: int, end: int) -> tuple[list[ReadElement], int]:
        element = self.element
        if type(element) is DataElement:
            count, pos = read_count(data, pos, end, LAYER)
            nodes, pos = read_nodes(data, pos, end, count, 0)
            return [(element, node, node[2], node[3]) for node in nodes], pos
        if pos < end and data[pos] < 0x80 and data[pos] * element.least <= end - pos:
            count, pos = data[pos], pos + 1
        else:
            count, pos = read_count(data, pos, end, LAYER, element.least)
        read = element.read
        out: list[ReadElement] = []
        for _ in range(count):
            start = pos
            value, pos = read(data, pos, end)
            out.append((element, value, start, pos))
        return out, pos

    def build(self, value: Any) -> bytes:
        return build_length(len(value)) + b"".join(self.element.build(item) for item in value)

    def plain(self, value: Any) -> list[Any]:
        return [self.element.plain(part[1]) for part in value]

    def field(self, value: Any, start: int, end: int, buffer: str) -> Field:
        first = value[0][2] if value else end
        out = Field(self.name, None, f"list of {len(value)}", start, end - start, buffer)
        out.children = [Field("count", len(value), "", start, first - start, buffer)]
        out.children += [part[0].field(*part[1:], buffer) for part in value]
        return out


class Flagged(Element):
    """An optional element: flag octet 00 absent or 01 present (A-XDR OPTIONAL); absent is None.

    With `default` (A-XDR DEFAULT) the flag 00 stands for that value.
    """

    __slots__ = ("default", "element")

    def __init__(self, element: Element, default: Any = None) -> None:
        super().__init__(element.name)
        self.element, self.default = element, default
        self.carries_data = element.carries_data

    def read(self, data: bytes, pos: int, end: int) -> tuple[Any, int]:
        if pos >= end:
            raise Truncated(1, 0, layer=LAYER, offset=pos)
        flag = data[pos]
        if flag == 0:
            return None, pos + 1
        if flag != 1:
            text = f"{self.name}: optional flag 0x{flag:02x} is neither 0 nor 1"
            raise Malformed(text, layer=LAYER, offset=pos)
        value, stop = self.element.read(data, pos + 1, end)
        return (self.element, value, pos + 1, stop), stop

    def build(self, value: Any) -> bytes:
        return b"\0" if value is None else b"\1" + self.element.build(value)

    def plain(self, value: Any) -> Any:
        return None if value is None else self.element.plain(value[1])

    def field(self, value: Any, start: int, end: int, buffer: str) -> Field:
        if value is None:
            text = "absent" if self.default is None else f"default: {self.default}"
            return Field(self.name, self.default, text, start, end - start, buffer)
        out = Field(self.name, None, "present", start, end - start, buffer)
        out.children = [Field("present", 1, "", start, 1, buffer), value[0].field(*value[1:], buffer)]
        return out


class Choice(Element):
    """A CHOICE by an octet: `options` gives each code a name and a layout.

    The plain value is a dictionary with ``choice`` and the elements of that option.
    """

    __slots__ = ("codes", "options")

    def __init__(self, name: str, options: Mapping[int, tuple[str, tuple[Element, ...]]]) -> None:
        super().__init__(name)
        self.options = options
        self.codes = {option[0]: code for code, option in options.items()}
        self.carries_data = any(e.carries_data for _, layout in options.values() for e in layout)

    def read(self, data: bytes, pos: int, end: int) -> tuple[tuple[int, list[ReadElement]], int]:
        if pos >= end:
            raise Truncated(1, 0, layer=LAYER, offset=pos)
        code = data[pos]
        option = self.options.get(code)
        if option is None:
            raise Malformed(f"{self.name}: unknown choice {code}", layer=LAYER, offset=pos)
        parts, stop = read_group(option[1], data, pos + 1, end)
        return (code, parts), stop

    def build(self, value: Any) -> bytes:
        code = self.codes[value["choice"]]
        return bytes((code,)) + build_group(self.options[code][1], value)

    def plain(self, value: Any) -> dict[str, Any]:
        return {"choice": self.options[value[0]][0], **plain_group(value[1])}

    def field(self, value: Any, start: int, end: int, buffer: str) -> Field:
        name = self.options[value[0]][0]
        out = Field(self.name, None, name, start, end - start, buffer)
        out.children = [Field("choice", value[0], name, start, 1, buffer)]
        out.children += [part[0].field(*part[1:], buffer) for part in value[1]]
        return out


def read_group(layout: tuple[Element, ...], data: bytes, pos: int, end: int) -> tuple[list[ReadElement], int]:
    """The parts of `layout`, and the position after them."""
    parts: list[ReadElement] = []
    for element in layout:
        start = pos
        value, pos = element.read(data, pos, end)
        parts.append((element, value, start, pos))
    return parts, pos


def plain_group(parts: list[ReadElement]) -> dict[str, Any]:
    """The parts as a dictionary of plain values."""
    return {part[0].name: part[0].plain(part[1]) for part in parts}


def build_group(layout: tuple[Element, ...], values: Mapping[str, Any]) -> bytes:
    """The octets of `layout`; KeyError names an element that `values` lacks."""
    return b"".join(element.build(values[element.name]) for element in layout)


def length_span(data: bytes, pos: int, end: int) -> int:
    """Octets that the length at `pos` takes."""
    return read_length(data, pos, end, LAYER)[1] - pos

"""Parts in A-XDR, of which APDUs are made: numbers, octet strings, groups, lists, options and choices.

Strategy: reading gives plain tuples, `ReadPart`; values that people and builders use (`AxdrPart.plain`) and fields are
made of them only when asked for. So one description serves bulk decoding, the tree and the builder. Where reading breaks
off, the error carries what was read before (`DissectionError.partial`).

Encoding: A-XDR (IEC 61334-6), most significant octet first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dissectors.layout.lengths import build_length, build_octets, read_length, read_octets
from dissectors.layout.parts import Names, Part, named
from dissectors.model.cursor import Cursor
from dissectors.model.errors import DissectionError, Malformed, Truncated
from dissectors.model.field import Field

__all__ = [
    "LAYER",
    "AxdrPart",
    "Boolean",
    "Choice",
    "Flagged",
    "Group",
    "Number",
    "OctetString",
    "ReadPart",
    "Sequence",
    "build_group",
    "plain_group",
    "read_group",
]

LAYER = "dlms.apdu"

ReadPart = tuple["AxdrPart", Any, int, int]
"""A part, what was read of it, and where: first octet, octet behind the last."""


class AxdrPart(Part):
    """A part that needs to know nothing of those before it.

    Attributes:
        carries_data: whether COSEM values are inside.
        least: the fewest octets that it takes.
    """

    __slots__ = ("carries_data", "least")

    def __init__(self, name: str, names: Names = None, least: int = 1) -> None:
        super().__init__(name, None, names=names)
        self.carries_data, self.least = False, least

    def read(self, data: bytes, pos: int, end: int) -> tuple[Any, int]:
        """The value at `pos` and the position after it; Truncated or Malformed with the absolute offset."""
        raise NotImplementedError

    def read_several(self, data: bytes, pos: int, end: int, count: int) -> tuple[list[ReadPart], int]:
        """`count` of them in a row."""
        read = self.read
        out: list[ReadPart] = []
        try:
            for _ in range(count):
                start = pos
                value, pos = read(data, pos, end)
                out.append((self, value, start, pos))
        except DissectionError as error:
            _keep(error, out, self, pos)
            raise
        return out, pos

    def build(self, value: Any) -> bytes:
        """The octets of a plain value."""
        raise NotImplementedError

    def plain(self, value: Any) -> Any:
        """What `read` gave, as plain values that `build` takes."""
        return value

    def meaning(self, value: Any) -> str | None:
        """The value in words; None when it could not be named."""
        return named(self.names, value)

    def field(self, value: Any, start: int, end: int, buffer: str) -> Field:
        """The part as a field."""
        return Field(self.name, self.plain(value), self.meaning(value), start, end - start, buffer)

    def take(self, layer: Any, cursor: Cursor) -> Any:
        value, cursor.offset = self.read(cursor.data, cursor.offset, cursor.end)
        return value

    def put(self, layer: Any, value: Any) -> bytes:
        return self.build(value)

    def tree(self, layer: Any, value: Any, offset: int, end: int, buffer: str) -> Field:
        return self.field(value, offset, end, buffer)


def _keep(error: DissectionError, read: list[ReadPart], part: AxdrPart, pos: int) -> None:
    """Let an error carry the parts that were read, with what there is of the `part` at `pos` that broke off."""
    if error.partial is not None:
        value, stop = error.partial
        read.append((part, value, pos, stop))
        pos = stop
    error.partial = (read, pos)


class Number(AxdrPart):
    """An integer of `size` octets."""

    __slots__ = ("signed", "size")

    def __init__(self, name: str, size: int = 1, names: Names = None, signed: bool = False) -> None:
        super().__init__(name, names.get if isinstance(names, Mapping) else names)
        self.size, self.signed = size, signed

    def read(self, data: bytes, pos: int, end: int) -> tuple[int, int]:
        stop = pos + self.size
        if stop > end:
            raise Truncated(self.size, end - pos, layer=LAYER, offset=pos)
        if self.size == 1 and not self.signed:
            return data[pos], stop
        return int.from_bytes(data[pos:stop], "big", signed=self.signed), stop

    def build(self, value: Any) -> bytes:
        return int(value).to_bytes(self.size, "big", signed=self.signed)


class Boolean(Number):
    """One octet; any but 0 is true."""

    __slots__ = ()

    def read(self, data: bytes, pos: int, end: int) -> tuple[bool, int]:
        value, pos = super().read(data, pos, end)
        return value != 0, pos

    def build(self, value: Any) -> bytes:
        return bytes((int(bool(value)),))


class OctetString(AxdrPart):
    """Length and octets."""

    __slots__ = ()

    def __init__(self, name: str, words: str = "", names: Names = None) -> None:
        super().__init__(name, names or (lambda value: words or f"{len(value)} octets"))

    def read(self, data: bytes, pos: int, end: int) -> tuple[bytes, int]:
        return read_octets(data, pos, end, LAYER)

    def build(self, value: Any) -> bytes:
        return build_octets(bytes(value))


class Group(AxdrPart):
    """Some parts in a row; the plain value is a dictionary."""

    __slots__ = ("layout",)

    def __init__(self, name: str, *layout: AxdrPart, least: int = 1) -> None:
        super().__init__(name, least=least)
        self.layout = layout
        self.carries_data = any(part.carries_data for part in layout)

    def read(self, data: bytes, pos: int, end: int) -> tuple[list[ReadPart], int]:
        return read_group(self.layout, data, pos, end)

    def build(self, value: Any) -> bytes:
        return build_group(self.layout, value)

    def plain(self, value: Any) -> dict[str, Any]:
        return plain_group(value)

    def field(self, value: Any, start: int, end: int, buffer: str) -> Field:
        children = [part[0].field(*part[1:], buffer) for part in value]
        return Field(self.name, None, "", start, end - start, buffer, children)


class Sequence(AxdrPart):
    """A SEQUENCE OF: a count, then parts of one kind; the plain value is a list."""

    __slots__ = ("part",)

    def __init__(self, name: str, part: AxdrPart) -> None:
        super().__init__(name)
        self.part = part
        self.carries_data = part.carries_data

    def read(self, data: bytes, pos: int, end: int) -> tuple[list[ReadPart], int]:
        count, first = read_length(data, pos, end, LAYER)
        if count * self.part.least <= end - first:
            return self.part.read_several(data, first, end, count)
        text = f"count {count} needs more than the {end - first} octets that are left"
        wrong = Malformed(text, layer=LAYER, offset=pos)
        try:
            wrong.partial = self.part.read_several(data, first, end, count)
        except DissectionError as error:
            wrong.partial = error.partial
        raise wrong

    def build(self, value: Any) -> bytes:
        return build_length(len(value)) + b"".join(map(self.part.build, value))

    def plain(self, value: Any) -> list[Any]:
        return [self.part.plain(part[1]) for part in value]

    def field(self, value: Any, start: int, end: int, buffer: str) -> Field:
        first = value[0][2] if value else end
        out = Field(self.name, None, f"list of {len(value)}", start, end - start, buffer)
        out.children = [Field("count", len(value), "", start, first - start, buffer)]
        out.children += [part[0].field(*part[1:], buffer) for part in value]
        return out


class Flagged(AxdrPart):
    """An optional part: flag octet 00 absent or 01 present (A-XDR OPTIONAL); absent is None.

    With `default` (A-XDR DEFAULT) the flag 00 stands for that value.
    """

    __slots__ = ("part",)

    def __init__(self, part: AxdrPart, default: Any = None) -> None:
        super().__init__(part.name)
        self.part, self.default = part, default
        self.carries_data = part.carries_data

    def read(self, data: bytes, pos: int, end: int) -> tuple[Any, int]:
        if pos >= end:
            raise Truncated(1, 0, layer=LAYER, offset=pos)
        flag = data[pos]
        if flag == 0:
            return None, pos + 1
        if flag != 1:
            text = f"{self.name}: optional flag 0x{flag:02x} is neither 0 nor 1"
            raise Malformed(text, layer=LAYER, offset=pos)
        try:
            value, stop = self.part.read(data, pos + 1, end)
        except DissectionError as error:
            if error.partial is not None:
                value, stop = error.partial
                error.partial = (self.part, value, pos + 1, stop), stop
            raise
        return (self.part, value, pos + 1, stop), stop

    def build(self, value: Any) -> bytes:
        return b"\0" if value is None else b"\1" + self.part.build(value)

    def plain(self, value: Any) -> Any:
        return None if value is None else self.part.plain(value[1])

    def field(self, value: Any, start: int, end: int, buffer: str) -> Field:
        if value is None:
            text = "absent" if self.default is None else f"default: {self.default}"
            return Field(self.name, self.default, text, start, end - start, buffer)
        children = [Field("present", 1, "", start, 1, buffer), value[0].field(*value[1:], buffer)]
        return Field(self.name, None, "present", start, end - start, buffer, children)


class Choice(AxdrPart):
    """A CHOICE by an octet: `options` gives each code a name and parts.

    The plain value is a dictionary with ``choice`` and the parts of that option.
    """

    __slots__ = ("codes", "options")

    def __init__(
        self, name: str, options: Mapping[int, tuple[str, tuple[AxdrPart, ...]]], least: int = 1
    ) -> None:
        super().__init__(name, least=least)
        self.options = options
        self.codes = {option[0]: code for code, option in options.items()}
        self.carries_data = any(e.carries_data for _, layout in options.values() for e in layout)

    def read(self, data: bytes, pos: int, end: int) -> tuple[tuple[int, list[ReadPart]], int]:
        if pos >= end:
            raise Truncated(1, 0, layer=LAYER, offset=pos)
        code = data[pos]
        option = self.options.get(code)
        if option is None:
            raise Malformed(f"{self.name}: unknown choice {code}", layer=LAYER, offset=pos)
        try:
            parts, stop = read_group(option[1], data, pos + 1, end)
        except DissectionError as error:
            parts, stop = error.partial or ([], pos + 1)
            error.partial = (code, parts), stop
            raise
        return (code, parts), stop

    def build(self, value: Any) -> bytes:
        code = self.codes[value["choice"]]
        return bytes((code,)) + build_group(self.options[code][1], value)

    def plain(self, value: Any) -> dict[str, Any]:
        return {"choice": self.options[value[0]][0], **plain_group(value[1])}

    def field(self, value: Any, start: int, end: int, buffer: str) -> Field:
        name = self.options[value[0]][0]
        children = [Field("choice", value[0], name, start, 1, buffer)]
        children += [part[0].field(*part[1:], buffer) for part in value[1]]
        return Field(self.name, None, name, start, end - start, buffer, children)


def read_group(layout: tuple[AxdrPart, ...], data: bytes, pos: int, end: int) -> tuple[list[ReadPart], int]:
    """The parts of `layout`, and the position after them."""
    parts: list[ReadPart] = []
    part = None
    try:
        for part in layout:
            start = pos
            value, pos = part.read(data, pos, end)
            parts.append((part, value, start, pos))
    except DissectionError as error:
        assert part is not None
        _keep(error, parts, part, pos)
        error.partial = error.partial if parts else None
        raise
    return parts, pos


def plain_group(parts: list[ReadPart]) -> dict[str, Any]:
    """The parts as a dictionary of plain values."""
    return {part[0].name: part[0].plain(part[1]) for part in parts}


def build_group(layout: tuple[AxdrPart, ...], values: Mapping[str, Any]) -> bytes:
    """The octets of `layout`; KeyError names a part that `values` lacks."""
    return b"".join(part.build(values[part.name]) for part in layout)

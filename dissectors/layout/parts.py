"""The parts that layers are made of: they read from a cursor, and show and build what they read.

The bits of a `Word` are read, written and given to a layer's constructor by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Literal, NamedTuple

from dissectors.layout.lengths import build_length, read_length
from dissectors.model.cursor import Cursor
from dissectors.model.errors import Malformed
from dissectors.model.field import Field

__all__ = ["Bits", "Length", "Octets", "Part", "Secret", "UInt", "When", "Word", "eui64_text", "named"]

Names = Mapping[int, str] | Callable[[Any], str | None] | None
When = Callable[[Any], bool] | None


def named(names: Names, value: Any) -> str | None:
    """What `value` says according to `names`; an unknown code is said to be unknown, never refused."""
    if names is None:
        return ""
    if callable(names):
        return names(value)
    return names.get(value) or f"unknown 0x{value:02x}"


def eui64_text(value: int) -> str:
    """An EUI-64 as people write it.

    >>> eui64_text(0x00124B000102AABB)
    '00:12:4b:00:01:02:aa:bb'
    """
    return value.to_bytes(8, "big").hex(":")


class Bits(NamedTuple):
    """A part of a `Word`: its lowest bit, its width, and what its values are called."""

    name: str
    low: int
    width: int
    names: Names = None


class Part:
    """A field that reads itself from a cursor; the base of all parts of our layers.

    Attributes:
        default: the value that is built where none was set.
        when: whether the field is there at all, from the fields before it; None: always.
        names: what its values are called.
        holds_layers: its value is a layer, or a list of layers.
    """

    __slots__ = ("default", "name", "names", "when")
    holds_layers: ClassVar[bool] = False

    def __init__(self, name: str, default: Any, *, when: When = None, names: Names = None) -> None:
        self.name, self.default = name, default
        self.when, self.names = when, names

    def take(self, layer: Any, cursor: Cursor) -> Any:
        """Read the value; raises `DissectionError`."""
        raise NotImplementedError

    def put(self, layer: Any, value: Any) -> bytes:
        """The octets of `value`."""
        raise NotImplementedError

    def tree(self, layer: Any, value: Any, offset: int, end: int, buffer: str) -> Field:
        """The field as it is shown."""
        return Field(self.name, value, named(self.names, value), offset, end - offset, buffer)


class UInt(Part):
    """An integer of `size` octets, least significant first unless `order` is "big".

    `only` is the value that it must have; another one is read, and then an error. `count_of` names a list, octets,
    or several parts, whose length this one gives when it is built without a value.
    """

    __slots__ = ("count_of", "only", "order", "signed", "size")

    def __init__(
        self,
        name: str,
        default: int | None,
        size: int,
        *,
        when: When = None,
        names: Names = None,
        signed: bool = False,
        count_of: str | tuple[str, ...] | None = None,
        order: Literal["little", "big"] = "little",
        only: int | None = None,
    ) -> None:
        super().__init__(name, default if only is None else only, when=when, names=names)
        self.size, self.signed, self.count_of, self.order, self.only = size, signed, count_of, order, only

    def take(self, layer: Any, cursor: Cursor) -> int:
        value = int.from_bytes(cursor.take(self.size), self.order, signed=self.signed)
        if self.only is not None and value != self.only:
            layer.fields[self.name] = value
            name = f"{self.name.replace('_', ' ')} of the {layer.name}"
            text = f"{name} is {value:02x}, {self.only:02x} expected"
            raise Malformed(text, layer=cursor.layer, offset=cursor.offset - self.size)
        return value

    def put(self, layer: Any, value: Any) -> bytes:
        return int(self.counted(layer, value)).to_bytes(self.size, self.order, signed=self.signed)

    def counted(self, layer: Any, value: Any) -> Any:
        """The value, or the length of what it counts."""
        if value is not None:
            return value
        if isinstance(self.count_of, str):
            counted = layer.value(self.count_of)
            return len(counted if isinstance(counted, list | tuple) else bytes(counted))
        return len(layer.built(self.count_of or ()))


class Length(UInt):
    """A length as A-XDR and BER write it (`dissectors.layout.lengths`), of what `count_of` names."""

    __slots__ = ()

    def __init__(
        self,
        name: str,
        count_of: str | tuple[str, ...] | None = None,
        *,
        when: When = None,
        names: Names = None,
    ) -> None:
        super().__init__(name, None, 1, when=when, names=names, count_of=count_of)

    def take(self, layer: Any, cursor: Cursor) -> int:
        value, cursor.offset = read_length(cursor.data, cursor.offset, cursor.end, cursor.layer)
        return value

    def put(self, layer: Any, value: Any) -> bytes:
        return build_length(self.counted(layer, value))


class Word(UInt):
    """An integer whose bits have names."""

    __slots__ = ("bits", "shown")

    def __init__(
        self,
        name: str,
        default: int,
        size: int,
        bits: Iterable[Bits],
        *,
        when: When = None,
        order: Literal["little", "big"] = "little",
    ) -> None:
        super().__init__(name, default, size, when=when, order=order)
        self.bits = tuple(bits)
        self.shown = [
            (bit, (1 << bit.width) - 1, bit.low >> 3, (bit.low + bit.width - 1 >> 3) - (bit.low >> 3) + 1)
            for bit in self.bits
        ]

    def tree(self, layer: Any, value: Any, offset: int, end: int, buffer: str) -> Field:
        children = []
        for (name, low, width, names), mask, first, size in self.shown:
            part = value >> low & mask
            text = "" if names is None else named(names, part)
            place = (low & 7, width)
            children.append(Field(name, part, text, offset + first, size, buffer, bits=place))
        text = f"0x{value:0{2 * self.size}x}"
        return Field(self.name, value, text, offset, end - offset, buffer, children)


class Octets(Part):
    """Octets: a number of them (int, or a function of the layer), or all that are left (None)."""

    __slots__ = ("size",)

    def __init__(
        self,
        name: str,
        size: int | Callable[[Any], int] | None = None,
        *,
        when: When = None,
        names: Names = None,
    ) -> None:
        super().__init__(name, bytes(size) if isinstance(size, int) else b"", when=when, names=names)
        self.size = size

    def take(self, layer: Any, cursor: Cursor) -> bytes:
        if self.size is None:
            return cursor.rest()
        return cursor.take(self.size if isinstance(self.size, int) else self.size(layer))

    def put(self, layer: Any, value: Any) -> bytes:
        return bytes(value)


class Secret(Octets):
    """Octets that are a key: shown only when asked for."""

    __slots__ = ()

    def tree(self, layer: Any, value: Any, offset: int, end: int, buffer: str) -> Field:
        return Field(self.name, value, "key", offset, end - offset, buffer, secret=True)

"""Parts that hold several values or layers of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dissectors.layout.layer import Layer
from dissectors.layout.parts import Part, When
from dissectors.model.cursor import Cursor
from dissectors.model.field import Field

__all__ = ["Inline", "ListOf", "Nested", "Records"]


class ListOf(Part):
    """Several of one scalar field: as many as `count` says, or up to the end (None)."""

    __slots__ = ("count", "item")

    def __init__(
        self, name: str, item: Part, *, count: Callable[[Any], int] | None = None, when: When = None
    ) -> None:
        super().__init__(name, (), when=when)
        self.item, self.count = item, count

    def take(self, layer: Any, cursor: Cursor) -> list[Any]:
        values: list[Any] = []
        layer.fields[self.name] = values  # what was read stays when the rest is missing
        count = self.count(layer) if self.count else None
        while cursor.remaining if count is None else len(values) < count:
            values.append(self.item.take(layer, cursor))
        return values

    def put(self, layer: Any, value: Any) -> bytes:
        return b"".join(self.item.put(layer, v) for v in value)

    def tree(self, layer: Any, value: Any, offset: int, end: int, buffer: str) -> Field:
        children = []
        size = (end - offset) // len(value) if value else 0
        for index, item in enumerate(value):
            start = offset + index * size
            part = self.item.tree(layer, item, start, start + size, buffer)
            part.name = f"{self.item.name}[{index}]"
            children.append(part)
        return Field(self.name, None, f"{len(value)} entries", offset, end - offset, buffer, children)


class Records(Part):
    """Several small layers one after the other; `kind` may choose the class from layer and cursor."""

    __slots__ = ("count", "kind", "more")
    holds_layers = True

    def __init__(
        self,
        name: str,
        kind: type[Layer] | Callable[[Any, Cursor], type[Layer]],
        *,
        count: Callable[[Any], int] | None = None,
        more: Callable[[Any, Cursor], bool] | None = None,
        when: When = None,
    ) -> None:
        super().__init__(name, (), when=when)
        self.kind, self.count, self.more = kind, count, more

    def take(self, layer: Any, cursor: Cursor) -> list[Layer]:
        values: list[Layer] = []
        layer.fields[self.name] = values
        count = self.count(layer) if self.count else None
        while (count is None or len(values) < count) and (count is not None or cursor.remaining):
            if self.more is not None and not self.more(layer, cursor):
                break
            record = self.record_kind(layer, cursor).read(cursor)
            values.append(record)
            if record.error is not None:
                raise record.error
        return values

    def record_kind(self, layer: Any, cursor: Cursor) -> type[Layer]:
        if isinstance(self.kind, type):
            return self.kind
        return self.kind(layer, cursor)

    def put(self, layer: Any, value: Any) -> bytes:
        return b"".join(bytes(v) for v in value)

    def tree(self, layer: Any, value: Any, offset: int, end: int, buffer: str) -> Field:
        children = []
        for index, record in enumerate(value):
            branch = record.tree(buffer)
            branch.name = f"{branch.name}[{index}]"
            children.append(branch)
        return Field(self.name, None, f"{len(value)} entries", offset, end - offset, buffer, children)


class Nested(Part):
    """A layer inside this one: `size` octets of it (None: all that are left), whose class `kind` chooses.

    Where `kind` knows none the octets stay octets, without a meaning. What goes wrong inside does not stop
    the layer outside.
    """

    __slots__ = ("kind", "size")
    holds_layers = True

    def __init__(
        self,
        name: str,
        kind: Callable[[Any], type[Layer] | None],
        size: Callable[[Any], int] | None = None,
        *,
        when: When = None,
    ) -> None:
        super().__init__(name, b"", when=when)
        self.kind, self.size = kind, size

    def take(self, layer: Any, cursor: Cursor) -> Layer | bytes:
        size = cursor.remaining if self.size is None else self.size(layer)
        cursor.need(size)
        kind = self.kind(layer)
        if kind is None:
            return cursor.take(size)
        inner = Cursor(cursor.data, cursor.offset, cursor.offset + size, layer=cursor.layer)
        record = kind.read(inner)
        record.reject_trailing(inner)
        cursor.skip(size)
        return record

    def put(self, layer: Any, value: Any) -> bytes:
        return bytes(value)

    def tree(self, layer: Any, value: Any, offset: int, end: int, buffer: str) -> Field:
        if isinstance(value, Layer):
            return value.tree(buffer, name=self.name, meaning=value.name)
        return Field(self.name, value, None if value else "", offset, end - offset, buffer)


class Inline(Nested):
    """A layer inside this one that ends by itself."""

    __slots__ = ("record",)

    def __init__(self, name: str, record: type[Layer], *, when: When = None) -> None:
        super().__init__(name, lambda h: record, when=when)
        self.record = record

    def take(self, layer: Any, cursor: Cursor) -> Layer:
        record = self.record.read(cursor)
        if record.error is not None:
            layer.fields[self.name] = record
            raise record.error
        return record

    def put(self, layer: Any, value: Any) -> bytes:
        return bytes(value) if value else bytes(self.record())

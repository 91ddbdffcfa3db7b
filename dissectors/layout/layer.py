"""Layers that know where each of their fields lies.

Strategy: a `Layer` declares its parts in wire order; they read from a bounds-checked `Cursor` and therefore know
their absolute span. From the spans comes the `Field` tree; from the values, `bytes(layer)`. Octets that
could not be read stay with the layer (`tail`), so that building what was parsed gives the same octets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Self

from dissectors.cursor import Cursor
from dissectors.errors import DissectionError, Malformed
from dissectors.field import Field, Issue
from dissectors.layout.columns import Column
from dissectors.layout.parts import Octets, Part, When, Word

__all__ = ["Inline", "Layer", "ListOf", "Nested", "Records"]


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
        record.leftover(inner)
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


class Layer:
    """Parts in wire order, what was read of them or set for them, and where they lie.

    A part's value is an attribute of its name, as are the bits of words; where none was read or set, it is the
    part's default.

    >>> from dissectors.layout.parts import UInt
    >>> class Counted(Layer):
    ...     parts = (UInt("count", None, 1, count_of="entries"), ListOf("entries", UInt("entry", 0, 2)))
    >>> bytes(Counted(entries=[1, 2])).hex()
    '0201000200'

    Attributes:
        fields: values that were read or set, by part.
        start, end: absolute offsets of what was read.
        spans: (part, offset, end) of every part that was read, in wire order.
        error: why reading stopped early, or None.
        tail: octets of this layer that could not be read as a field.
    """

    __slots__ = ("end", "error", "fields", "spans", "start", "tail")

    fields: dict[str, Any]
    start: int
    end: int
    spans: list[tuple[Part, int, int]]
    error: DissectionError | None
    tail: bytes

    name: ClassVar[str] = ""
    """What people call the layer."""
    title: ClassVar[str] = ""
    """The branch name in the tree; the class name in lower case unless given."""
    parts: ClassVar[Sequence[Part]] = ()
    """In wire order."""
    columns: ClassVar[tuple[Column, ...]] = ()
    """What the layer fills of a table, by either path: `column_values`, and `dissectors.layout.shapes` for many."""
    part_of: ClassVar[dict[str, Part]] = {}
    bit_of: ClassVar[dict[str, tuple[str, int, int]]] = {}
    nests: ClassVar[bool] = False
    """Whether there may be layers inside."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.part_of = {part.name: part for part in cls.parts}
        words = [part for part in cls.parts if isinstance(part, Word)]
        cls.nests = any(isinstance(part, Records | Nested) for part in cls.parts)
        cls.bit_of = {b.name: (w.name, b.low, (1 << b.width) - 1) for w in words for b in w.bits}

    def __init__(self, **values: Any) -> None:
        self._blank()
        for name, value in values.items():
            if name not in self.bit_of:
                setattr(self, name, value)
        for name, value in values.items():
            if name in self.bit_of:
                self.set_bits(name, value)

    def _blank(self) -> None:
        put = object.__setattr__
        put(self, "fields", {})
        put(self, "spans", [])
        put(self, "error", None)
        put(self, "tail", b"")
        put(self, "start", 0)
        put(self, "end", 0)

    @classmethod
    def read(cls, cursor: Cursor) -> Self:
        """Read the layer from `cursor`, which is left behind what was read. Never raises: see `error`."""
        layer = cls.__new__(cls)
        layer._blank()
        layer.take(cursor)
        return layer

    def take(self, cursor: Cursor) -> None:
        fields, spans = self.fields, self.spans
        start = cursor.offset
        object.__setattr__(self, "start", start)
        for part in self.parts:
            if part.when is not None and not part.when(self):
                continue
            start = cursor.offset
            if start >= cursor.end and self.may_end(part):
                break
            try:
                fields[part.name] = part.take(self, cursor)
            except DissectionError as error:
                object.__setattr__(self, "error", error)
                if cursor.offset > start and part.name in fields:
                    spans.append((part, start, cursor.offset))
                break
            spans.append((part, start, cursor.offset))
        object.__setattr__(self, "end", cursor.offset)

    def may_end(self, part: Any) -> bool:
        """Whether the layer may end in front of `part`; such a part is built only when it was set."""
        return False

    def claim(self, cursor: Cursor, name: str = "undissected") -> None:
        """Keep all octets left in `cursor` as this layer's tail."""
        object.__setattr__(self, "tail", self.tail + cursor.rest())
        object.__setattr__(self, "end", cursor.offset)

    def errors(self) -> Iterator[DissectionError]:
        """Why reading stopped, here and in the layers inside, innermost first."""
        seen: list[DissectionError] = []
        for part, _, _ in self.spans:
            if not isinstance(part, Records | Nested):
                continue
            value = self.fields[part.name]
            for inner in value if isinstance(value, list) else [value]:
                if isinstance(inner, Layer):
                    seen.extend(inner.errors())
        if self.error is not None and not any(e is self.error for e in seen):
            seen.append(self.error)
        return iter(seen)

    def issues(self) -> Iterator[Issue]:
        """`errors` as issues, and a note for octets inside that no layer reads."""
        if self.error is None and not self.nests:
            return
        yield from (Issue.of(error) for error in self.errors())
        yield from self.notes()

    def notes(self) -> Iterator[Issue]:
        """What has no table, here and in the layers inside."""
        for part, start, end in self.spans:
            if not isinstance(part, Records | Nested):
                continue
            value = self.fields[part.name]
            if isinstance(value, bytes) and end > start:
                yield Issue("note", self.name, start, f"{part.name} without a table")
            for inner in value if isinstance(value, list) else [value]:
                if isinstance(inner, Layer):
                    yield from inner.notes()

    def __bytes__(self) -> bytes:
        parts: Sequence[Part] = self.parts
        if self.error is not None:
            parts = [p for p in parts if p.name in self.fields]
        out = []
        for part in parts:
            if part.name not in self.fields and self.may_end(part):
                break
            if part.when is None or part.when(self):
                out.append(part.put(self, self.value(part.name)))
        return b"".join(out) + self.tail

    def __repr__(self) -> str:
        names = ", ".join(part.name for part in self.parts if part.name in self.fields)
        return f"<{self.name or type(self).__name__}: {names}>"

    def copy(self) -> Self:
        """A layer of its own with the same values; the layers inside are copied, too."""
        clone = type(self).__new__(type(self))
        for name in ("spans", "error", "tail", "start", "end"):
            object.__setattr__(clone, name, getattr(self, name))
        object.__setattr__(clone, "fields", {name: _copied(value) for name, value in self.fields.items()})
        return clone

    def value(self, name: str) -> Any:
        """The value of the part `name`: what was read or set, else its default."""
        found = self.fields.get(name, self)
        return self.part_of[name].default if found is self else found

    def bit(self, name: str) -> int:
        """The value of a named part of a word."""
        word, low, mask = self.bit_of[name]
        value = self.fields.get(word)
        if value is None:
            value = self.part_of[word].default or 0
        return int(value >> low & mask)

    def set_bits(self, name: str, value: int) -> None:
        """Set a named part of a word. Raises ValueError when it has not so many bits."""
        word, low, mask = self.bit_of[name]
        if not 0 <= value <= mask:
            raise ValueError(f"{name} is at most {mask}, not {value}")
        old = self.value(word) or 0
        self.fields[word] = old & ~(mask << low) | value << low

    def __getattr__(self, name: str) -> Any:
        if name in self.part_of:
            return self.value(name)
        if name in self.bit_of:
            return self.bit(name)
        raise AttributeError(f"{type(self).__name__} has no field {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.part_of:
            self.fields[name] = value
        elif name in self.bit_of:
            self.set_bits(name, value)
        elif name in Layer.__slots__:
            object.__setattr__(self, name, value)
        else:
            raise AttributeError(f"{type(self).__name__} has no field {name!r}")

    def get(self, name: str, default: Any = None) -> Any:
        """The value that was read or set for `name`; `default` when the field is not in this layer."""
        return self.fields.get(name, default)

    def column_values(self) -> dict[str, Any]:
        """The values of `columns`, by name; what the layer has not is left out."""
        out: dict[str, Any] = {}
        for column in self.columns:
            if column.bit:
                value = self.bit(column.parts[0])
            else:
                parts = column.parts
                if column.shared is not None and not self.bit(column.shared[0]) & column.shared[1]:
                    parts = parts[:1]
                present = next((name for name in parts if name in self.fields), None)
                if present is None:
                    continue
                value = self.fields[present]
            out[column.name] = column.words[value] if column.words else bool(value) if column.flag else value
        return out

    def tree(self, buffer: str = "frame", name: str = "", meaning: str | None = "") -> Field:
        """The layer as a branch; octets that could not be read are its last leaf."""
        fields = self.fields
        shown = (span for span in self.spans if span[2] > span[1] or not isinstance(span[0], Octets))
        children = [p.tree(self, fields[p.name], a, b, buffer) for p, a, b in shown]
        if self.tail:
            at = self.end - len(self.tail)
            children.append(Field("undissected", self.tail, None, at, len(self.tail), buffer))
        title = name or self.title or type(self).__name__.lower()
        return Field(title, None, meaning, self.start, self.end - self.start, buffer, children)

    def leftover(self, cursor: Cursor) -> None:
        """Keep octets behind the last field, and say so, unless reading stopped already."""
        if cursor.remaining:
            if self.error is None:
                text = f"{cursor.remaining} octets left over"
                self.error = Malformed(text, layer=cursor.layer, offset=cursor.offset)
            self.claim(cursor)


def _copied(value: Any) -> Any:
    if isinstance(value, Layer):
        return value.copy()
    return [_copied(one) for one in value] if isinstance(value, list) else value

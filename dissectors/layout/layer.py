"""Layers that know where each of their fields lies.

Strategy: a `Layer` declares its parts in wire order; they read from a bounds-checked `Cursor` and therefore know
their absolute span. From the spans comes the `Field` tree; from the values, `bytes(layer)`. Octets that
could not be read stay with the layer (`tail`), so that building what was parsed gives the same octets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Self

from dissectors.cursor import Cursor
from dissectors.errors import DissectionError, Malformed
from dissectors.field import Field, Issue
from dissectors.layout.columns import Column
from dissectors.layout.parts import Octets, Part, Word

__all__ = ["Layer"]


class Layer:
    """Parts in wire order, what was read of them or set for them, and where they lie.

    A part's value is an attribute of its name, as are the bits of words; where none was read or set, it is the
    part's default.

    >>> from dissectors.layout import ListOf, UInt
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
        cls.nests = any(part.holds_layers for part in cls.parts)
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

    def keep_undissected(self, cursor: Cursor, name: str = "undissected") -> None:
        """Keep all octets left in `cursor` as this layer's tail."""
        object.__setattr__(self, "tail", self.tail + cursor.rest())
        object.__setattr__(self, "end", cursor.offset)

    def errors(self) -> Iterator[DissectionError]:
        """Why reading stopped, here and in the layers inside, innermost first."""
        seen: list[DissectionError] = []
        for part, _, _ in self.spans:
            if not part.holds_layers:
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
            if not part.holds_layers:
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

    def reject_trailing(self, cursor: Cursor) -> None:
        """Keep octets behind the last field, and say so, unless reading stopped already."""
        if cursor.remaining:
            if self.error is None:
                text = f"{cursor.remaining} octets left over"
                self.error = Malformed(text, layer=cursor.layer, offset=cursor.offset)
            self.keep_undissected(cursor)


def _copied(value: Any) -> Any:
    if isinstance(value, Layer):
        return value.copy()
    return [_copied(one) for one in value] if isinstance(value, list) else value

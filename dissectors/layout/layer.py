"""Layers that know where each of their fields lies.

Strategy: a `Layer` declares its parts in wire order; they read from a bounds-checked `Cursor` and therefore know
their absolute span. From the spans comes the `Field` tree; from the values, `bytes(layer)`. Octets that
could not be read stay with the layer (`tail`), so that building what was parsed gives the same octets.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from dissectors.layout.columns import Column
from dissectors.layout.forms import MOST, Form, Forms, Watched
from dissectors.layout.parts import Octets, Part, Word
from dissectors.model.cursor import Cursor
from dissectors.model.errors import DissectionError, Malformed
from dissectors.model.field import Field, Issue

__all__ = ["Layer"]


class LayerType(type):
    """The class of layers: their attributes are their parts, and no others."""

    def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any], **kwargs: Any) -> LayerType:
        body.setdefault("__slots__", ())
        return super().__new__(cls, name, bases, body, **kwargs)


class Layer(metaclass=LayerType):
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
        places: where parts were read, one by one or several at once: see `spans`.
        error: why reading stopped early, or None.
        tail: octets of this layer that could not be read as a field.
    """

    __slots__ = ("end", "error", "fields", "places", "start", "tail")

    fields: dict[str, Any]
    start: int
    end: int
    places: list[tuple[Part, int, int] | tuple[Form, int]]
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
    forms: ClassVar[Forms | None] = None
    bit_of: ClassVar[dict[str, tuple[str, int, int]]] = {}
    nests: ClassVar[bool] = False
    """Whether there may be layers inside."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.part_of = {part.name: part for part in cls.parts}
        cls.forms = Forms.of(cls.parts) if cls.may_end is Layer.may_end else None
        words = [part for part in cls.parts if isinstance(part, Word)]
        cls.nests = any(part.holds_layers for part in cls.parts)
        cls.bit_of = {b.name: (w.name, b.low, (1 << b.width) - 1) for w in words for b in w.bits}
        for name in (*cls.part_of, *cls.bit_of):
            if not hasattr(Layer, name):
                setattr(cls, name, _bit(name) if name in cls.bit_of else _value(name))

    def __init__(self, **values: Any) -> None:
        self.fields, self.places, self.error, self.tail, self.start, self.end = {}, [], None, b"", 0, 0
        for name, value in values.items():
            if name in self.part_of:
                self.fields[name] = value
            elif name not in self.bit_of:
                raise AttributeError(f"{type(self).__name__} has no field {name!r}")
        for name in values.keys() & self.bit_of.keys():
            self.set_bits(name, values[name])

    @classmethod
    def read(cls, cursor: Cursor) -> Self:
        """Read the layer from `cursor`, which is left behind what was read. Never raises: see `error`."""
        layer = cls.__new__(cls)
        layer.error, layer.tail, layer.start = None, b"", cursor.offset
        forms, start = cls.forms, cursor.offset
        form = forms.find(cursor.data, start, cursor.end) if forms is not None else None
        if form is not None:
            values = form.unpack(cursor.data, start)
            if form.fixed(values) == form.expected:
                layer.fields = dict(zip(form.names, values))  # noqa: B905 (there are as many)
                layer.places = [(form, start)]
                layer.end = cursor.offset = start + form.size
                return layer
        layer.places = []
        layer.fields = Watched() if forms is not None and forms.count < MOST else {}
        layer._take_parts(cursor)
        if isinstance(layer.fields, Watched):
            seen, layer.fields = layer.fields.seen, dict(layer.fields)
            if form is None and layer.error is None and forms is not None:
                forms.learn(cursor.data, start, seen, layer.spans)
        return layer

    def _take_parts(self, cursor: Cursor) -> None:
        for part in self.parts:
            if not self._take(part, cursor):
                break
        self.end = cursor.offset

    def _take(self, part: Part, cursor: Cursor) -> bool:
        """Read one part; False when the layer ends before or in it."""
        if part.when is not None and not part.when(self):
            return True
        start = cursor.offset
        if start >= cursor.end and self.may_end(part):
            return False
        try:
            self.fields[part.name] = part.take(self, cursor)
        except DissectionError as error:
            self.error = error.kept()
            if cursor.offset > start and part.name in self.fields:
                self.places.append((part, start, cursor.offset))
            return False
        self.places.append((part, start, cursor.offset))
        return True

    @property
    def spans(self) -> list[tuple[Part, int, int]]:
        """(part, offset, end) of every part that was read, in wire order."""
        out: list[tuple[Part, int, int]] = []
        for place in self.places:
            if len(place) == 3:
                out.append(place)
            else:
                form, start = place
                out += [(part, start + at, start + end) for part, at, end in form.places]
        return out

    def may_end(self, part: Any) -> bool:
        """Whether the layer may end in front of `part`; such a part is built only when it was set."""
        return False

    def keep_undissected(self, cursor: Cursor, name: str = "undissected") -> None:
        """Keep all octets left in `cursor` as this layer's tail."""
        self.tail += cursor.rest()
        self.end = cursor.offset

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
        names = self.fields if self.error is not None else self.part_of
        return self.built(names) + self.tail

    def built(self, names: Container[str]) -> bytes:
        """The octets of the parts that are called so, up to where the layer may end."""
        out = []
        for part in self.parts:
            if part.name not in names:
                continue
            if part.name not in self.fields and self.may_end(part):
                break
            if part.when is None or part.when(self):
                out.append(part.put(self, self.value(part.name)))
        return b"".join(out)

    def __repr__(self) -> str:
        names = ", ".join(part.name for part in self.parts if part.name in self.fields)
        return f"<{self.name or type(self).__name__}: {names}>"

    def copy(self) -> Self:
        """A layer of its own with the same values; the layers inside are copied, too."""
        clone = type(self).__new__(type(self))
        for name in ("places", "error", "tail", "start", "end"):
            setattr(clone, name, getattr(self, name))
        clone.fields = {name: _copied(value) for name, value in self.fields.items()}
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

    if TYPE_CHECKING:  # parts and bits are properties, made with the class

        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...

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
        fields, children = self.fields, []
        for place in self.places:
            if len(place) == 3:
                part, a, b = place
                if b > a or not isinstance(part, Octets):
                    children.append(part.tree(self, fields[part.name], a, b, buffer))
                continue
            form, start = place
            for part, a, b in form.shown:
                children.append(part.tree(self, fields[part.name], start + a, start + b, buffer))
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


def _value(name: str) -> property:
    """A part as an attribute."""

    def put(layer: Layer, value: Any) -> None:
        layer.fields[name] = value

    return property(lambda layer: layer.value(name), put)


def _bit(name: str) -> property:
    """A named part of a word as an attribute."""
    return property(lambda layer: layer.bit(name), lambda layer, value: layer.set_bits(name, value))


def _copied(value: Any) -> Any:
    if isinstance(value, Layer):
        return value.copy()
    return [_copied(one) for one in value] if isinstance(value, list) else value

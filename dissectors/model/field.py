"""What a dissection is: a tree of fields, each with its octets, and the issues met on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from json.encoder import encode_basestring as _quoted
from typing import Any, Literal, NamedTuple, NoReturn

from dissectors.model.errors import DissectionError
from dissectors.model.json_form import PLAIN, json_value, value_text

__all__ = ["Field", "Issue", "Severity", "fields_text", "leaves_of", "walked"]

EUI64 = 8
Severity = Literal["error", "warning", "note"]


class Issue(NamedTuple):
    """Something about the octets that a reader must know.

    ``error``: the octets could not be read as they should; ``warning``: readable but wrong or suspect;
    ``note``: worth saying (a field without a known name, a key that is missing).
    """

    severity: Severity
    layer: str
    offset: int
    text: str

    @classmethod
    def of(cls, error: DissectionError, severity: Severity = "error") -> Issue:
        """The issue that says what `error` said."""
        return cls(severity, error.layer, error.offset, error.text)

    def to_json(self) -> dict[str, Any]:
        return {"severity": self.severity, "layer": self.layer, "offset": self.offset, "text": self.text}


class _NoChildren(list["Field"]):
    """The children of every leaf: one empty list, so that a leaf is one object. Who adds by ``+=`` gets a list of the
    branch's own."""

    __slots__ = ()
    __hash__ = object.__hash__  # type: ignore[assignment]  # so that it may be a field's default

    def __iadd__(self, more: Iterable[Field]) -> list[Field]:  # type: ignore[override, misc]
        return [*more]

    def _refuse(self, *given: Any, **named: Any) -> NoReturn:
        raise TypeError("a leaf: give its children when it is made, or add them with +=")

    append = extend = insert = __setitem__ = _refuse


LEAF: list[Field] = _NoChildren()


@dataclass(slots=True)
class Field:
    """One named piece of a frame or message.

    Attributes:
        name: the field's standard name in snake case (``frame_counter``).
        value: int, float, str, bytes, bool or None; None for a pure branch.
        meaning: what the value says in words or units; None when it could not be named.
        offset, length: span in octets within `buffer`.
        buffer: ``"frame"`` or ``"message"`` for octets as captured, ``"decrypted-0"`` ... for opened ones.
        children: parts in wire order; a branch's span covers them.
        bits: (lowest bit, width) when the field is part of an octet.
        secret: the value is a key: `to_json` leaves it out unless asked to reveal it.
    """

    name: str
    value: Any = None
    meaning: str | None = ""
    offset: int = 0
    length: int = 0
    buffer: str = "frame"
    children: list[Field] = LEAF
    bits: tuple[int, int] | None = None
    secret: bool = False

    @property
    def end(self) -> int:
        return self.offset + self.length

    def walk(self) -> Iterator[Field]:
        """This field and all below it, in wire order."""
        rest = [self]
        while rest:
            one = rest.pop()
            yield one
            rest += reversed(one.children)

    def leaves(self) -> Iterator[Field]:
        """The fields without children, in wire order."""
        return (one for one in self.walk() if not one.children)

    def find(self, name: str) -> Field | None:
        """The first field below (or at) this one that is called `name`."""
        return next((f for f in self.walk() if f.name == name), None)

    def to_json(self, *, reveal: bool = False) -> dict[str, Any]:
        out: dict[str, Any] = {
            "name": self.name,
            "value": "hidden" if self.secret and not reveal else self._json_value(),
            "meaning": self.meaning,
            "offset": self.offset,
            "length": self.length,
            "buffer": self.buffer,
            "children": [child.to_json(reveal=reveal) for child in self.children],
        }
        if self.bits is not None:
            out["bits"] = list(self.bits)
        return out

    def _json_value(self) -> Any:
        """The value; an EUI-64, which its meaning writes with colons, as hex digits: JSON readers round such numbers."""
        value = self.value
        if type(value) in PLAIN and self.length != EUI64:
            return value
        if self.length == EUI64 and isinstance(value, int) and self.meaning:
            digits = f"{value:016x}"
            if self.meaning.replace(":", "") == digits:
                return digits
        return json_value(value)


HIDDEN = ('"hidden"', None)


def fields_text(fields: Iterable[Field], hidden: tuple[str, str | None] | None = HIDDEN) -> str:
    """The JSON text of `fields`, the same as that of their `Field.to_json`, made without these dictionaries.

    Args:
        hidden: value, and meaning where it is another one, in JSON, of fields that hold a key; None reveals them.
    """
    return f"[{_inside(fields, hidden)}]"


def _inside(fields: Iterable[Field], hidden: tuple[str, str | None] | None) -> str:
    out = []
    for one in fields:
        value, children = one.value, one.children
        kind, words = type(value), None
        if one.secret and hidden is not None:
            said, words = hidden if value is not None else HIDDEN
        elif value is None:
            said = "null"
        elif kind is bytes:
            said = f'"{value.hex()}"'
        elif kind is int and one.length != EUI64:
            said = str(value)
        else:
            said = value_text(one._json_value())
        if words is None:
            words = "null" if one.meaning is None else _quoted(one.meaning)
        bits = "" if one.bits is None else f', "bits": [{one.bits[0]}, {one.bits[1]}]'
        out.append(
            f'{{"name": {_quoted(one.name)}, "value": {said}, "meaning": {words}, "offset": {one.offset}, '
            f'"length": {one.length}, "buffer": {_quoted(one.buffer)}, '
            f'"children": [{_inside(children, hidden) if children else ""}]{bits}}}'
        )
    return ", ".join(out)


def walked(fields: Iterable[Field]) -> list[Field]:
    """`fields` and all below them, in wire order."""
    out: list[Field] = []
    for one in fields:
        out.append(one)
        if one.children:
            out += walked(one.children)
    return out


def leaves_of(fields: Iterable[Field]) -> list[Field]:
    """The fields without children among `fields` and below them, those less deep first."""
    out: list[Field] = []
    level: Iterable[Field] = fields
    while level:
        deeper: list[Field] = []
        for one in level:
            if one.children:
                deeper += one.children
            else:
                out.append(one)
        level = deeper
    return out

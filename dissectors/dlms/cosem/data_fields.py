"""Data as fields: every octet in a leaf, every leaf with what it means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dissectors.dlms.cosem.data import TYPE_NAMES, Data, Node, read_node, typed
from dissectors.dlms.cosem.datetimes import describe_octets
from dissectors.dlms.cosem.scalars import COMPACT, LISTS
from dissectors.model.cursor import Cursor
from dissectors.model.field import Field

__all__ = ["DataFields", "Place", "data_field", "read_data"]


class Place:
    """Where a value stands in a whole one, and what is known of it before there is one: its label, its path from the
    whole value, how it is put in words."""

    __slots__ = ("label", "path")

    def __init__(self, label: str, path: str = "") -> None:
        self.label, self.path = label, path

    def elements(self, tag: int, count: int) -> Sequence[Place]:
        """The places of `count` elements of an array or structure (`tag`) that stands here."""
        return _NUMBERED[:count] if count <= len(_NUMBERED) else [Place(f"{index}") for index in range(count)]

    def meaning(self, tag: int, value: Any) -> str:
        """What a leaf says."""
        hint = describe_octets(value, tag) if isinstance(value, bytes) else ""
        return f"{TYPE_NAMES[tag]}: {hint}" if hint else TYPE_NAMES[tag]


_NUMBERED = [Place(f"{index}") for index in range(64)]


class DataFields:
    """Makes the fields of Data; who knows more of a value than its types gives a `Place` that knows it."""

    def __init__(self, buffer: str = "message") -> None:
        self.buffer = buffer

    def field(self, node: Node, place: Place, tagged: bool = True) -> Field:
        """The node and all below it; `tagged` is False inside a compact array."""
        tag, value, start, end = node
        if tag not in LISTS:
            if tag == COMPACT:
                return self._compact(node, place)
            return Field(place.label, value, place.meaning(tag, value), start, end - start, self.buffer)
        kind, count = TYPE_NAMES[tag], len(value)
        children = []
        if tagged:
            first = value[0][2] if value else end
            words = f"{kind}, {count} elements"
            children.append(Field("type_and_count", count, words, start, first - start, self.buffer))
        field = self.field
        for child, inside in zip(value, place.elements(tag, count), strict=True):
            children.append(field(child, inside, tagged))
        return Field(place.label, None, f"{kind} of {count}", start, end - start, self.buffer, children)

    def _compact(self, node: Node, place: Place) -> Field:
        _, value, start, end = node
        described, after = value.description_span
        text, content, buffer = value.description.text, value.content_start, self.buffer
        children = [
            Field("type", COMPACT, "compact-array", start, described - start, buffer),
            Field("type_description", value.description.json, text, described, after - described, buffer),
            Field("length", end - content, "octets of contents", after, content - after, buffer),
        ]
        places = place.elements(LISTS[0], len(value.rows))
        children += [self.field(row, inside, False) for row, inside in zip(value.rows, places, strict=True)]
        words = f"compact-array of {len(value.rows)}: {text}"
        return Field(place.label, None, words, start, end - start, buffer, children)


def data_field(node: Node, name: str = "data", buffer: str = "message") -> Field:
    """The node and all below it as fields."""
    return DataFields(buffer).field(node, Place(name))


def read_data(cursor: Cursor, name: str = "data", buffer: str = "message") -> tuple[Data, Any]:
    """One Data from `cursor`: the typed value, and its `Field`.

    Raises:
        Truncated, Malformed: the cursor stays where the Data began.
    """
    node, stop = read_node(cursor.data, cursor.offset, cursor.end)
    cursor.offset = stop
    return typed(node), data_field(node, name, buffer)

"""Data as fields: every octet in a leaf, every leaf with what it means."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dissectors.dlms.cosem.data import TYPE_NAMES, Data, Node, read_node, typed
from dissectors.dlms.cosem.datetimes import describe_octets
from dissectors.dlms.cosem.scalars import COMPACT, LISTS
from dissectors.model.cursor import Cursor
from dissectors.model.field import Field

__all__ = ["DataFields", "data_field", "read_data"]

Element = tuple[str, Any, str]
"""What an element is called, what names the elements inside it, and its path from the whole value."""


class DataFields:
    """Makes the fields of Data; who knows more of a value than its types says what its elements are called."""

    def __init__(self, buffer: str = "message") -> None:
        self.buffer = buffer

    def elements(self, node: Node, names: Any, name: str, path: str) -> Iterable[Element]:
        """The elements of an array or structure called `name`."""
        for index in range(len(node[1])):
            yield f"{index}", None, ""

    def meaning(self, node: Node, names: Any, path: str) -> str:
        """What a leaf says."""
        hint = describe_octets(node[1], node[0]) if isinstance(node[1], bytes) else ""
        return f"{TYPE_NAMES[node[0]]}: {hint}" if hint else TYPE_NAMES[node[0]]

    def field(self, node: Node, name: str, names: Any = None, path: str = "", tagged: bool = True) -> Field:
        """The node and all below it; `tagged` is False inside a compact array."""
        tag, value, start, end = node
        if tag == COMPACT:
            return self._compact(node, name, names, path)
        if tag not in LISTS:
            return Field(
                name, value, self.meaning(node, names, path or name), start, end - start, self.buffer
            )
        kind, count = TYPE_NAMES[tag], len(value)
        out = Field(name, None, f"{kind} of {count}", start, end - start, self.buffer)
        if tagged:
            first = value[0][2] if value else end
            words = f"{kind}, {count} elements"
            out.children.append(Field("type_and_count", count, words, start, first - start, self.buffer))
        self._add(out, node, names, path, tagged)
        return out

    def _add(self, out: Field, node: Node, names: Any, path: str, tagged: bool) -> None:
        for child, (label, inside, where) in zip(
            node[1], self.elements(node, names, out.name, path), strict=True
        ):
            out.children.append(self.field(child, label, inside, where, tagged))

    def _compact(self, node: Node, name: str, names: Any, path: str) -> Field:
        _, value, start, end = node
        described, after = value.description_span
        text, content, buffer = value.description.text, value.content_start, self.buffer
        out = Field(name, None, f"compact-array of {len(value.rows)}: {text}", start, end - start, buffer)
        out.children = [
            Field("type", COMPACT, "compact-array", start, described - start, buffer),
            Field("type_description", value.description.json, text, described, after - described, buffer),
            Field("length", end - content, "octets of contents", after, content - after, buffer),
        ]
        self._add(out, (LISTS[0], value.rows, content, end), names, path, tagged=False)
        return out


def data_field(node: Node, name: str = "data", buffer: str = "message") -> Field:
    """The node and all below it as fields."""
    return DataFields(buffer).field(node, name)


def read_data(cursor: Cursor, name: str = "data", buffer: str = "message") -> tuple[Data, Any]:
    """One Data from `cursor`: the typed value, and its `Field`.

    Raises:
        Truncated, Malformed: the cursor stays where the Data began.
    """
    node, stop = read_node(cursor.data, cursor.offset, cursor.end)
    cursor.offset = stop
    return typed(node), data_field(node, name, buffer)

"""Data as typed values with their field trees: every octet in a leaf, every leaf with what it means."""

from __future__ import annotations

from typing import Any

from dissectors.cursor import Cursor
from dissectors.dlms.data import TYPE_NAMES, Data, Node, read_node, typed
from dissectors.dlms.datetimes import describe_octets
from dissectors.field import Field

__all__ = ["data_field", "read_data"]


def data_field(node: Node, name: str = "data", buffer: str = "message", tagged: bool = True) -> Field:
    """The node and all below it as fields; `tagged` is False inside a compact array."""
    tag, value, start, end = node
    type_name = TYPE_NAMES[tag]
    if tag == 19:
        return _compact_field(node, name, buffer)
    if tag not in (1, 2):
        return Field(name, value, _meaning(tag, type_name, value), start, end - start, buffer)
    out = Field(name, None, f"{type_name} of {len(value)}", start, end - start, buffer)
    first = value[0][2] if value else end
    if tagged:
        meaning = f"{type_name}, {len(value)} elements"
        out.children.append(Field("type_and_count", len(value), meaning, start, first - start, buffer))
    out.children += [data_field(item, f"{i}", buffer, tagged) for i, item in enumerate(value)]
    return out


def _meaning(tag: int, type_name: str, value: Any) -> str:
    hint = describe_octets(value, tag) if isinstance(value, bytes) else ""
    return f"{type_name}: {hint}" if hint else type_name


def _compact_field(node: Node, name: str, buffer: str) -> Field:
    _, value, start, end = node
    described, after = value.description_span
    text = value.description.text
    out = Field(name, None, f"compact-array of {len(value.rows)}: {text}", start, end - start, buffer)
    length = value.content_start - after
    out.children += [
        Field("type", 19, "compact-array", start, described - start, buffer),
        Field("type_description", value.description.json, text, described, after - described, buffer),
        Field("length", end - value.content_start, "octets of contents", after, length, buffer),
    ]
    out.children += [data_field(row, f"{i}", buffer, tagged=False) for i, row in enumerate(value.rows)]
    return out


def read_data(cursor: Cursor, name: str = "data", buffer: str = "message") -> tuple[Data, Any]:
    """One Data from `cursor`: the typed value, and its `Field`.

    Raises:
        Truncated, Malformed: the cursor stays where the Data began.
    """
    node, stop = read_node(cursor.data, cursor.offset, cursor.end)
    cursor.offset = stop
    return typed(node), data_field(node, name, buffer)

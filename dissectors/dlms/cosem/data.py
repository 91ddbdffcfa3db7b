"""COSEM Data: every type, read into light nodes, typed values or fields, and built again.

Strategy: `read_node` walks the octets once and makes plain tuples ``(tag, value, start, end)``: nothing is
cheaper in Python, and bulk decoding needs no more. `Data` (type name and value) and `Field` trees are made
from the nodes only when somebody asks. Elements of a compact array carry no tag on the wire; their nodes
look the same, with spans that hold the value octets only (see `dissectors.dlms.cosem.compact`).

Types: IEC 62056-6-2 clause 5 (Blue Book); encoding: A-XDR, IEC 61334-6.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from dissectors.dlms.cosem.compact import read_compact
from dissectors.dlms.cosem.scalars import (
    COMPACT,
    FIXED,
    LAYER,
    LISTS,
    MAX_DEPTH,
    TYPE_NAMES,
    TYPE_TAGS,
    Node,
    build_value,
    plain,
    read_scalar,
)
from dissectors.layout.lengths import build_length, read_length
from dissectors.model.errors import DissectionError, Malformed, Truncated

__all__ = [
    "MAX_DEPTH",
    "TYPE_NAMES",
    "TYPE_TAGS",
    "Data",
    "Node",
    "build_data",
    "leaves",
    "plain",
    "read_node",
    "typed",
]


class Data(NamedTuple):
    """A typed value: ``Data("long-unsigned", 40)``; array and structure hold a list of `Data`.

    Octet strings and the date and time types are bytes, bit strings text of 0 and 1, bcd two digits of
    text, null and dont-care None, a compact array a `dissectors.dlms.cosem.compact.CompactArray`.
    """

    type: str
    value: Any

    @property
    def plain(self) -> Any:
        """The value without types: lists, numbers, text, bytes."""
        if self.type in ("array", "structure"):
            return [item.plain for item in self.value]
        return self.value.plain if self.type == "compact-array" else self.value


def read_node(data: bytes, pos: int, end: int, depth: int = 0) -> tuple[Node, int]:
    """One Data at `pos`, and the position after it.

    Raises:
        Truncated, Malformed: what is wrong, with the absolute offset; layer ``dlms.data``. Of an array or structure that
            breaks off, `partial` is the node with the elements before that, and where they end.
    """
    if pos >= end:
        raise Truncated(1, 0, layer=LAYER, offset=pos)
    tag = data[pos]
    fixed = FIXED[tag]
    if fixed is not None:
        size, unpack = fixed
        stop = pos + 1 + size
        if stop > end:
            raise Truncated(size, end - pos - 1, layer=LAYER, offset=pos + 1)
        return (tag, unpack(data, pos + 1)[0], pos, stop), stop
    if tag in LISTS:
        if depth >= MAX_DEPTH:
            raise Malformed(f"nested deeper than {MAX_DEPTH}", layer=LAYER, offset=pos)
        count, first = read_length(data, pos + 1, end, LAYER)
        try:
            items, stop = read_nodes(data, first, end, count, depth + 1)
        except DissectionError as error:
            items, stop = error.partial
            error.partial = (tag, items, pos, stop), stop
            if count <= end - first:
                raise
            text = f"count {count} needs more than the {end - first} octets that are left"
            wrong = Malformed(text, layer=LAYER, offset=pos + 1)
            wrong.partial = error.partial
            raise wrong from None
        return (tag, items, pos, stop), stop
    value, stop = read_value(tag, data, pos + 1, end, pos)
    return (tag, value, pos, stop), stop


def read_nodes(data: bytes, pos: int, end: int, count: int, depth: int) -> tuple[list[Node], int]:
    """`count` Data in a row. The loop repeats what `read_node` does for the commonest types, because here a decoder
    spends its time; whatever is long, rare or wrong goes there."""
    out: list[Node] = []
    append = out.append
    fixed_sizes = FIXED
    try:
        for _ in range(count):
            tag = data[pos] if pos + 1 < end else -1
            fixed = fixed_sizes[tag]
            if fixed is not None:
                stop = pos + 1 + fixed[0]
                if stop <= end:
                    append((tag, fixed[1](data, pos + 1)[0], pos, stop))
                    pos = stop
                    continue
            elif tag == 9:
                start = pos + 2
                stop = start + data[pos + 1]
                if data[pos + 1] < 0x80 and stop <= end:
                    append((9, data[start:stop], pos, stop))
                    pos = stop
                    continue
            elif (tag == 2 or tag == 1) and data[pos + 1] < 0x80 and depth < MAX_DEPTH:
                size = data[pos + 1]
                if size <= end - pos - 2:
                    items, stop = read_nodes(data, pos + 2, end, size, depth + 1)
                    append((tag, items, pos, stop))
                    pos = stop
                    continue
            node, pos = read_node(data, pos, end, depth)
            append(node)
    except DissectionError as error:
        if error.partial is not None:
            found, stop = error.partial  # of a list its elements, or a node
            append((tag, found, pos, stop) if isinstance(found, list) else found)
            pos = stop
        error.partial = out, pos
        raise
    return out, pos


def read_value(tag: int, data: bytes, pos: int, end: int, tag_at: int) -> tuple[Any, int]:
    """The value octets of a type of variable (or no) size; `tag_at` is where to point for an unknown tag."""
    return read_compact(data, pos, end) if tag == COMPACT else read_scalar(tag, data, pos, end, tag_at)


def typed(node: Node) -> Data:
    """The node as type name and value."""
    tag, value = node[0], node[1]
    if tag in LISTS:
        value = [typed(item) for item in value]
    return Data(TYPE_NAMES[tag], value)


def leaves(node: Node) -> Iterator[Node]:
    """The nodes that are neither array nor structure, in order; a compact array counts as one."""
    if node[0] not in LISTS:
        yield node
        return
    stack = [iter(node[1])]
    while stack:
        item = next(stack[-1], None)
        if item is None:
            stack.pop()
        elif item[0] in LISTS:
            stack.append(iter(item[1]))
        else:
            yield item


def build_data(value: Data | tuple[str, Any]) -> bytes:
    """The octets of a typed value.

    >>> build_data(("structure", [("integer", 1), ("octet-string", b"ab")])).hex()
    '02020f0109026162'

    Raises:
        ValueError, KeyError: a type that does not exist or a value that does not fit it.
    """
    name, content = value
    tag = TYPE_TAGS[name]
    if tag in LISTS:
        parts = b"".join(build_data(item) for item in content)
        return bytes((tag,)) + build_length(len(content)) + parts
    return bytes((tag,)) + build_value(tag, content)

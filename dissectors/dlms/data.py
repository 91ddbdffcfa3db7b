"""COSEM Data: every type, read into light nodes, typed values or fields, and built again.

Strategy: `read_node` walks the octets once and makes plain tuples ``(tag, value, start, end)``: nothing is
cheaper in Python, and bulk decoding needs no more. `Data` (type name and value) and `Field` trees are made
from the nodes only when somebody asks. Elements of a compact array carry no tag on the wire; their nodes
look the same, with spans that hold the value octets only (see `dissectors.dlms.compact`).

Types: IEC 62056-6-2 clause 5 (Blue Book); encoding: A-XDR, IEC 61334-6.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from dissectors.cursor import Cursor
from dissectors.dlms.lengths import build_length, build_octets, read_count, read_length, read_octets
from dissectors.errors import Malformed, Truncated
from dissectors.facts import table

__all__ = [
    "MAX_DEPTH",
    "TYPE_NAMES",
    "TYPE_TAGS",
    "Data",
    "Node",
    "build_data",
    "leaves",
    "plain",
    "read_data",
    "read_node",
    "typed",
]

Node = tuple[int, Any, int, int]
"""(type tag, value, first octet, octet after the last); array and structure hold a list of nodes."""

LAYER = "dlms.data"
MAX_DEPTH = 64

TYPE_NAMES: dict[int, str] = {int(row["tag"]): row["name"] for row in table("dlms", "data_types")}
TYPE_TAGS: dict[str, int] = {name: tag for tag, name in TYPE_NAMES.items()}
KINDS: dict[int, tuple[str, int]] = {
    int(row["tag"]): (row["kind"], int(row["size"])) for row in table("dlms", "data_types")
}

_FORMATS = {
    ("signed", 1): ">b",
    ("signed", 2): ">h",
    ("signed", 4): ">i",
    ("signed", 8): ">q",
    ("unsigned", 1): ">B",
    ("unsigned", 2): ">H",
    ("unsigned", 4): ">I",
    ("unsigned", 8): ">Q",
    ("float", 4): ">f",
    ("float", 8): ">d",
    ("boolean", 1): ">?",
    ("raw", 12): ">12s",
    ("raw", 5): ">5s",
    ("raw", 4): ">4s",
}
STRUCTS: dict[int, struct.Struct] = {
    tag: struct.Struct(_FORMATS[kind]) for tag, kind in KINDS.items() if kind in _FORMATS
}
Fixed = tuple[int, Callable[[bytes, int], tuple[Any, ...]]]
FIXED: list[Fixed | None] = [
    (STRUCTS[tag].size, STRUCTS[tag].unpack_from) if tag in STRUCTS else None for tag in range(257)
]
_LISTS = (TYPE_TAGS["array"], TYPE_TAGS["structure"])
_COMPACT = TYPE_TAGS["compact-array"]
_NESTED = frozenset((*_LISTS, _COMPACT))


class Data(NamedTuple):
    """A typed value: ``Data("long-unsigned", 40)``; array and structure hold a list of `Data`.

    Octet strings and the date and time types are bytes, bit strings text of 0 and 1, bcd two digits of
    text, null and dont-care None, a compact array a `dissectors.dlms.compact.CompactArray`.
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
        Truncated, Malformed: what is wrong, with the absolute offset; layer ``dlms.data``.
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
    if tag in _LISTS:
        if depth >= MAX_DEPTH:
            raise Malformed(f"nested deeper than {MAX_DEPTH}", layer=LAYER, offset=pos)
        count, stop = read_count(data, pos + 1, end, LAYER)
        items, stop = read_nodes(data, stop, end, count, depth + 1)
        return (tag, items, pos, stop), stop
    value, stop = read_value(tag, data, pos + 1, end, pos)
    return (tag, value, pos, stop), stop


def read_nodes(data: bytes, pos: int, end: int, count: int, depth: int) -> tuple[list[Node], int]:
    """`count` Data in a row.

    The loop repeats what `read_node` does for the commonest types, because here a decoder spends its time;
    whatever is long, rare or wrong goes to `read_node`.
    """
    out: list[Node] = []
    append = out.append
    fixed_sizes = FIXED
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
        elif tag == 0:
            append((0, None, pos, pos + 1))
            pos += 1
            continue
        node, pos = read_node(data, pos, end, depth)
        append(node)
    return out, pos


def read_value(tag: int, data: bytes, pos: int, end: int, tag_at: int) -> tuple[Any, int]:
    """The value octets of a type of variable (or no) size; `tag_at` is where to point for an unknown tag."""
    if tag == 9:
        return read_octets(data, pos, end, LAYER)
    reader = _VARIABLE.get(tag)
    if reader is None:
        raise Malformed(f"unknown data type tag 0x{tag:02x}", layer=LAYER, offset=tag_at)
    return reader(data, pos, end)


def _read_empty(data: bytes, pos: int, end: int) -> tuple[None, int]:
    return None, pos


def _read_bits(data: bytes, pos: int, end: int) -> tuple[str, int]:
    bits, start = read_length(data, pos, end, LAYER)
    size = (bits + 7) // 8
    if size > end - start:
        raise Truncated(size, end - start, layer=LAYER, offset=start)
    whole = int.from_bytes(data[start : start + size], "big")
    return format(whole, f"0{size * 8}b")[:bits] if bits else "", start + size


def _read_text(data: bytes, pos: int, end: int) -> tuple[str, int]:
    value, stop = read_octets(data, pos, end, LAYER)
    return value.decode("latin-1"), stop


def _read_utf8(data: bytes, pos: int, end: int) -> tuple[str | bytes, int]:
    value, stop = read_octets(data, pos, end, LAYER)
    try:
        return value.decode("utf-8"), stop
    except UnicodeDecodeError:
        return value, stop


def _read_bcd(data: bytes, pos: int, end: int) -> tuple[str, int]:
    if pos >= end:
        raise Truncated(1, 0, layer=LAYER, offset=pos)
    return f"{data[pos]:02x}", pos + 1


def _read_compact(data: bytes, pos: int, end: int) -> tuple[Any, int]:
    from dissectors.dlms.compact import read_compact

    return read_compact(data, pos, end)


_VARIABLE: dict[int, Callable[[bytes, int, int], tuple[Any, int]]] = {
    0: _read_empty,
    4: _read_bits,
    9: lambda data, pos, end: read_octets(data, pos, end, LAYER),
    10: _read_text,
    12: _read_utf8,
    13: _read_bcd,
    _COMPACT: _read_compact,
    255: _read_empty,
}


def typed(node: Node) -> Data:
    """The node as type name and value."""
    tag, value = node[0], node[1]
    if tag in _LISTS:
        value = [typed(item) for item in value]
    return Data(TYPE_NAMES[tag], value)


def plain(node: Node) -> Any:
    """The node's value without types: lists, numbers, text, bytes; a compact array is a list of rows."""
    tag, value = node[0], node[1]
    if tag in _LISTS:
        return [plain(item) if item[0] in _NESTED else item[1] for item in value]
    return value.plain if tag == _COMPACT else value


def leaves(node: Node) -> Iterator[Node]:
    """The nodes that are neither array nor structure, in order; a compact array counts as one."""
    if node[0] not in _LISTS:
        yield node
        return
    stack = [iter(node[1])]
    while stack:
        item = next(stack[-1], None)
        if item is None:
            stack.pop()
        elif item[0] in _LISTS:
            stack.append(iter(item[1]))
        else:
            yield item


def read_data(cursor: Cursor, name: str = "data", buffer: str = "message") -> tuple[Data, Any]:
    """One Data from `cursor`: the typed value, and its `Field`.

    Raises:
        Truncated, Malformed: the cursor stays where the Data began.
    """
    from dissectors.dlms.data_fields import data_field

    node, stop = read_node(cursor.data, cursor.offset, cursor.end)
    cursor.offset = stop
    return typed(node), data_field(node, name, buffer)


def build_data(value: Data | tuple[str, Any]) -> bytes:
    """The octets of a typed value.

    >>> build_data(("structure", [("integer", 1), ("octet-string", b"ab")])).hex()
    '02020f0109026162'

    Raises:
        ValueError, KeyError: a type that does not exist or a value that does not fit it.
    """
    name, content = value
    tag = TYPE_TAGS[name]
    if tag in _LISTS:
        parts = b"".join(build_data(item) for item in content)
        return bytes((tag,)) + build_length(len(content)) + parts
    return bytes((tag,)) + build_value(tag, content)


def build_value(tag: int, value: Any) -> bytes:
    """The value octets of one leaf, without its tag: also the form inside a compact array."""
    if tag in STRUCTS:
        try:
            return STRUCTS[tag].pack(value)
        except (struct.error, OverflowError) as error:
            raise ValueError(f"{value!r} does not fit {TYPE_NAMES[tag]}: {error}") from None
    kind = KINDS[tag][0]
    if kind == "empty":
        return b""
    if kind == "bits":
        padded = value.ljust(-(-len(value) // 8) * 8, "0")
        return build_length(len(value)) + int(padded or "0", 2).to_bytes(len(padded) // 8, "big")
    if kind == "bcd":
        return bytes.fromhex(value)
    if kind == "compact":
        return bytes(value.build())
    coding = "utf-8" if kind == "utf8" else "latin-1"
    return build_octets(value.encode(coding) if isinstance(value, str) else bytes(value))

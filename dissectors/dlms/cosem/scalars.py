"""COSEM Data without what holds other Data: the types, and the octets of a value of each.

A `Node` is what reading gives. Nothing is cheaper in Python than plain tuples, and bulk decoding needs no more.

Types: IEC 62056-6-2 clause 5 (Blue Book); encoding: A-XDR, IEC 61334-6.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from dissectors.layout.lengths import build_length, build_octets, read_length, read_octets
from dissectors.layout.tables import table
from dissectors.model.errors import Malformed, Truncated

__all__ = [
    "COMPACT",
    "FIXED",
    "LAYER",
    "LISTS",
    "MAX_DEPTH",
    "STRUCTS",
    "TYPE_NAMES",
    "TYPE_TAGS",
    "Node",
    "build_value",
    "plain",
    "read_scalar",
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
NOTHING: Fixed = (0, lambda data, pos: (None,))
FIXED: list[Fixed | None] = [
    (STRUCTS[tag].size, STRUCTS[tag].unpack_from)
    if tag in STRUCTS
    else NOTHING
    if KINDS.get(tag, ("",))[0] == "empty"
    else None
    for tag in range(257)
]
LISTS = (TYPE_TAGS["array"], TYPE_TAGS["structure"])
COMPACT = TYPE_TAGS["compact-array"]
_NESTED = frozenset((*LISTS, COMPACT))


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


_VARIABLE: dict[int, Callable[[bytes, int, int], tuple[Any, int]]] = {
    4: _read_bits,
    9: lambda data, pos, end: read_octets(data, pos, end, LAYER),
    10: _read_text,
    12: _read_utf8,
    13: _read_bcd,
}


def read_scalar(tag: int, data: bytes, pos: int, end: int, tag_at: int) -> tuple[Any, int]:
    """The value octets of a type of variable (or no) size; `tag_at` is where to point for an unknown tag."""
    if tag == 9:
        return read_octets(data, pos, end, LAYER)
    reader = _VARIABLE.get(tag)
    if reader is None:
        raise Malformed(f"unknown data type tag 0x{tag:02x}", layer=LAYER, offset=tag_at)
    return reader(data, pos, end)


def plain(node: Node) -> Any:
    """The node's value without types: lists, numbers, text, bytes; a compact array is a list of rows."""
    tag, value = node[0], node[1]
    if tag in LISTS:
        return [plain(item) if item[0] in _NESTED else item[1] for item in value]
    return value.plain if tag == COMPACT else value


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

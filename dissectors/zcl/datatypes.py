"""Values of the ZCL data types (ZCL 2.6.2), read and built side by side.

Python values: int for every number, bitmap, time and address; bool for booleans; float; str for text that
is UTF-8, else bytes; bytes for octets and keys; None for an invalid boolean or string and for No Data;
`Collection` for arrays, sets and bags; a list of (type, value) for structures.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from dissectors.model.cursor import Cursor
from dissectors.model.errors import Malformed, Unsupported
from dissectors.model.field import Field
from dissectors.text.display import readable
from dissectors.zcl import catalogue
from dissectors.zcl.catalogue import DataType
from dissectors.zcl.meanings import bit_fields, describe

__all__ = ["Collection", "build_value", "elements_of", "read_typed", "read_value", "value_of"]

FLOATS = {2: "<e", 4: "<f", 8: "<d"}
# Deeper nesting than this is no meter's: it is an attack on the reader (ZCL allows 15 levels, 2.6.2.15).
DEEPEST = 15


class Collection(NamedTuple):
    """An array, set or bag: the type of its elements and their values; `elements` None when it is invalid."""

    type: int
    elements: list[Any] | None


def read_typed(
    cursor: Cursor, name: str, buffer: str, meaning: str = "", depth: int = 0
) -> tuple[Field, Field, DataType]:
    """Read a data type octet and a value of it. Raises Truncated, Malformed, Unsupported (unknown type)."""
    start = cursor.offset
    kind = catalogue.data_type(cursor.u8())
    if kind is None:
        cursor.offset = start
        raise Unsupported(f"unknown data type 0x{cursor.peek()[0]:02X}", layer="zcl", offset=start)
    return (
        Field("data_type", kind.id, kind.title, start, 1, buffer),
        read_value(cursor, kind, name, buffer, meaning, depth=depth),
        kind,
    )


def read_value(
    cursor: Cursor,
    kind: DataType,
    name: str,
    buffer: str = "frame",
    meaning: str = "",
    *,
    depth: int = 0,
    invalid: bool = True,
) -> Field:
    """Read one value of type `kind` as a field called `name`. Raises Truncated or Malformed.

    >>> from dissectors.zcl.catalogue import data_type_named
    >>> read_value(Cursor(bytes.fromhex("4e61bc000000")), data_type_named("uint48"), "reading").value
    12345678
    """
    composite = _COMPOSITE.get(kind.kind)
    if composite is not None:
        return composite(cursor, kind, name, buffer, depth)
    start = cursor.offset
    octets = cursor.take(kind.length)
    value = _scalar(kind, octets) if kind.kind in _SCALARS else int.from_bytes(octets, "little")
    found = Field(name, value, describe(kind, value, meaning, invalid=invalid), start, kind.length, buffer)
    found.secret = kind.kind == "key"
    if kind.kind == "bitmap" and meaning:
        found.children = bit_fields(meaning, value, start, kind.length, buffer)
    return found


_SCALARS = {"int", "bool", "float", "key", "none"}
"""Kinds of one value that is no unsigned number."""


def _scalar(kind: DataType, octets: bytes) -> Any:
    match kind.kind:
        case "int":
            return int.from_bytes(octets, "little", signed=True)
        case "bool":
            return {0: False, 1: True, 0xFF: None}.get(octets[0], octets[0])
        case "float":
            return struct.unpack(FLOATS[kind.length], octets)[0]
        case "key":
            return octets
    return None


def _read_string(cursor: Cursor, kind: DataType, name: str, buffer: str, depth: int) -> Field:
    start = cursor.offset
    length = cursor.uint_le(kind.length)
    whole = Field(name, None, "", start, kind.length, buffer)
    if length == (1 << 8 * kind.length) - 1:
        whole.meaning = "invalid"
        whole.children = [Field("length", length, "invalid string", start, kind.length, buffer)]
        return whole
    try:
        octets = cursor.take(length)
    except Exception:
        cursor.offset = start
        raise
    value: str | bytes = octets
    if kind.kind == "text":
        value = readable(octets)
    elif octets and all(0x20 <= octet < 0x7F for octet in octets):
        whole.meaning = octets.decode("ascii")
    whole.value, whole.length = value, kind.length + length
    whole.children = [Field("length", length, "", start, kind.length, buffer)]
    if length:
        body = Field("octets" if kind.kind == "octets" else "text", value, whole.meaning)
        body.offset, body.length, body.buffer = start + kind.length, length, buffer
        whole.children += [body]
    return whole


def _read_list(cursor: Cursor, kind: DataType, name: str, buffer: str, depth: int) -> Field:
    start = cursor.offset
    _check_depth(depth, start)
    cursor.need(3)
    element = catalogue.data_type(cursor.u8())
    if element is None:
        raise Unsupported(f"unknown element type 0x{cursor.data[start]:02X}", layer="zcl", offset=start)
    count = cursor.u16le()
    whole = Field(name, None, "", start, 3, buffer)
    whole.children = [
        Field("element_type", element.id, element.title, start, 1, buffer),
        Field("count", count, "invalid" if count == 0xFFFF else "", start + 1, 2, buffer),
    ]
    if count == 0xFFFF:
        whole.meaning = "invalid"
        return whole
    if count and element.kind == "none":
        raise Malformed(f"{count} elements of type {element.title}", layer="zcl", offset=start)
    for index in range(count):
        part = read_value(cursor, element, f"element[{index}]", buffer, depth=depth + 1)
        whole.children += [part]
    whole.length = cursor.offset - start
    return whole


def _read_structure(cursor: Cursor, kind: DataType, name: str, buffer: str, depth: int) -> Field:
    start = cursor.offset
    _check_depth(depth, start)
    count = cursor.u16le()
    whole = Field(name, None, "invalid" if count == 0xFFFF else "", start, 2, buffer)
    whole.children = [Field("count", count, whole.meaning, start, 2, buffer)]
    for index in range(0 if count == 0xFFFF else count):
        type_field, value, _ = read_typed(cursor, f"element[{index}]", buffer, depth=depth + 1)
        whole.children += [type_field, value]
    whole.length = cursor.offset - start
    return whole


def _check_depth(depth: int, offset: int) -> None:
    if depth >= DEEPEST:
        raise Malformed(f"nested deeper than {DEEPEST} levels", layer="zcl", offset=offset)


_COMPOSITE: dict[str, Callable[[Cursor, DataType, str, str, int], Field]] = {
    "octets": _read_string,
    "text": _read_string,
    "list": _read_list,
    "structure": _read_structure,
}


def elements_of(found: Field, kind: DataType) -> list[tuple[Field, DataType | None]]:
    """The elements of a list or structure that `read_value` made, each with its type."""
    if kind.kind == "list":
        element = catalogue.data_type(found.children[0].value)
        return [(part, element) for part in found.children[2:]]
    parts = found.children[1:]
    return [(part, catalogue.data_type(one.value)) for one, part in zip(parts[::2], parts[1::2], strict=True)]


def value_of(found: Field, kind: DataType) -> Any:
    """The Python value of a field that `read_value` made, so that `build_value` makes the same octets."""
    if kind.kind == "list":
        element = catalogue.data_type(found.children[0].value)
        if found.meaning == "invalid" or element is None:
            return Collection(found.children[0].value, None)
        return Collection(element.id, [value_of(child, element) for child in found.children[2:]])
    if kind.kind == "structure":
        if found.meaning == "invalid":
            return None
        parts = found.children[1:]
        pairs = zip(parts[::2], parts[1::2], strict=True)
        return [(t.value, value_of(v, _known(t.value))) for t, v in pairs]
    return found.value


def _known(type_id: int) -> DataType:
    kind = catalogue.data_type(type_id)
    if kind is None:
        raise ValueError(f"unknown data type 0x{type_id:02X}")
    return kind


def build_value(kind: DataType, value: Any) -> bytes:
    """The octets of `value` as type `kind`. Raises ValueError or OverflowError when it does not fit.

    >>> from dissectors.zcl.catalogue import data_type_named
    >>> build_value(data_type_named("octstr"), b"GB").hex()
    '024742'
    """
    match kind.kind:
        case "none":
            return b""
        case "int":
            return int(value).to_bytes(kind.length, "little", signed=True)
        case "bool":
            return b"\xff" if value is None else bytes((int(value),))
        case "float":
            return struct.pack(FLOATS[kind.length], value)
        case "key":
            return _sized(bytes(value), 16)
        case "octets" | "text":
            return _build_string(kind, value)
        case "list":
            return _build_list(value)
        case "structure":
            return _build_structure(value)
    return int(value).to_bytes(kind.length, "little")


def _sized(octets: bytes, length: int) -> bytes:
    if len(octets) != length:
        raise ValueError(f"{length} octets are needed, not {len(octets)}")
    return octets


def _build_string(kind: DataType, value: str | bytes | None) -> bytes:
    most = (1 << 8 * kind.length) - 1
    if value is None:
        return most.to_bytes(kind.length, "little")
    octets = value.encode("utf-8") if isinstance(value, str) else bytes(value)
    if len(octets) >= most:
        raise ValueError(f"a {kind.title} holds {most - 1} octets at most, not {len(octets)}")
    return len(octets).to_bytes(kind.length, "little") + octets


def _build_list(value: Collection) -> bytes:
    type_id, elements = value
    head = bytes((type_id,))
    if elements is None:
        return head + b"\xff\xff"
    kind = _known(type_id) if elements else None
    body = b"".join(build_value(kind, element) for element in elements) if kind else b""
    return head + len(elements).to_bytes(2, "little") + body


def _build_structure(value: list[tuple[int, Any]] | None) -> bytes:
    if value is None:
        return b"\xff\xff"
    body = b"".join(bytes((t,)) + build_value(_known(t), v) for t, v in value)
    return len(value).to_bytes(2, "little") + body

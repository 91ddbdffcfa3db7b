"""The octets of a value, encoded as those of the leaf whose place it takes.

Source: GBCS 4.x section 7.2.8 to 7.2.10; DLMS Blue Book (types of Data), X.690, ZigBee Cluster Library.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dissectors.dlms.cosem.data import TYPE_NAMES, build_data, read_node
from dissectors.dlms.cosem.obis import build_obis
from dissectors.gbcs.asn1.der import encode_field
from dissectors.layout.lengths import build_length
from dissectors.model.errors import DissectionError, Malformed, Unsupported
from dissectors.model.field import Field

__all__ = ["encoded"]

LAYER = "gbcs.build"


def encoded(leaf: Field, octets: bytes, value: Any, kind: str, *, little: bool) -> bytes:
    """The octets of `value` for a leaf.

    Args:
        octets: the buffer that the leaf is in.
        kind: of the payload: ``der``, ``gbz``, or a DLMS APDU.
        little: whether numbers without a type in front are little-endian there.

    Raises:
        Malformed: the value is none for this leaf.
    """
    held = octets[leaf.offset : leaf.end]
    try:
        if kind == "der":
            return encode_field(replace(leaf, value=_like(leaf.value, value)), octets)
        type_ = _data_type(held, leaf) if kind != "gbz" else None
        return _plain(leaf, held, value, little=little) if type_ is None else _data(type_, held, value)
    except (OverflowError, ValueError, TypeError) as error:
        text = f"{leaf.name} cannot be {value!r}: {error}"
        raise Malformed(text, layer=LAYER, offset=leaf.offset) from error


def _data_type(held: bytes, leaf: Field) -> str | None:
    """The type of the COSEM Data that a leaf is; None where it is octets without a type in front."""
    try:
        node, end = read_node(held, 0, len(held))
    except DissectionError:
        return None
    value = node[1].hex() if isinstance(node[1], bytes) and isinstance(leaf.value, str) else node[1]
    return TYPE_NAMES[node[0]] if end == len(held) and value == leaf.value else None


def _data(kind: str, held: bytes, value: Any) -> bytes:
    """A COSEM Data of a type."""
    if kind == "boolean":
        truth = _truth(value)
        return held if bool(held[1]) == truth else bytes((held[0], 0xFF if truth else 0))
    if kind in ("octet-string", "date-time", "date", "time"):
        return build_data((kind, _octets(value)))
    if kind in ("visible-string", "utf8-string", "bit-string"):
        return build_data((kind, str(value)))
    if kind.startswith("float"):
        return build_data((kind, float(value)))
    if kind == "null-data":
        raise Unsupported("a null has no value to set", layer=LAYER)
    return build_data((kind, _number(value)))


def _plain(leaf: Field, held: bytes, value: Any, *, little: bool) -> bytes:
    """A number or octets without a type in front."""
    if leaf.bits is not None:
        low, width = leaf.bits
        number, mask = int.from_bytes(held, "little"), (1 << width) - 1
        wanted = int(_truth(value)) if isinstance(leaf.value, bool) else _number(value)
        if wanted != wanted & mask:
            raise ValueError(f"it has {width} bits")
        return (number & ~(mask << low) | wanted << low).to_bytes(len(held), "little")
    if isinstance(leaf.value, bytes):
        counted = held == build_length(len(leaf.value)) + leaf.value and held != leaf.value
        return build_length(len(_octets(value))) + _octets(value) if counted else _octets(value)
    if isinstance(leaf.value, bool):
        return bytes((_truth(value),)) if len(held) == 1 else held
    if isinstance(leaf.value, int):
        number = _number(value)
        return number.to_bytes(len(held), "little" if little else "big", signed=number < 0)
    if held == bytes(str(leaf.value), "utf-8"):
        return str(value).encode()
    if leaf.name == "obis":
        return build_obis(str(value))
    if len(held) == 8:  # an entity, whose value is its hex digits
        return _octets(value)
    raise Unsupported(f"{leaf.name} cannot be set", layer=LAYER)


def _like(held: Any, value: Any) -> Any:
    """The value in the type of the one that is held."""
    if isinstance(held, bool):
        return _truth(value)
    if isinstance(held, int):
        return _number(value)
    return _octets(value) if isinstance(held, bytes) else str(value)


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError("a whole number is wanted")
    if isinstance(value, int):
        return value
    return int(value, 16 if value.lower().startswith("0x") else 10)


def _truth(value: Any) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    found = words.get(str(value).lower())
    if found is None:
        raise ValueError("true or false is wanted")
    return found


def _octets(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise TypeError("octets in hex are wanted")
    text = value.removeprefix("0x").replace(" ", "").replace(":", "").replace("-", "")
    try:
        return bytes.fromhex(text)
    except ValueError:
        if value.isascii() and value.isprintable() and not all(c in "0123456789abcdefABCDEF" for c in text):
            return value.encode()
        raise

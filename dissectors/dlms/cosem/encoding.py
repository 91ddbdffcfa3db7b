"""The octets of another value, encoded as those of the leaf whose place it takes: COSEM Data of its type, or what stands
without a type in front.

Source: DLMS Blue Book (types of Data).
"""

from __future__ import annotations

import re
from typing import Any

from dissectors.dlms.cosem.data import TYPE_NAMES, build_data, read_node
from dissectors.dlms.cosem.datetimes import build_date_time, is_date_time, parse_date_time, read_date_time
from dissectors.dlms.cosem.obis import build_obis
from dissectors.layout.lengths import build_length
from dissectors.model.errors import DissectionError, Unsupported
from dissectors.model.field import Field

__all__ = ["data_octets", "data_type", "number_of", "octets_like", "octets_of", "plain_octets", "truth_of"]

LAYER = "build"
HEX = re.compile("[0-9A-Fa-f]*")
OBIS = re.compile(r"\d+-\d+:\d+\.\d+\.\d+\.\d+")


def data_type(held: bytes, leaf: Field) -> str | None:
    """The type of the COSEM Data that a leaf is; None where it is octets without a type in front."""
    try:
        node, end = read_node(held, 0, len(held))
    except DissectionError:
        return None
    value = node[1].hex() if isinstance(node[1], bytes) and isinstance(leaf.value, str) else node[1]
    return TYPE_NAMES[node[0]] if end == len(held) and value == leaf.value else None


def data_octets(kind: str, held: bytes, value: Any) -> bytes:
    """A COSEM Data of a type."""
    if kind == "boolean":
        truth = truth_of(value)
        return held if bool(held[1]) == truth else bytes((held[0], 0xFF if truth else 0))
    if kind in ("octet-string", "date-time", "date", "time"):
        return build_data((kind, octets_like(read_node(held, 0, len(held))[0][1], value)))
    if kind in ("visible-string", "utf8-string", "bit-string"):
        return build_data((kind, str(value)))
    if kind.startswith("float"):
        return build_data((kind, float(value)))
    if kind == "null-data":
        raise Unsupported("a null has no value to set", layer=LAYER)
    return build_data((kind, number_of(value)))


def octets_like(held: bytes, value: Any) -> bytes:
    """Octets in the place of others: as hex digits, or as what they say is written (a moment, an OBIS code)."""
    if isinstance(value, str):
        digits = bool(HEX.fullmatch(value)) and len(value) == 2 * len(held)
        if len(held) == 12 and is_date_time(held) and not digits:
            return build_date_time(parse_date_time(value, read_date_time(held)))
        if len(held) == 6 and OBIS.fullmatch(value):
            return build_obis(value)
    return octets_of(value)


def plain_octets(leaf: Field, held: bytes, value: Any, *, little: bool) -> bytes:
    """A number or octets without a type in front."""
    if leaf.bits is not None:
        low, width = leaf.bits
        number, mask = int.from_bytes(held, "little"), (1 << width) - 1
        wanted = int(truth_of(value)) if isinstance(leaf.value, bool) else number_of(value)
        if wanted != wanted & mask:
            raise ValueError(f"it has {width} bits")
        return (number & ~(mask << low) | wanted << low).to_bytes(len(held), "little")
    if isinstance(leaf.value, bytes):
        counted = held == build_length(len(leaf.value)) + leaf.value and held != leaf.value
        return build_length(len(octets_of(value))) + octets_of(value) if counted else octets_of(value)
    if isinstance(leaf.value, bool):
        return bytes((truth_of(value),)) if len(held) == 1 else held
    if isinstance(leaf.value, int):
        number = number_of(value)
        return number.to_bytes(len(held), "little" if little else "big", signed=number < 0)
    if held == bytes(str(leaf.value), "utf-8"):
        return str(value).encode()
    if leaf.name in ("obis", "instance_id"):
        return build_obis(str(value))
    if len(held) == 8:  # an entity, whose value is its hex digits
        return octets_of(value)
    raise Unsupported(f"{leaf.name} cannot be set", layer=LAYER)


def number_of(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError("a whole number is wanted")
    if isinstance(value, int):
        return value
    return int(value, 16 if value.lower().startswith("0x") else 10)


def truth_of(value: Any) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    found = words.get(str(value).lower())
    if found is None:
        raise ValueError("true or false is wanted")
    return found


def octets_of(value: Any) -> bytes:
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

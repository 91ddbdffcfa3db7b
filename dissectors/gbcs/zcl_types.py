"""Values as ZigBee writes them, least significant octet first: read and built by the name of their type.

Source: ZigBee Cluster Library, section 2.6 (data types); ZigBee Smart Energy 1.2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dissectors.errors import Truncated

__all__ = ["ATTRIBUTE_TYPES", "build_value", "read_value"]

LAYER = "gbcs.gbz"
ATTRIBUTE_TYPES: dict[int, tuple[str, str]] = {
    0x00: ("no data", "NONE"),
    0x08: ("8-bit data", "UINT8"),
    0x10: ("boolean", "BOOL"),
    0x18: ("8-bit bitmap", "BITMAP8"),
    0x19: ("16-bit bitmap", "BITMAP16"),
    0x1A: ("24-bit bitmap", "BITMAP24"),
    0x1B: ("32-bit bitmap", "BITMAP32"),
    0x20: ("unsigned 8-bit", "UINT8"),
    0x21: ("unsigned 16-bit", "UINT16"),
    0x22: ("unsigned 24-bit", "UINT24"),
    0x23: ("unsigned 32-bit", "UINT32"),
    0x24: ("unsigned 40-bit", "UINT40"),
    0x25: ("unsigned 48-bit", "UINT48"),
    0x26: ("unsigned 56-bit", "UINT56"),
    0x27: ("unsigned 64-bit", "UINT64"),
    0x28: ("signed 8-bit", "INT8"),
    0x29: ("signed 16-bit", "INT16"),
    0x2A: ("signed 24-bit", "INT24"),
    0x2B: ("signed 32-bit", "INT32"),
    0x2F: ("signed 64-bit", "INT64"),
    0x30: ("8-bit enumeration", "ENUM8"),
    0x31: ("16-bit enumeration", "ENUM16"),
    0x41: ("octet string", "OCTETSTRING"),
    0x42: ("character string", "CHARSTRING"),
    0xE0: ("time of day", "UINT32"),
    0xE1: ("date", "DATE"),
    0xE2: ("UTC time", "UTCTime"),
    0xF0: ("IEEE address", "EUI64"),
}
_SIZES = {"UTCTime": 4, "BOOL": 1, "DATE": 4, "EUI64": 8, "NONE": 0}
for _bits in (8, 16, 24, 32, 40, 48, 56, 64):
    for _kind in ("UINT", "INT", "ENUM", "BITMAP"):
        _SIZES[f"{_kind}{_bits}"] = _bits // 8


def read_value(kind: str, data: bytes, offset: int, end: int) -> tuple[Any, int]:
    """The value of type `kind` at `offset`, and the offset behind.

    Raises:
        Truncated: it does not end before `end`.
    """
    size = _SIZES.get(kind)
    if size is None:
        if offset >= end:
            raise Truncated(1, 0, layer=LAYER, offset=offset)
        size = data[offset]
        offset += 1
        if size == 0xFF:
            return None, offset  # an invalid string has no octets (ZCL 2.6.2.12)
    if offset + size > end:
        raise Truncated(size, end - offset, layer=LAYER, offset=offset)
    return _READ.get(kind, _unsigned)(data[offset : offset + size]), offset + size


def readable(octets: bytes) -> str | bytes:
    """Text, or the octets as they are when they are no UTF-8."""
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets


def _unsigned(octets: bytes) -> int:
    return int.from_bytes(octets, "little")


def _signed(octets: bytes) -> int:
    return int.from_bytes(octets, "little", signed=True)


_READ: dict[str, Callable[[bytes], Any]] = {
    "OCTETSTRING": bytes,
    "CHARSTRING": readable,
    "DATE": bytes,
    "EUI64": lambda o: o[::-1],
    "BOOL": lambda o: o[0],
    "NONE": lambda _: None,
    **{f"INT{bits}": _signed for bits in (8, 16, 24, 32, 40, 48, 56, 64)},
}


def build_value(kind: str, value: Any) -> bytes:
    """The octets of `value` as type `kind`.

    >>> build_value("UINT24", 1000).hex(), build_value("OCTETSTRING", b"ab").hex()
    ('e80300', '026162')

    Raises:
        OverflowError: a number that does not fit.
    """
    if kind in ("OCTETSTRING", "CHARSTRING"):
        if value is None:
            return b"\xff"
        octets = value.encode("utf-8") if isinstance(value, str) else bytes(value)
        return bytes((len(octets),)) + octets
    if kind == "NONE":
        return b""
    if kind == "EUI64":
        return bytes(value)[::-1]
    if isinstance(value, bytes):
        return value
    return int(value).to_bytes(_SIZES[kind], "little", signed=kind.startswith("INT") or value < 0)

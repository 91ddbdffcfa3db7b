"""Content octets of DER and the values that they are, both ways, by kind.

Source: ITU-T X.690 clause 8.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from dissectors.text.display import readable

__all__ = ["CONTENTS", "LONGEST", "VALUES", "encode"]

LONGEST = {"integer": 64, "oid": 64}
"""Octets of contents that are read; longer ones stay octets (numbers of the structures of GBCS have 33 at most)."""


@lru_cache(
    maxsize=512
)  # the same few dozen stand in every certificate; what a sender makes up pushes itself out
def _oid(content: bytes) -> str | bytes:
    """The dotted form; octets that are not the shortest form of one stay octets."""
    if len(content) > LONGEST["oid"]:
        return content
    dotted = _dotted(content)
    return dotted if dotted.count(".") and _oid_octets(dotted) == content else content


def _dotted(content: bytes) -> str:
    if not content:
        return ""
    arcs, arc = [], 0
    for octet in content:
        arc = arc << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2) if arcs else 0
    return ".".join(str(a) for a in ([first, arcs[0] - 40 * first, *arcs[1:]] if arcs else []))


VALUES: dict[str, Callable[[bytes], Any]] = {
    "integer": lambda c: int.from_bytes(c, "big", signed=True) if len(c) <= LONGEST["integer"] else c,
    "octets": bytes,
    "bits": lambda c: c[1:],
    "null": lambda _: None,
    "boolean": lambda c: c != b"\x00",
    "time": lambda c: c.decode("latin-1"),
    "text": readable,
    "oid": _oid,
    "any": bytes,
}


def encode(tag: int, content: bytes) -> bytes:
    """Tag, shortest length, content."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def _integer_octets(value: int | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    return value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)


def _bit_octets(value: bytes) -> bytes:
    """Count of unused bits (trailing zero bits of a named bit list) and the bits."""
    if len(value) > 1 or not value:
        return b"\x00" + value
    last = value[-1]
    return bytes(((last & -last).bit_length() - 1 if last else 0,)) + value


def _oid_octets(value: str | bytes) -> bytes:
    """The content of an OBJECT IDENTIFIER in dotted form."""
    if isinstance(value, bytes):
        return value
    arcs = [int(part) for part in value.split(".")]
    out = b""
    for arc in (40 * arcs[0] + arcs[1], *arcs[2:]):
        groups = [arc & 0x7F]
        while arc > 0x7F:
            arc >>= 7
            groups.append(arc & 0x7F | 0x80)
        out += bytes(reversed(groups))
    return out


CONTENTS: dict[str, Callable[[Any], bytes]] = {
    "oid": _oid_octets,
    "integer": _integer_octets,
    "octets": bytes,
    "bits": _bit_octets,
    "null": lambda _: b"",
    "boolean": lambda v: b"\xff" if v else b"\x00",
    "time": lambda v: str(v).encode("latin-1"),
    "text": lambda v: v if isinstance(v, bytes) else str(v).encode("utf-8"),
}

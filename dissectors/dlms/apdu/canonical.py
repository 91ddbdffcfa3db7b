"""Encodings that say the same in other octets than building would write, and where they stand.

Lengths longer than they need be, padding bits that are set, a boolean that says true as FF: all are read, and none
changes a value, so that octets built from the values differ. Whoever compares or verifies octets must know.

Source: IEC 61334-6 clause 6 (A-XDR); ITU-T X.690 clause 8.1.3 (BER lengths).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dissectors.dlms.apdu.layouts import Apdu, build
from dissectors.dlms.cosem.scalars import LAYER, Node, build_value
from dissectors.layout.lengths import build_length
from dissectors.model.field import Issue

__all__ = ["first_difference", "noncanonical_apdu", "noncanonical_data"]

_LISTS = (1, 2)
_PLAIN = (9, 10, 12)
_REST = (4, 19, 23, 24)  # bit strings, compact arrays, floats: many octets may stand for one value


def first_difference(one: bytes, other: bytes) -> int:
    """The first place where two octet strings differ; the shorter one's length when it begins the longer."""
    return next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def noncanonical_data(nodes: Iterable[Node], octets: bytes) -> Iterator[Issue]:
    """A note for each Data (and Data within it) that building would write in other octets."""
    stack = list(nodes)[::-1]
    while stack:
        tag, value, start, end = stack.pop()
        if tag in _LISTS:
            stack += value[::-1]
            if octets[start + 1] >= 0x80:
                yield from _length(len(value), octets, start + 1, value[0][2] if value else end)
        elif tag in _PLAIN:
            if octets[start + 1] >= 0x80:
                length, size = _content(octets, start + 1)
                yield from _length(length, octets, start + 1, start + 1 + size)
        elif tag in _REST:
            built = build_value(tag, value)
            if built != octets[start + 1 : end]:
                at = start + 1 + first_difference(built, octets[start + 1 : end])
                yield Issue(
                    "note", LAYER, at, f"not canonical: {octets[at : at + 1].hex()} stands in a value"
                )


def _content(octets: bytes, offset: int) -> tuple[int, int]:
    size = octets[offset] - 0x80
    return int.from_bytes(octets[offset + 1 : offset + 1 + size], "big"), 1 + size


def _length(length: int, octets: bytes, start: int, stop: int) -> Iterator[Issue]:
    if build_length(length) != octets[start:stop]:
        yield Issue("note", LAYER, start, f"not canonical: {length} in {stop - start} octets, fewer would do")


def noncanonical_apdu(apdu: Apdu) -> Issue | None:
    """A note with the first place where an APDU, built from its values, differs from what was read.

    None when it does not, and for an APDU that was cut short: that has an issue of its own."""
    if not apdu.whole:
        return None
    built, read = build(apdu), apdu.octets
    if built == read:
        return None
    at = first_difference(built, read)
    found, wanted = (part[at : at + 1].hex() or "nothing" for part in (read, built))
    text = f"not canonical: {found} in {apdu.name}, {wanted} is built"
    return Issue("note", "dlms", apdu.start + at, text)

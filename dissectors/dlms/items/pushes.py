"""Naming the values of a push: meters do it in several ways, some not at all.

Known forms (field practice, facts/dlms/asked.md): a list of object definitions as first element and one value
for each (with or without one for the list itself); structures of code and value (and scaler with unit); codes
and values alternating, with scaler and unit behind the value or not; values alone, in an order that the list's own
identifier names (table ``push_lists``), or counted: their names are in the push object list of the meter, which the
message does not hold. The logical name of the push setup that may come first names no value.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from dissectors.dlms.association import Scaler
from dissectors.dlms.cosem.data import Node
from dissectors.dlms.cosem.datetimes import is_date_time
from dissectors.dlms.cosem.obis import Target, build_obis, unit_name
from dissectors.dlms.cosem.profiles import capture_objects
from dissectors.dlms.items.values import read_scaler
from dissectors.layout.tables import table

__all__ = ["Named", "push_pairs"]

_MEDIA = frozenset((*range(10), 15, 128, 129))
_LISTS = (1, 2)
_OCTETS, _INTEGER, _ENUM = 9, 15, 22
_TEXTS = (9, 10, 12)
_PUSH_SETUP = b"\x19\x09"  # 0-b:25.9.e.255, class 40 (Blue Book)


class Named(NamedTuple):
    """A value and what names it: a target, or OBIS octets with the scaler beside it, or a label of ours."""

    target: Target | None
    node: Node
    obis: bytes | None = None
    scaler: Scaler | None = None
    label: str | None = None


def push_pairs(node: Node) -> Iterator[Named]:
    """The values of a notification's body, in order, each with what names it."""
    if node[0] not in _LISTS or not node[1]:
        yield Named(None, node, label=_label(node, 0))
        return
    elements: list[Node] = node[1]
    if len(elements) == 1 and elements[0][0] in _LISTS and elements[0][1]:
        yield from push_pairs(elements[0])
        return
    at, objects = next(
        ((i, found) for i, item in enumerate(elements[:3]) if (found := capture_objects(item))), (0, None)
    )
    rest = elements if objects is None or len(objects) == len(elements) else elements[at + 1 :]
    if objects is not None and len(objects) == len(rest):
        for i, item in enumerate(elements[: len(elements) - len(rest)]):
            yield Named(None, item, label=_label(item, i))
        for where, item in zip(objects, rest, strict=True):
            yield Named(where, item)
        return
    codes = _positions(elements)
    if codes is None:
        yield from _mixed(elements)
    else:
        yield from (Named(None, item, code) for item, code in zip(elements, codes, strict=True))


def _positions(elements: list[Node]) -> tuple[bytes, ...] | None:
    """The code of each element, where the first one is the identifier of a list of so many values."""
    first = elements[0][1]
    if elements[0][0] not in _TEXTS or not isinstance(first, str | bytes):
        return None
    name = first.decode("latin-1") if isinstance(first, bytes) else first
    return _push_lists().get((name, len(elements)))


@cache
def _push_lists() -> dict[tuple[str, int], tuple[bytes, ...]]:
    rows = [(row["list"], row["codes"].split()) for row in table("dlms", "push_lists")]
    return {(name, len(codes)): tuple(build_obis(code) for code in codes) for name, codes in rows}


def _mixed(elements: list[Node]) -> Iterator[Named]:
    """Codes and values alternating, structures that hold both, and what has no name."""
    at = 0
    while at < len(elements):
        item = elements[at]
        following = elements[at + 1] if at + 1 < len(elements) else None
        entry = _entry(item)
        if entry is not None:
            yield from entry
        elif _is_push_setup(item) and following is not None and not (at == 0 and _alternates(elements)):
            yield Named(None, item, label="push setup")
        elif _is_code(item) and following is not None and not _is_code(following):
            scaler, taken = _scaler_behind(elements, at + 2)
            yield Named(None, following, item[1], scaler)
            at += 1 + taken
        else:
            yield Named(None, item, label=_label(item, at))
        at += 1


def _entry(node: Node) -> list[Named] | None:
    """The value of {code, value}, {code, value, {scaler, unit}} or {code, value, scaler, unit}; the values of a
    list of such; None when the node is neither."""
    if node[0] not in _LISTS or not node[1]:
        return None
    parts: list[Node] = node[1]
    if node[0] == 2 and _is_code(parts[0]) and 2 <= len(parts) <= 4:
        scaler, taken = _scaler_behind(parts, 2)
        if 2 + taken == len(parts):
            return [Named(None, parts[1], parts[0][1], scaler)]
        return [Named(None, parts[1], parts[0][1])] if len(parts) == 3 else None
    listed = [_entry(part) for part in parts]
    if all(found is not None for found in listed):
        return [named for found in listed if found is not None for named in found]
    return None


def _scaler_behind(elements: list[Node], at: int) -> tuple[Scaler | None, int]:
    """The scaler at a place of a list, in a structure or flat, and how many elements it takes."""
    if at >= len(elements):
        return None, 0
    found = read_scaler(elements[at])
    if found is not None:
        return found, 1
    if at + 1 < len(elements) and (elements[at][0], elements[at + 1][0]) == (_INTEGER, _ENUM):
        return Scaler(elements[at][1], unit_name(elements[at + 1][1])), 2
    return None, 0


def _is_code(node: Node) -> bool:
    value = node[1]
    return node[0] == _OCTETS and len(value) == 6 and value[0] in _MEDIA and value[2:5] != b"\xff\xff\xff"


def _is_push_setup(node: Node) -> bool:
    return _is_code(node) and node[1][0] == 0 and node[1][2:4] == _PUSH_SETUP


def _alternates(elements: list[Node]) -> bool:
    """Whether every other element is a code, from the first on: then the first names the second."""
    return len(elements) > 2 and all(_is_code(e) for e in elements[::2])


def _label(node: Node, at: int) -> str:
    """What an element without a code is called: by its form where that tells, else by its place."""
    tag, value = node[0], node[1]
    if tag in (25, 26, 27):
        return {25: "date and time", 26: "date", 27: "time"}[tag]
    if tag == _OCTETS and len(value) == 12 and is_date_time(value):
        return "date and time"
    if tag == _OCTETS and len(value) == 5 and _is_date(value):
        return "date"
    if tag == _OCTETS and len(value) == 4 and _is_time(value):
        return "time"
    if _is_code(node):
        return "logical name"
    if tag in _TEXTS and at <= 2 and isinstance(value, str | bytes) and len(value) > 2:
        words = value.encode("latin-1", "replace") if isinstance(value, str) else value
        if all(0x20 <= octet < 0x7F for octet in words):
            return "device id" if words.strip().isdigit() else "list or device id"
    return f"element {at + 1}"


def _is_date(octets: bytes) -> bool:
    year = int.from_bytes(octets[:2], "big")
    return (
        1990 <= year <= 2199
        and 1 <= octets[2] <= 12
        and 1 <= octets[3] <= 31
        and octets[4] in (*range(8), 255)
    )


def _is_time(octets: bytes) -> bool:
    return octets[0] < 24 and octets[1] < 60 and octets[2] < 60 and (octets[3] < 100 or octets[3] == 255)

"""As much of an APDU as can be read: what stands before the place where it breaks.

Strategy: the ordinary readers raise at the first wrong octet, which is quick and simple. Only when that
happened are the octets walked again here, piece by piece; the piece that breaks is kept as far as it goes.
"""

from __future__ import annotations

from typing import Any

from dissectors.dlms.apdu import APDU_NAMES, CHOSEN, FLAT, Apdu
from dissectors.dlms.data import MAX_DEPTH, Node, read_node
from dissectors.dlms.layout import Choice, DataElement, Element, Flagged, Group, ReadElement, Sequence
from dissectors.layout.lengths import read_length
from dissectors.model.errors import DissectionError

__all__ = ["read_partial_apdu", "read_partial_node"]

_NOTHING = object()


def read_partial_apdu(data: bytes, pos: int, end: int) -> Apdu | None:
    """The APDU at `pos` up to where it breaks; None when not even its tag and choice are known."""
    if pos >= end:
        return None
    tag = data[pos]
    if tag in FLAT:
        parts, stop = _group(FLAT[tag], data, pos + 1, end)
        return Apdu(tag, APDU_NAMES[tag], "", parts, data, pos, stop, whole=False)
    option = CHOSEN.get(tag, {}).get(data[pos + 1]) if pos + 1 < end else None
    if option is None:
        return None
    parts, stop = _group(option[1], data, pos + 2, end)
    return Apdu(tag, APDU_NAMES[tag], option[0], parts, data, pos, stop, whole=False)


def read_partial_node(data: bytes, pos: int, end: int) -> Node | None:
    """The array or structure at `pos` with the elements that are there; None when it is neither."""
    return _node(data, pos, end, 0)


def _group(layout: tuple[Element, ...], data: bytes, pos: int, end: int) -> tuple[list[ReadElement], int]:
    parts: list[ReadElement] = []
    for element in layout:
        value, stop, whole = _element(element, data, pos, end)
        if value is not _NOTHING:
            parts.append((element, value, pos, stop))
        pos = stop
        if not whole:
            break
    return parts, pos


def _element(element: Element, data: bytes, pos: int, end: int) -> tuple[Any, int, bool]:
    """(value or nothing, where it ends, whether it is whole)."""
    try:
        value, stop = element.read(data, pos, end)
        return value, stop, True
    except DissectionError:
        pass
    if isinstance(element, DataElement):
        node = _node(data, pos, end, 0)
        return (_NOTHING, pos, False) if node is None else (node, node[3], False)
    if isinstance(element, Sequence):
        return _sequence(element, data, pos, end)
    if isinstance(element, Group):
        parts, stop = _group(element.layout, data, pos, end)
        return (parts, stop, False) if parts else (_NOTHING, pos, False)
    if isinstance(element, Choice) and pos < end and data[pos] in element.options:
        parts, stop = _group(element.options[data[pos]][1], data, pos + 1, end)
        return (data[pos], parts), stop, False
    if isinstance(element, Flagged) and pos < end and data[pos] == 1:
        value, stop, _ = _element(element.element, data, pos + 1, end)
        if value is not _NOTHING:
            return (element.element, value, pos + 1, stop), stop, False
    return _NOTHING, pos, False


def _sequence(element: Sequence, data: bytes, pos: int, end: int) -> tuple[Any, int, bool]:
    try:
        count, stop = read_length(data, pos, end)
    except DissectionError:
        return _NOTHING, pos, False
    parts: list[ReadElement] = []
    for _ in range(min(count, end - stop)):
        start = stop
        value, stop, whole = _element(element.element, data, start, end)
        if value is not _NOTHING:
            parts.append((element.element, value, start, stop))
        if not whole:
            break
    return parts, stop, False


def _node(data: bytes, pos: int, end: int, depth: int) -> Node | None:
    """An array or structure with the elements that are there."""
    return _walked(data, pos, end, depth)[0]


def _walked(data: bytes, pos: int, end: int, depth: int) -> tuple[Node | None, bool]:
    """As `_node`, and whether it is whole. Each octet is looked at once, however deep it lies."""
    if pos >= end or data[pos] not in (1, 2) or depth >= MAX_DEPTH:
        return None, False
    try:
        count, stop = read_length(data, pos + 1, end)
    except DissectionError:
        return None, False
    items: list[Node] = []
    whole = True
    for _ in range(min(count, end - stop)):
        node, whole = _item(data, stop, end, depth + 1)
        if node is not None:
            items.append(node)
            stop = node[3]
        if not whole:
            break
    return (data[pos], items, pos, stop), whole and len(items) == count


def _item(data: bytes, pos: int, end: int, depth: int) -> tuple[Node | None, bool]:
    if pos < end and data[pos] in (1, 2):
        return _walked(data, pos, end, depth)
    try:
        return read_node(data, pos, end, depth)[0], True
    except DissectionError:
        return None, False

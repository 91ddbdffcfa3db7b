"""Naming the values of a push: meters do it in several ways, some not at all.

Known forms (field practice, facts/dlms/asked.md): a list of object definitions as first element and one value
for each; structures of code and value (and scaler with unit); codes and values alternating; values alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from dissectors.dlms.association import Scaler
from dissectors.dlms.data import Node
from dissectors.dlms.obis import Target
from dissectors.dlms.profiles import capture_objects
from dissectors.dlms.values import read_scaler

__all__ = ["push_pairs"]

Named = tuple[Target | None, Node, bytes | None, Scaler | None]
_MEDIA = frozenset((*range(10), 15, 128, 129))


def push_pairs(node: Node) -> Iterator[Named]:
    """The values of a notification's body.

    Each is (target, value, OBIS octets where only those are said, scaler when it stands beside the value).
    """
    if node[0] not in (1, 2) or not node[1]:
        yield None, node, None, None
        return
    elements: list[Node] = node[1]
    objects = next((found for item in elements[:3] if (found := capture_objects(item))), None)
    if objects is not None and len(objects) == len(elements):
        for where, item in zip(objects, elements, strict=True):
            yield where, item, None, None
        return
    yield from _mixed(elements)


def _mixed(elements: list[Node]) -> Iterator[Named]:
    """Codes and values alternating, structures that hold both, and what has no name."""
    at = 0
    while at < len(elements):
        item = elements[at]
        following = elements[at + 1] if at + 1 < len(elements) else None
        if item[0] == 2 and item[1] and _is_code(item[1][0]) and len(item[1]) in (2, 3):
            yield _of_structure(item[1])
        elif _is_code(item) and following is not None and not _is_code(following):
            yield None, following, item[1], None
            at += 1
        else:
            yield None, item, None, None
        at += 1


def _is_code(node: Node) -> bool:
    value = node[1]
    return node[0] == 9 and len(value) == 6 and value[0] in _MEDIA and value[2:5] != b"\xff\xff\xff"


def _of_structure(parts: list[Node]) -> Named:
    """{code, value} or {code, value, {scaler, unit}}."""
    scaler = read_scaler(parts[2]) if len(parts) == 3 else None
    return None, parts[1], parts[0][1], scaler

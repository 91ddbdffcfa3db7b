"""Values that are keys or passwords in the clear: which they are (``tables/secret_members.csv``), and what stands in
their place where nobody asked to see them."""

from __future__ import annotations

from functools import cache

from dissectors.dlms.data import Node, leaves
from dissectors.dlms.items import Pair
from dissectors.dlms.unwrapping import Unwrapping
from dissectors.dlms.values import shown
from dissectors.facts import table

__all__ = ["HIDDEN", "hide"]

HIDDEN = "(hidden: {what})"
ARRAY, STRUCTURE, TEXT, COMPACT = 1, 2, 10, 19

Span = tuple[str, int, int]  # buffer, first octet, octet behind the last


@cache
def _members() -> dict[tuple[int, str], tuple[int, str]]:
    """(longer than so many octets, what it is) by class and member."""
    return {
        (int(row["class_id"]), row["member"]): (int(row["longer_than"] or -1), row["what"])
        for row in table("dlms", "secret_members")
    }


def hide(unwrapping: Unwrapping) -> dict[Span, str]:
    """Put words in the place of secrets in the rows and values of a message; the spans of their octets, and the
    words."""
    spans: dict[Span, str] = {}
    hidden: dict[int, Node] = {}
    pairs = ((buffer, pair) for buffer, several in unwrapping.named for pair in several)
    for row, (buffer, pair) in zip(unwrapping.rows, pairs, strict=True):
        node = _masked(pair)
        if node is None:
            continue
        hidden[id(pair.node)] = node
        row["value"] = shown(node, pair.target)
        row["number"] = row["unit"] = None
        spans |= {(buffer, leaf[2], leaf[3]): leaf[1] for leaf in leaves(node) if _is_hidden(leaf)}
    if hidden:
        unwrapping.nodes = [hidden.get(id(node), node) for node in unwrapping.nodes]
    return spans


def _masked(pair: Pair) -> Node | None:
    """The value of a pair with words in the place of its secrets; None where it can have none."""
    where, node = pair.target, pair.node
    if where is None or node is None:
        return None
    found = _members().get((where.class_id, where.member))
    return None if found is None else _covered(node, *found)


def _covered(node: Node, longer_than: int, what: str) -> Node:
    tag, value, start, end = node
    if tag in (ARRAY, STRUCTURE):
        return tag, [_covered(one, longer_than, what) for one in value], start, end
    if tag == COMPACT:
        return TEXT, HIDDEN.format(what=what), start, end
    octets = len(value) if isinstance(value, bytes) else 0
    if value in (None, b"") or (longer_than >= 0 and octets <= longer_than):
        return node
    return tag, HIDDEN.format(what=what), start, end


def _is_hidden(leaf: Node) -> bool:
    return isinstance(leaf[1], str) and leaf[1].startswith(HIDDEN.partition("{")[0])

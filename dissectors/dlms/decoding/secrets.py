"""Values that are keys or passwords in the clear: which they are (``tables/secret_members.csv``), and what stands in
their place where nobody asked to see them."""

from __future__ import annotations

from functools import cache

from dissectors.dlms.cosem.data import Node
from dissectors.dlms.decoding.apdu_decoder import ApduDecoder
from dissectors.dlms.items.values import shown
from dissectors.layout.tables import table
from dissectors.model.secrets import hidden

__all__ = ["hide_secrets"]

ARRAY, STRUCTURE, TEXT, COMPACT = 1, 2, 10, 19

Span = tuple[str, int, int]  # buffer, first octet, octet behind the last


@cache
def _members() -> dict[tuple[int, str], tuple[int, str]]:
    """(longer than so many octets, what it is) by class and member."""
    return {
        (int(row["class_id"]), row["member"]): (int(row["longer_than"] or -1), row["what"])
        for row in table("dlms", "secret_members")
    }


def hide_secrets(decoder: ApduDecoder) -> dict[Span, str]:
    """Put words in the place of secrets in the rows and values of a message; the spans of their octets, and the
    words."""
    spans: dict[Span, str] = {}
    hidden: dict[int, Node] = {}
    pairs = ((buffer, pair) for buffer, several in decoder.named for pair in several)
    for row, (buffer, pair) in zip(decoder.rows, pairs, strict=True):
        where, node = pair.target, pair.node
        secret = None if where is None else _members().get((where.class_id, where.member))
        if secret is None or node is None:
            continue
        covered: list[Node] = []
        hidden[id(node)] = shown_as = _cover(node, *secret, covered)
        row["value"] = shown(shown_as, where)
        row["number"] = row["unit"] = None
        spans |= {(buffer, start, end): words for _, words, start, end in covered}
    if hidden:
        decoder.nodes = [hidden.get(id(node), node) for node in decoder.nodes]
    return spans


def _cover(node: Node, longer_than: int, what: str, covered: list[Node]) -> Node:
    """A value with words in the place of its secrets, which are added to `covered`."""
    tag, value, start, end = node
    if tag in (ARRAY, STRUCTURE):
        return tag, [_cover(one, longer_than, what, covered) for one in value], start, end
    octets = len(value) if isinstance(value, bytes) else 0
    if tag != COMPACT and (value in (None, b"") or (longer_than >= 0 and octets <= longer_than)):
        return node
    covered.append((TEXT if tag == COMPACT else tag, hidden(what), start, end))
    return covered[-1]

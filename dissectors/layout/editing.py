"""Values of a message set anew: which there are, and the octets around another one.

Strategy: a tree says where the octets of each value stand. Other octets are put in their place, and the lengths of what
lies around them follow.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import NamedTuple

from dissectors.layout.lengths import build_length
from dissectors.model.errors import Malformed
from dissectors.model.field import Field

__all__ = ["Setting", "settings_of", "with_lengths"]

LAYER = "build"
LENGTHS = ("length", "ciphered_length", "type_and_length", "header")


class Setting(NamedTuple):
    """A value that can be set.

    Attributes:
        path: the names that lead to it in the tree.
        item: its name among the items; empty where it is none.
        leaf: its field.
    """

    path: str
    item: str
    leaf: Field


def settings_of(
    tops: Sequence[Field], fixed: Container[str], items: Mapping[tuple[str, int], str]
) -> list[Setting]:
    """The values in some branches, in their order.

    Args:
        fixed: names of leaves that follow from the values: tags, counts and lengths.
        items: names of items by buffer and offset.
    """
    found = [(path, leaf) for top in tops for path, leaf in _leaves(top, "", fixed)]
    return [Setting(path, items.get((leaf.buffer, leaf.offset), ""), leaf) for path, leaf in found]


def _leaves(field: Field, path: str, fixed: Container[str]) -> Iterator[tuple[str, Field]]:
    for child in field.children:
        where = f"{path}.{child.name}" if path else child.name
        if child.children:
            yield from _leaves(child, where, fixed)
        elif child.name not in fixed and not child.name.endswith(("_length", "_count")):
            yield where, child


def with_lengths(octets: bytes, top: Field, leaf: Field, new: bytes, *, axdr: bool = False) -> bytes:
    """`octets` with other ones in the place of `leaf`, and with the lengths of what lies around it in `top`.

    Args:
        axdr: whether a length of one octet grows to more (A-XDR), or is one octet whatever it says.

    Raises:
        Malformed: a length has no room for it.
    """
    grown = len(new) - leaf.length
    changes = {leaf.offset: (leaf.end, new)}
    for around in reversed(_way(top, leaf)) if grown else ():
        for child in around.children:
            if child.name in LENGTHS and not child.children and child.offset < leaf.offset:
                told = _longer(octets[child.offset : child.end], child, grown, axdr=axdr)
                changes[child.offset] = child.end, told
                grown += len(told) - child.length
    out, at = b"", 0
    for begin, (end, replacement) in sorted(changes.items()):
        out += octets[at:begin] + replacement
        at = end
    return out + octets[at:]


def _way(field: Field, leaf: Field) -> list[Field]:
    """The branches around a leaf, the outermost first."""
    for child in field.children:
        inside = child.offset <= leaf.offset and leaf.end <= child.end and child.buffer == leaf.buffer
        if inside and child is not leaf and child.children:
            return [field, *_way(child, leaf)]
    return [field]


def _longer(held: bytes, field: Field, grown: int, *, axdr: bool) -> bytes:
    """The octets of a length that has grown."""
    if field.name in ("header", "type_and_length"):
        return held[:1] + build_length(_length_in(held[1:]) + grown)
    long = len(held) > 1 and held[0] & 0x80 and field.value != int.from_bytes(held, "big")
    if field.name == "length" and (long or (axdr and len(held) == 1)):
        return build_length(int(field.value) + grown)
    order = "big" if int.from_bytes(held, "big") == field.value else "little"
    try:
        return (int(field.value) + grown).to_bytes(len(held), order)  # type: ignore[arg-type]
    except OverflowError as error:
        raise Malformed("the value is too long", layer=LAYER, offset=field.offset) from error


def _length_in(octets: bytes) -> int:
    return octets[0] if octets[0] < 0x80 else int.from_bytes(octets[1:], "big")

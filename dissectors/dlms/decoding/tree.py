"""Field trees that are made only when somebody looks: decoding notes how to make them, bulk work never does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dissectors.model.field import Field

__all__ = ["LazyField", "Tree", "make_fields"]


class LazyField:
    """One field to be: how to make it, what comes below it, and what replaces leaves inside it.

    Attributes:
        below: trees that become its last children (opened or joined octets).
        inside: (start, end, buffer, trees): readable parts that stand inside one of its leaves.
    """

    __slots__ = ("_make", "below", "inside")

    def __init__(self, make: Callable[[], Field]) -> None:
        self._make = make
        self.below: list[Tree] = []
        self.inside: list[tuple[int, int, str, Sequence[Tree]]] = []

    def make(self) -> Field:
        """The field with everything in its place."""
        field = self._make()
        for start, end, buffer, trees in self.inside:
            _put_inside(field, start, end, buffer, trees)
        field.children += make_fields(self.below)
        return field


Tree = LazyField | Field


def make_fields(trees: Sequence[Tree]) -> list[Field]:
    """The fields of `trees`."""
    return [tree.make() if isinstance(tree, LazyField) else tree for tree in trees]


def _put_inside(field: Field, start: int, end: int, buffer: str, trees: Sequence[Tree]) -> None:
    """Let `trees` take the place of the octets `start` to `end` in the leaf that covers them."""
    leaf = next((f for f in field.walk() if not f.children and f.offset <= start < f.end >= end), None)
    if leaf is None:
        return
    if leaf.offset < start:
        leaf.children += [Field("length", end - start, "", leaf.offset, start - leaf.offset, buffer)]
    leaf.children += make_fields(trees)
    leaf.value = None

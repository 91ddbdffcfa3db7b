"""A layer of many frames at once, from the declaration that reads one.

Strategy: where a part lies depends on few small parts before it (words, counts of lists). Frames that agree in those
have one *shape*. A shape is learnt by reading one such frame with the layer itself; all others are gathered by it.
The parts that decide form a tree: a node says which octets are looked at next, a leaf where every part lies.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dissectors.layout.columns import Column
from dissectors.layout.layer import Layer
from dissectors.layout.parts import UInt, Word
from dissectors.model.cursor import Cursor
from dissectors.vectors import Columns, Index, Mask, OctetArray, Span

__all__ = ["Shaped", "Shapes", "shapes_of"]

HEAD = 128
"""Octets that are given to the layer to learn a shape; a header that is longer is read singly."""
NODES = 1 << 12
"""Shapes that are remembered of one layer; frames of further ones are read singly. What frames of one kind of
network show are some dozens; only forged ones have thousands."""
GATHER: dict[int, tuple[str, Any]] = {
    1: ("u8", np.uint8),
    2: ("u16", np.uint16),
    4: ("u32", np.uint32),
    8: ("u64", np.uint64),
}


class Node(NamedTuple):
    """Looks at the octets `at`; `child` is the next node by their value, -1 where none was met yet."""

    at: int
    size: int
    depth: int
    child: npt.NDArray[np.intp]


class Shapes:
    """The shapes of one layer that were met so far.

    Attributes:
        names: the parts, in wire order.
        offset: by shape and part, octets from the layer's beginning; -1: the shape has no such part.
        length: by shape, octets of the layer; -1: it cannot be read.
    """

    def __init__(self, layer: type[Layer]) -> None:
        self.layer = layer
        self.names = [part.name for part in layer.parts]
        self.sizes = {part.name: part.size for part in layer.parts if isinstance(part, UInt)}
        self.offset = np.zeros((0, len(self.names)), np.int64)
        self.length = np.zeros(0, np.int64)
        self._decides = {
            p.name for p in layer.parts if isinstance(p, Word) or (isinstance(p, UInt) and p.count_of)
        }
        self._known: dict[bytes, int] = {}
        self._nodes: list[Node | int] = []
        self._leaves = np.zeros(0, np.intp)  # by node, the shape that it stands for; -1: it looks further
        self._root = self._learn(bytes(HEAD), 0)
        self._unread = self._add(
            self._leaf(layer.read(Cursor(b"", layer=layer.title)))
        )  # of frames whose shape is not remembered

    def read(self, octets: OctetArray, span: Span, first: npt.NDArray[Any] | None = None) -> Shaped:
        """The layer at the beginning of each row of `span`; rows in which it does not end are left out.

        `first`: what the layer's first part says, where the caller looked at it already.
        """
        shape = self._shape(octets, span, first)
        length = self.length.take(shape)
        good = (length >= 0) & (length <= span.length)
        if not good.all():
            span, shape, length = span.where(good), shape[good], length[good]
            first = None if first is None else first[good]
        return Shaped(self, octets, span, shape, length, {} if first is None else {(self.names[0],): first})

    def _learn(self, head: bytes, depth: int) -> int:
        """The node that a frame beginning with `head` comes to behind `depth` deciding parts."""
        layer = self.layer.read(Cursor(head, layer=self.layer.title))
        steps = [(a, b) for part, a, b in layer.spans if part.name in self._decides and b > a]
        if depth == len(steps):
            return self._add(self._leaf(layer))
        at, end = steps[depth]
        return self._add(Node(at, end - at, depth, np.full(1 << 8 * (end - at), -1, np.intp)))

    def _add(self, node: Node | int) -> int:
        self._nodes.append(node)
        self._leaves = np.append(self._leaves, np.intp(node if isinstance(node, int) else -1))
        return len(self._nodes) - 1

    def _leaf(self, layer: Layer) -> int:
        row = np.full(len(self.names), -1, np.int64)
        for part, at, _ in layer.spans:
            row[self.names.index(part.name)] = at
        length = -1 if layer.error is not None else layer.end
        known = row.tobytes() + length.to_bytes(2, "little", signed=True)
        if known not in self._known:
            self._known[known] = len(self.length)
            self.offset = np.vstack([self.offset, row[None]])
            self.length = np.append(self.length, length)
        return self._known[known]

    def _shape(self, octets: OctetArray, span: Span, first: npt.NDArray[Any] | None) -> npt.NDArray[np.intp]:
        out = np.zeros(len(span), np.intp)
        todo: list[tuple[int, Index | None]] = [(self._root, None)]
        while todo:
            number, rows = todo.pop()
            node = self._nodes[number]
            if isinstance(node, int):
                out[slice(None) if rows is None else rows] = node
                continue
            at = (span.offset if rows is None else span.offset[rows]) + node.at
            value = first if rows is None else None
            if value is None:
                value = octets.u8(at) if node.size == 1 else octets.u16(at)
            following = node.child.take(value)
            if len(following) and following.min() < 0:
                following = self._follow(octets, node, at, value)
            leaf = self._leaves.take(following)
            if rows is None:
                out = leaf
            else:
                out[rows] = leaf
            inner = np.flatnonzero(leaf < 0)
            for child in np.flatnonzero(np.bincount(following[inner])).tolist() if len(inner) else ():
                mine = inner[following[inner] == child]
                todo.append((child, mine if rows is None else rows[mine]))
        return out

    def _follow(
        self, octets: OctetArray, node: Node, at: Index, value: npt.NDArray[Any]
    ) -> npt.NDArray[np.intp]:
        """The next node of each row, those that were not met before learnt."""
        following = node.child.take(value)
        new = np.flatnonzero(following < 0)
        for one, first in zip(*np.unique(value[new], return_index=True), strict=True):
            if len(self._nodes) >= NODES:
                break
            start = int(at[new[first]]) - node.at
            node.child[one] = self._learn(octets.data[start : start + HEAD].tobytes(), node.depth + 1)
        following = node.child.take(value)
        if len(following) and int(following.min()) < 0:
            following[following < 0] = self._unread
        return following


@cache
def shapes_of(layer: Any) -> Shapes:
    """The shapes of a layer, one table for all captures of the process."""
    return Shapes(layer)


@dataclass(eq=False, repr=False)
class Shaped:
    """One layer of many rows: `span` holds it and what follows it, `length` are its octets."""

    shapes: Shapes
    octets: OctetArray
    span: Span
    shape: npt.NDArray[np.intp]
    length: Index
    found: dict[tuple[str, ...], npt.NDArray[Any]] = field(default_factory=dict)
    _used: Index | None = None

    def where(self, chosen: Mask | Index) -> Shaped:
        """The chosen rows."""
        return Shaped(
            self.shapes, self.octets, self.span.where(chosen), self.shape[chosen], self.length[chosen]
        )

    @property
    def after(self) -> Span:
        """What follows the layer."""
        return self.span.after(self.length)

    @property
    def used(self) -> Index:
        """The shapes that rows have."""
        if self._used is None:
            self._used = np.flatnonzero(np.bincount(self.shape))
        return self._used

    def offset(self, *names: str) -> Index:
        """By shape, where the first of these parts lies that the shape has; -1 where it has none."""
        shapes = self.shapes
        out = shapes.offset[:, shapes.names.index(names[0])]
        for name in names[1:]:
            out = np.where(out < 0, shapes.offset[:, shapes.names.index(name)], out)
        return out

    def has(self, *names: str) -> Mask:
        """Which rows have one of these parts."""
        there = self.offset(*names) >= 0
        if there[self.used].all():
            return np.ones(len(self.shape), np.bool_)
        mask: Mask = there.take(self.shape)
        return mask

    def values(self, *names: str) -> npt.NDArray[Any]:
        """The value of the first of these parts (integers) that a row has; 0 where it has none. Not to be changed."""
        if names not in self.found:
            self.found[names] = self._gathered(*names)
        return self.found[names]

    def _gathered(self, *names: str) -> npt.NDArray[Any]:
        sizes = {self.shapes.sizes[name] for name in names}
        if not sizes <= GATHER.keys():
            raise ValueError(f"{names} are not of 1, 2, 4 or 8 octets")
        gather, kind = GATHER[max(sizes)]
        read = getattr(self.octets, gather)
        offset = self.offset(*names)
        met = offset[self.used]
        if not len(met) or met.max() < 0:
            return np.zeros(len(self.shape), kind)
        if met.min() == met.max():
            found = read(self.span.offset + int(met[0]))
        elif met.min() >= 0:
            found = read(self.span.offset + offset.take(self.shape))
        else:
            rows = np.flatnonzero((offset >= 0).take(self.shape))
            found = np.zeros(len(self.shape), kind)
            found[rows] = read(self.span.offset[rows] + offset.take(self.shape[rows]))
        if len(sizes) > 1:
            found = found & self._mask(names, offset).take(self.shape)
        return found  # type: ignore[no-any-return]

    def _mask(self, names: tuple[str, ...], offset: Index) -> npt.NDArray[np.uint64]:
        """By shape, the bits of the part that lies at `offset`."""
        shapes = self.shapes
        mask = np.zeros(len(offset), np.uint64)
        for name in names:
            here = (shapes.offset[:, shapes.names.index(name)] == offset) & (offset >= 0)
            mask[here] = np.uint64((1 << 8 * shapes.sizes[name]) - 1)
        return mask

    def bit(self, name: str) -> npt.NDArray[np.uint8]:
        """The value of a named part of a word (of eight bits at most); 0 where a row has no such word."""
        word, low, mask = self.shapes.layer.bit_of[name]
        values = self.values(word)
        bits: npt.NDArray[np.uint8] = ((values >> values.dtype.type(low)) & values.dtype.type(mask)).astype(
            np.uint8
        )
        return bits

    def put(self, out: Columns) -> None:
        """Put the columns that the layer declares."""
        rows = self.span.rows
        everyone = out.mask(rows)
        for column in self.shapes.layer.columns:
            values = self.bit(column.parts[0]) if column.bit else self.values(*column.parts)
            values = values != 0 if column.flag else values
            place, mask, chosen = rows, everyone, None if column.bit else self._present(column)
            if chosen is not None:
                place, values = rows[chosen], values[chosen]
                mask = out.mask(place)
            if column.words is not None:
                out.put_words(column.name, place, values, column.words, mask)
            else:
                out.put(column.name, place, values, mask)

    def _present(self, column: Column) -> Index | None:
        """Rows that have the column; None: all."""
        there = self.offset(*column.parts) >= 0
        if there[self.used].all() and column.shared is None:
            return None
        has = there.take(self.shape)
        if column.shared is not None:
            name, bits = column.shared
            has &= self.has(column.parts[0]) | (self.bit(name) & np.uint8(bits) != 0)
        return None if has.all() else np.flatnonzero(has)

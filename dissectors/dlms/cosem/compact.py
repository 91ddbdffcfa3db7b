"""Compact arrays (type 19): one type description, then the elements without tags.

Layout: type-description, then an octet string with the elements back to back until it is exhausted.
A description is a tag; array adds a 16-bit count and one description, structure a count and that many.
Source: IEC 62056-6-2 clause 5, IEC 62056-5-3 (Data, compact-array).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from itertools import repeat
from typing import Any, NamedTuple

from dissectors.dlms.cosem.scalars import (
    FIXED,
    MAX_DEPTH,
    STRUCTS,
    TYPE_NAMES,
    Node,
    build_value,
    plain,
    read_scalar,
)
from dissectors.layout.lengths import build_length, build_octets, read_count, read_length
from dissectors.model.errors import Malformed, Truncated

__all__ = ["CompactArray", "read_compact"]

LAYER = "dlms.data"
_SPARE_NODES = 1024
_NODES_PER_OCTET = 8


class Description(NamedTuple):
    """What each element is: `parts` is empty, one description (array) or one for each member (structure).

    `elements` is the count of an array or structure; `least` the fewest octets that it can take.
    """

    tag: int
    elements: int = 0
    parts: tuple[Description, ...] = ()
    least: int = 0

    @property
    def json(self) -> list[Any]:
        """The nested list form: ``[17]``, ``[1, 2, [16]]``, ``[2, [[17], [18]]]``."""
        if self.tag == 1:
            return [1, self.elements, self.parts[0].json]
        return [2, [part.json for part in self.parts]] if self.tag == 2 else [self.tag]

    @property
    def text(self) -> str:
        """The description in words: ``structure of (unsigned, long-unsigned)``."""
        if self.tag == 1:
            return f"array of {self.elements} {self.parts[0].text}"
        if self.tag == 2:
            return f"structure of ({', '.join(part.text for part in self.parts)})"
        return TYPE_NAMES.get(self.tag, f"unknown 0x{self.tag:02x}")

    def build(self) -> bytes:
        """The octets of the description."""
        head = bytes((self.tag,))
        if self.tag == 1:
            head += self.elements.to_bytes(2, "big")
        elif self.tag == 2:
            head += build_length(len(self.parts))
        return head + b"".join(part.build() for part in self.parts)


class CompactArray:
    """A compact array: its description, its elements as nodes, and where its parts begin.

    Where all elements have one fixed size (profiles of clock, value and status look like that) they were only
    counted; nodes are made of them when `rows` is asked for.
    """

    __slots__ = ("_content", "_fixed", "_rows", "content_start", "description", "description_span")

    def __init__(
        self,
        description: Description,
        rows: list[Node] | None = None,
        description_span: tuple[int, int] = (0, 0),
        content_start: int = 0,
        fixed: struct.Struct | None = None,
        content: bytes = b"",
    ) -> None:
        self.description, self.description_span = description, description_span
        self.content_start = content_start
        self._rows, self._fixed, self._content = rows, fixed, content

    @property
    def rows(self) -> list[Node]:
        """The elements as nodes."""
        if self._rows is None:
            assert self._fixed is not None
            self._rows = _fixed_rows(self.description, self._fixed, self._content, self.content_start)
        return self._rows

    @property
    def plain(self) -> list[Any]:
        """The elements without types."""
        if self._fixed is not None:
            return list(map(list, self._fixed.iter_unpack(self._content)))
        return [plain(row) for row in self.rows]

    @property
    def json(self) -> dict[str, Any]:
        """Description and elements; a structure is ``{"s": [...]}``, an array a list, octets in hex."""
        if self._fixed is not None:
            items: list[Any] = [
                {"s": list(map(_shown, row))} for row in self._fixed.iter_unpack(self._content)
            ]
        else:
            items = [_json(row) for row in self.rows]
        return {"desc": self.description.json, "items": items}

    def build(self) -> bytes:
        """Type description and contents, without the tag 13."""
        return self.description.build() + build_octets(b"".join(_build(row) for row in self.rows))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CompactArray) and self.build() == other.build()

    def __hash__(self) -> int:
        return hash(self.build())


def _shown(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value


def _json(node: Node) -> Any:
    tag, value = node[0], node[1]
    if tag == 2:
        return {"s": [_json(item) for item in value]}
    if tag == 1:
        return [_json(item) for item in value]
    return value.hex() if isinstance(value, bytes) else value


def _build(node: Node) -> bytes:
    tag, value = node[0], node[1]
    return b"".join(_build(item) for item in value) if tag in (1, 2) else build_value(tag, value)


def read_compact(data: bytes, pos: int, end: int) -> tuple[CompactArray, int]:
    """A compact array whose type description begins at `pos`.

    Raises:
        Malformed: an element that takes no octets, or more elements than the octets can justify: some 8
            nodes an octet, so that a structure of many nulls cannot fill the memory.
    """
    start = pos
    description, pos = _read_description(data, pos, end, 0)
    after = pos
    length, pos = read_length(data, pos, end, LAYER)
    stop = pos + length
    if stop > end:
        raise Truncated(length, end - pos, layer=LAYER, offset=pos)
    if length and description.least == 0:
        raise Malformed("compact array of elements that take no octets", layer=LAYER, offset=start)
    content = pos
    budget = [_SPARE_NODES + _NODES_PER_OCTET * (stop - start)]
    rows: list[Node] = []
    whole = _row_struct(description) if length else None
    if whole is not None and length % whole.size == 0:
        return CompactArray(description, None, (start, after), content, whole, data[pos:stop]), stop
    while pos < stop:
        node, pos = _read_element(description, data, pos, stop, budget)
        rows.append(node)
    return CompactArray(description, rows, (start, after), content), stop


def _row_struct(description: Description) -> struct.Struct | None:
    """One struct for a structure whose members all have a fixed size; None for anything else."""
    parts = description.parts
    if description.tag != 2 or not all(part.tag in STRUCTS for part in parts):
        return None
    return struct.Struct(">" + "".join(STRUCTS[part.tag].format[1:] for part in parts))


def _fixed_rows(description: Description, whole: struct.Struct, content: bytes, pos: int) -> list[Node]:
    """The nodes of elements that are structures of fixed size."""
    places = []
    at = 0
    for part in description.parts:
        places.append((part.tag, at, at + STRUCTS[part.tag].size))
        at += STRUCTS[part.tag].size
    rows: list[Node] = []
    for values in whole.iter_unpack(content):
        cells = [
            (tag, value, pos + first, pos + last)
            for (tag, first, last), value in zip(places, values, strict=True)
        ]
        rows.append((2, cells, pos, pos + at))
        pos += at
    return rows


def _read_description(data: bytes, pos: int, end: int, depth: int) -> tuple[Description, int]:
    if pos >= end:
        raise Truncated(1, 0, layer=LAYER, offset=pos)
    tag = data[pos]
    if depth > MAX_DEPTH:
        raise Malformed(f"nested deeper than {MAX_DEPTH}", layer=LAYER, offset=pos)
    if tag == 1:
        if pos + 3 > end:
            raise Truncated(2, end - pos - 1, layer=LAYER, offset=pos + 1)
        count = int.from_bytes(data[pos + 1 : pos + 3], "big")
        part, stop = _read_description(data, pos + 3, end, depth + 1)
        return Description(1, count, (part,), count * part.least), stop
    if tag == 2:
        count, stop = read_count(data, pos + 1, end, LAYER)
        parts = []
        for _ in range(count):
            part, stop = _read_description(data, stop, end, depth + 1)
            parts.append(part)
        return Description(2, count, tuple(parts), sum(part.least for part in parts)), stop
    if tag == 19 or tag not in TYPE_NAMES:
        raise Malformed(f"type 0x{tag:02x} in a compact array's description", layer=LAYER, offset=pos)
    least = STRUCTS[tag].size if tag in STRUCTS else int(tag not in (0, 255))
    return Description(tag, least=least), pos + 1


def _read_element(
    description: Description, data: bytes, pos: int, end: int, budget: list[int]
) -> tuple[Node, int]:
    tag, start = description.tag, pos
    if description.least > end - pos:
        raise Truncated(description.least, end - pos, layer=LAYER, offset=pos)
    budget[0] -= 1
    if budget[0] < 0:
        raise Malformed("more elements than the octets can hold", layer=LAYER, offset=pos)
    if tag in (1, 2):
        parts: Iterable[Description]
        parts = repeat(description.parts[0], description.elements) if tag == 1 else description.parts
        items: list[Node] = []
        for part in parts:
            node, pos = _read_element(part, data, pos, end, budget)
            items.append(node)
        return (tag, items, start, pos), pos
    fixed = FIXED[tag]
    if fixed is not None and fixed[0]:
        if pos + fixed[0] > end:
            raise Truncated(fixed[0], end - pos, layer=LAYER, offset=pos)
        return (tag, fixed[1](data, pos)[0], start, pos + fixed[0]), pos + fixed[0]
    if fixed is not None:
        return (tag, None, start, pos), pos
    value, pos = read_scalar(tag, data, pos, end, pos)
    return (tag, value, start, pos), pos

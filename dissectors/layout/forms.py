"""How one layer is read quickly: by the form that an earlier one of its kind had.

Strategy: which parts a layer has, and how long they are, depends on the few parts that conditions and sizes look at.
They are watched while a layer is read part by part; of layers that agree in them, all others are read at once.
`dissectors.layout.shapes` does the same for many frames.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from struct import Struct
from typing import Any, ClassVar

from dissectors.layout.parts import Length, Octets, Part, UInt

__all__ = ["Form", "Forms", "Watched"]

MOST = 1 << 9
"""Decisions and forms that are remembered of one layer; what is beyond is read part by part."""
CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
SHORT = 0x7F


class Watched(dict[str, Any]):
    """The fields of a layer while it is read; `seen` are those that somebody looked at."""

    __slots__ = ("seen",)

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.seen.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.seen.add(name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self.seen.add(str(name))
        return super().__contains__(name)


class Form:
    """Where the parts of a layer lie, counted from its beginning, and their values at once; `shown` are those that the
    tree has: no octets where there are none."""

    __slots__ = ("expected", "fixed", "names", "places", "shown", "size", "unpack")
    children: ClassVar[None] = None

    def __init__(self, places: list[tuple[Part, int, int]], codes: str) -> None:
        whole = Struct(codes)
        self.places, self.size, self.unpack = places, whole.size, whole.unpack_from
        self.shown = [one for one in places if one[2] > one[1] or not isinstance(one[0], Octets)]
        self.names = [part.name for part, _, _ in places]
        parts = enumerate(part for part, _, _ in places)
        only = [(i, part.only) for i, part in parts if isinstance(part, UInt) and part.only is not None]
        self.expected: Any = tuple(value for _, value in only)
        self.fixed: Any = itemgetter(*(i for i, _ in only)) if only else lambda values: ()
        if len(only) == 1:
            self.expected = self.expected[0]


class Decision:
    """Looks at a part of the layer; `children` are what comes next, by its octets.

    Of a length that nobody looks at (`sized`), the first octet says how many it takes itself, and that is all.
    """

    __slots__ = ("at", "children", "end", "part", "single", "sized")

    def __init__(self, part: Part, at: int, end: int, sized: bool) -> None:
        self.part, self.at, self.end, self.sized = (
            part,
            at,
            at + 1 if isinstance(part, Length) else end,
            sized,
        )
        self.single = self.end - at == 1
        self.children: dict[int, Decision | Form] = {}

    def key(self, data: bytes, start: int) -> int:
        """What the octets of the part say."""
        return int.from_bytes(data[start + self.at : start + self.end], "big")

    def lead(self, data: bytes, start: int, following: Decision | Form) -> None:
        """Remember what comes next where the octets of the part say what they say here."""
        key = self.key(data, start)
        short = self.sized and key <= SHORT
        self.children |= dict.fromkeys(range(SHORT + 1) if short else (key,), following)


class Forms:
    """The forms of one layer that were met so far."""

    __slots__ = ("count", "root")

    def __init__(self) -> None:
        self.root: Decision | Form | None = None
        self.count = 0

    @staticmethod
    def of(parts: Iterable[Part]) -> Forms | None:
        """For a layer of `parts`; None where a form would not do: parts inside parts, or sizes that are not said."""
        simple = (
            (isinstance(part, Length) and type(part).take is Length.take)
            or (isinstance(part, UInt) and type(part).take is UInt.take and part.size in CODES)
            or (isinstance(part, Octets) and type(part).take is Octets.take and part.size is not None)
            for part in parts
        )
        return Forms() if all(simple) else None

    def find(self, data: bytes, start: int, end: int) -> Form | None:
        """The form of the layer at `start`; None when it was not met yet, or does not end before `end`."""
        node: Any = self.root
        try:
            while node is not None:
                children = node.children
                if children is None:
                    return node if start + node.size <= end else None
                if node.single:
                    node = children.get(data[start + node.at])
                else:
                    node = children.get(int.from_bytes(data[start + node.at : start + node.end], "big"))
        except IndexError:
            pass  # the octets end before
        return None

    def learn(self, data: bytes, start: int, seen: set[str], spans: list[tuple[Part, int, int]]) -> None:
        """Remember the form of a layer that was read part by part, of which those `seen` were looked at."""
        places = [(part, at - start, end - start) for part, at, end in spans]
        codes = _codes(places)
        matter = [one for one in places if one[0].name in seen]
        if codes is None or any(isinstance(part, Length) and end - at > 1 for part, at, end in matter):
            return
        left = [
            Decision(part, at, end, part.name not in seen)
            for part, at, end in places
            if part.name in seen or isinstance(part, Length)
        ]
        holder: Decision | None = None
        node: Decision | Form | None = self.root
        while isinstance(node, Decision):
            decided = node.part
            left = [one for one in left if one.part is not decided]
            holder, node = node, node.children.get(node.key(data, start))
        steps: list[Decision | Form] = [*left, Form(places, codes)]
        for new in steps:
            self.count += 1
            if holder is None:
                self.root = new
            else:
                holder.lead(data, start, new)
            holder = new if isinstance(new, Decision) else None


def _codes(places: list[tuple[Part, int, int]]) -> str | None:
    """The format of `struct` for the parts; None where there is none."""
    orders, codes = set(), []
    for part, at, end in places:
        size = end - at
        if isinstance(part, Length):
            orders.add(">")
            codes.append("x" * (size > 1) + CODES.get(size - (size > 1), "?"))
        elif isinstance(part, UInt):
            if size > 1:
                orders.add(">" if part.order == "big" else "<")
            codes.append(CODES[size].lower() if part.signed else CODES[size])
        else:
            codes.append(f"{size}s")
    return None if len(orders) > 1 or "x?" in codes else min(orders, default=">") + "".join(codes)

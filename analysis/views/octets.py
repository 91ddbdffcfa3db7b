"""Which octets a node of a tree is, in every buffer that holds them, and which node an octet belongs to.

Strategy: each buffer knows where its octets lie in others: opened octets lie sealed in the buffer around them, a message
lies in the payload of its frame, or a part of it does. A node is followed outwards along these, an octet inwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from analysis.views.shown import Shown
from dissectors import Field, Message
from dissectors.model import Origin, Part

__all__ = ["Node", "OctetMap", "Place", "frame_octets", "message_octets", "put_places"]


class Place(NamedTuple):
    """Some octets of a buffer.

    Attributes:
        bits: (lowest bit, width) where it is a part of one octet.
    """

    buffer: str
    offset: int
    length: int
    bits: tuple[int, int] | None = None

    def to_json(self) -> dict[str, Any]:
        out: dict[str, Any] = {"buffer": self.buffer, "offset": self.offset, "length": self.length}
        return out if self.bits is None else {**out, "bits": list(self.bits)}


class Node(NamedTuple):
    """A field of a tree, and the buffer that it lies in by its name in the map."""

    buffer: str
    field: Field


@dataclass(slots=True, eq=False, repr=False)
class OctetMap:
    """Buffers, where their octets lie in each other, and the trees over them.

    Attributes:
        buffers: octets by name: those of the frame as they are; ``message-13``, ``message-13-decrypted-0`` and so on
            for those of a message.
        parents: by buffer, where its octets lie in others, one step outwards.
        nodes: by buffer, the fields over it.
        hidden: fields that hold keys.
    """

    buffers: dict[str, bytes] = field(default_factory=dict)
    parents: dict[str, tuple[Part, ...]] = field(default_factory=dict)
    nodes: dict[str, list[Field]] = field(default_factory=dict)
    hidden: list[Field] = field(default_factory=list)
    _names: dict[int, str] = field(default_factory=dict)

    def add_trees(self, trees: Iterable[Field], names: dict[str, str] | None = None) -> None:
        """Take in fields; `names` are those of their buffers in the map, where they differ."""
        for top in trees:
            for one in top.walk():
                name = one.buffer if names is None else names[one.buffer]
                self._names[id(one)] = name
                self.nodes.setdefault(name, []).append(one)
                if one.secret:
                    self.hidden.append(one)

    def places(self, one: Field) -> list[Place]:
        """Where the octets of a field lie: in its own buffer first, then in those around it, as far as they are there."""
        own = Place(self._names[id(one)], one.offset, one.length, one.bits)
        return [own, *self._outwards(own)]

    def _outwards(self, place: Place, clear: bool = False) -> Iterator[Place]:
        """Where these octets lie further out; `clear`: only where they can be read."""
        found = []
        for part in self.parents.get(place.buffer, ()):
            if clear and part.sealed:
                continue
            low = max(place.offset, part.start)
            high = min(place.offset + place.length, part.start + part.length)
            if low < high:
                found.append(Place(part.buffer, part.offset + low - part.start, high - low, place.bits))
        yield from found
        for one in found:
            yield from self._outwards(one, clear)

    def innermost(self, buffer: str, offset: int, bit: int | None = None) -> Node | None:
        """The innermost field that an octet (or a bit of it) belongs to: also of what was opened or put together."""
        for name, parts in self.parents.items():
            for part in parts:
                if part.buffer == buffer and part.offset <= offset < part.offset + part.length:
                    inner = self.innermost(name, part.start + offset - part.offset, bit)
                    if inner is not None:
                        return inner
        return self._at(buffer, offset, bit)

    def _at(self, buffer: str, offset: int, bit: int | None) -> Node | None:
        """The smallest field of `buffer` at `offset`; of equal ones the innermost."""
        best: Field | None = None
        for one in self.nodes.get(buffer, ()):
            if not one.offset <= offset < one.end:
                continue
            if one.bits is not None and (bit is None or not one.bits[0] <= bit < sum(one.bits)):
                continue
            if best is None or one.length < best.length or one.length == best.length:
                best = one
        return None if best is None else Node(buffer, best)

    def is_hidden(self, one: Field) -> bool:
        """Whether a field holds a key."""
        return any(one is held for held in self.hidden)

    def secrets(self) -> dict[str, list[tuple[int, int]]]:
        """Where keys can be read: (begin, end) by buffer."""
        spans: dict[str, list[tuple[int, int]]] = {}
        for one in self.hidden:
            own = Place(self._names[id(one)], one.offset, one.length)
            for place in (own, *self._outwards(own, clear=True)):
                spans.setdefault(place.buffer, []).append((place.offset, place.offset + place.length))
        return spans


def frame_octets(shown: Shown) -> OctetMap:
    """The map of a frame, its captured record, and the messages that it carried a part of."""
    found, number = shown.dissection, shown.number
    out = OctetMap({**found.buffers}, {**found.parents})
    if shown.record:
        out.buffers["record"] = shown.record_octets
        out.add_trees(shown.record)
    out.add_trees(found.fields)
    for name, origins in found.origins.items():
        out.parents[name] = tuple(_own(origins, number, shown))
    for one in shown.messages:
        _add_message(out, f"message-{one.message}", one.content)
        origins = one.content.origins
        joined = [part for name in found.origins for part in _joined(origins, name, found.origins[name])]
        out.parents[f"message-{one.message}"] = tuple(joined or _own(origins, number, shown))
    return out


def message_octets(message: Message) -> OctetMap:
    """The map of a message without its frames."""
    out = OctetMap()
    _add_message(out, "message", message)
    return out


def put_places(fields: Iterable[Field], told: Iterable[dict[str, Any]], octets: OctetMap) -> None:
    """Add to the JSON form of fields where their octets lie in the buffers around their own, as `places`."""
    for one, out in zip(fields, told, strict=True):
        around = octets.places(one)[1:]
        if around:
            out["places"] = [place.to_json() for place in around]
        put_places(one.children, out["children"], octets)


def _add_message(out: OctetMap, prefix: str, message: Message) -> None:
    buffers = {"message": message.octets, **message.buffers}
    names = {name: prefix if name == "message" else f"{prefix}-{name}" for name in buffers}
    for name, octets in buffers.items():
        out.buffers[names[name]] = octets
    for name, parts in message.parents.items():
        out.parents[names[name]] = tuple(part._replace(buffer=names[part.buffer]) for part in parts)
    out.add_trees(message.fields, names)


def _own(origins: Iterable[Origin], number: int, shown: Shown) -> Iterator[Part]:
    """Where the octets that frame `number` carried lie in it."""
    if shown.dissection.carried is None:
        return
    buffer, begin = shown.dissection.carried
    for one in origins:
        if one.frame == number:
            yield Part(one.start, one.length, buffer, begin + one.offset)


def _joined(origins: Iterable[Origin], name: str, whole: Iterable[Origin]) -> Iterator[Part]:
    """Where the octets of a message lie in the buffer `name` that was put together of several frames."""
    for one in origins:
        for other in whole:
            if one.frame != other.frame:
                continue
            low = max(one.offset, other.offset)
            high = min(one.offset + one.length, other.offset + other.length)
            if low < high:
                start, offset = one.start + low - one.offset, other.start + low - other.offset
                yield Part(start, high - low, name, offset)

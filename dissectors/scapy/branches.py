"""Scapy layers of what is a tree of fields and no layer: ZCL frames, GBCS and DLMS messages."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, ClassVar

from scapy.fields import Field as ScapyField
from scapy.packet import Packet

from dissectors.model.field import Field

__all__ = ["DLMS", "GBCS", "ZCL", "Branch", "branch_packet"]


class LeafField(ScapyField):
    """One leaf of a tree: its value, shown with its meaning."""

    __slots__ = ("leaf",)

    def __init__(self, name: str, leaf: Field) -> None:
        super().__init__(name, None, "B")
        self.leaf = leaf

    def addfield(self, pkt: Any, s: bytes, val: Any) -> bytes:
        return s  # a branch builds itself

    def any2i(self, pkt: Any, x: Any) -> Any:
        return x

    i2h = any2i

    def i2repr(self, pkt: Any, x: Any) -> str:
        if self.leaf.secret:
            return "hidden"
        text = x.hex() if isinstance(x, bytes) else str(x)
        same = x == self.leaf.value
        return (
            f"{text} ({self.leaf.meaning})"
            if same and self.leaf.meaning and self.leaf.meaning != text
            else text
        )


class Branch(Packet):
    """A branch of a tree of fields as a Scapy layer: a field for every leaf, by its path below the branch.

    It builds its octets; the value of a number or of octets may be changed to another of the same size.
    """

    match_subclass = True
    octets: bytes = b""
    start: int = 0
    fields_desc: ClassVar[list[Any]] = []

    def __setattr__(self, attr: str, val: Any) -> None:
        if attr in ("octets", "start"):
            self.__dict__[attr] = val
        else:
            super().__setattr__(attr, val)

    def self_build(self) -> bytes:
        octets = bytearray(self.octets)
        for field in self.fields_desc:
            leaf, value = field.leaf, self.fields.get(field.name)
            if value != leaf.value:
                at = leaf.offset - self.start
                octets[at : at + leaf.length] = _encoded(leaf, value, bytes(octets[at : at + leaf.length]))
        return bytes(octets)

    def do_build(self) -> bytes:
        return self.self_build() + bytes(self.do_build_payload())

    def copy(self) -> Branch:
        clone: Branch = super().copy()
        clone.octets, clone.start = self.octets, self.start
        return clone


def _encoded(leaf: Field, value: Any, old: bytes) -> bytes:
    """`value` in the octets of `leaf`, in the order in which the old value stands there."""
    if isinstance(value, bytes) and len(value) == len(old):
        return value
    if isinstance(value, int) and isinstance(leaf.value, int) and leaf.bits is None:
        for order in ("little", "big"):
            if int.from_bytes(old, order, signed=leaf.value < 0) == leaf.value:
                return value.to_bytes(len(old), order, signed=leaf.value < 0)
    raise ValueError(f"{leaf.name} takes another value of the same {len(old)} octets and kind only")


def branch_packet(branches: Iterable[Field], octets: bytes, name: str, start: int = 0) -> Branch:
    """The Scapy layer of `branches`, which are `octets` from offset `start` of their buffer on."""
    fields: list[LeafField] = []
    values: dict[str, Any] = {}
    for path, leaf in (found for branch in branches for found in _leaves(branch)):
        path = f"_{path}" if path[:1].isdigit() or keyword.iskeyword(path) else path
        unique, count = path, 1
        while unique in values:
            count += 1
            unique = f"{path}_{count}"
        fields.append(LeafField(unique, leaf))
        values[unique] = leaf.value
    made: Branch = type(name, (_kind(name),), {"name": name, "fields_desc": fields})(**values)
    made.octets, made.start = octets, start
    return made


@cache
def _kind(name: str) -> type[Branch]:
    """What all layers of this name have in common, so that ``haslayer`` finds them by class."""
    made: type[Branch] = type(name, (Branch,), {"name": name})
    return made


ZCL, GBCS, DLMS = _kind("ZCL"), _kind("GBCS"), _kind("DLMS")


def _leaves(branch: Field, path: str = "") -> Iterator[tuple[str, Field]]:
    """The leaves below `branch` in its buffer, by path; a word is one leaf, with its bits."""
    name = re.sub(r"\W", "_", f"{path}{branch.name}")
    if not branch.children or (branch.value is not None and all(child.bits for child in branch.children)):
        yield name, branch
        return
    for child in branch.children:
        if child.buffer == branch.buffer:
            yield from _leaves(child, f"{name}_" if path or branch.name else "")

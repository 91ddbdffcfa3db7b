"""The walk through the headers of one record: each becomes a branch of a field tree with a leaf for each part.

Strategy: a step reads a declared header (`captures.structure`) leaf by leaf, and says which step comes next. Whatever
cannot be read becomes one leaf of octets, so that every octet of the encapsulation lies in a leaf.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

from captures.structure import Structure
from dissectors import Field

__all__ = ["BUFFER", "NO_WORDS", "Step", "Walk", "Words", "leaves"]

BUFFER = "record"
Step = Callable[["Walk"], "Step | None"]
Words = Mapping[str, Mapping[int, str]]
"""What the values of a header's parts mean, by the part's name."""
NO_WORDS: Words = {}


class Walk:
    """Where the walk through a record is, and what it has found.

    Attributes:
        at, end: what is left is ``record[at:end]``.
        found: a branch a header, outermost first.
    """

    def __init__(self, record: bytes) -> None:
        self.record = record
        self.at = 0
        self.end = len(record)
        self.found: list[Field] = []

    def header(self, name: str, declared: Structure, words: Words = NO_WORDS) -> dict[str, Any]:
        """Read one declared header into a branch; empty when it does not fit."""
        branch = Field(name, None, "", self.at, 0, BUFFER)
        values = leaves(declared, self.record[self.at : self.end], self.at, branch, words)
        self.found.append(branch)
        self.at += branch.length
        if len(values) < len([part for part in declared.subcons if part.name]):
            self.rest("octets_that_do_not_fit")
            return {}
        return values

    def rest(self, name: str, *, all_of_it: bool = False) -> None:
        """Everything that is left, as one leaf; also what a header said is not of its content, with `all_of_it`."""
        if all_of_it:
            self.end = len(self.record)
        if self.at < self.end:
            octets = self.record[self.at : self.end]
            self.found.append(Field(name, octets, None, self.at, len(octets), BUFFER))
            self.at = self.end


def leaves(
    declared: Structure, octets: bytes, base: int, branch: Field, words: Words = NO_WORDS
) -> dict[str, Any]:
    """Add a leaf to `branch` for each part of a declared structure, as far as the octets go."""
    from construct import ConstructError

    stream = io.BytesIO(octets)
    values: dict[str, Any] = {}
    for part in declared.subcons:
        start = stream.tell()
        try:
            value = part.parse_stream(stream, **values)
        except ConstructError:
            break
        length = stream.tell() - start
        name = part.name or "padding"
        if length:
            shown = value if value is not None else octets[start : start + length]
            meaning = words.get(name, {}).get(shown if isinstance(shown, int) else -1, "")
            branch.children += [Field(name, shown, meaning, base + start, length, BUFFER)]
        if part.name:
            values[name] = value
    branch.length = branch.children[-1].end - base if branch.children else 0
    return values

"""Which columns of a table a layer fills, declared once for one frame and for many."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Column"]


class Column(NamedTuple):
    """A column of a table that a layer's parts fill.

    Attributes:
        name: of the column.
        parts: the first of these that a layer has gives the value; or one named part of a word (`bit`).
        words: what the values are called; None: the number itself.
        bit: the value is a named part of a word, which every layer of this kind has.
        flag: the value is true or false.
        shared: parts behind the first serve only where this named part of a word has one of these bits.
    """

    name: str
    parts: tuple[str, ...]
    words: tuple[str, ...] | None = None
    bit: bool = False
    flag: bool = False
    shared: tuple[str, int] | None = None

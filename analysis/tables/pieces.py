"""Small pieces of something long, joined to larger ones while it grows."""

from __future__ import annotations

from collections.abc import Callable, MutableSequence
from typing import TypeVar

__all__ = ["join_last"]

Piece = TypeVar("Piece")


def join_last(
    pieces: MutableSequence[Piece],
    join: Callable[[Piece, Piece], Piece],
    most: int,
    size: Callable[[Piece], int] = len,  # type: ignore[assignment]
) -> None:
    """Join the last piece to those before it that are hardly longer, as a one is carried in counting by twos: so there
    are few pieces, and what is in them is joined a few times only.

    Args:
        pieces: in order; changed.
        join: makes one of two.
        most: size of a piece that is made of others, at most.
        size: of a piece.

    >>> pieces = []
    >>> for number in range(100):
    ...     pieces.append([number])
    ...     join_last(pieces, list.__add__, 32)
    >>> [len(one) for one in pieces]
    [21, 21, 21, 21, 13, 3]
    """
    while len(pieces) > 1:
        before, last = size(pieces[-2]), size(pieces[-1])
        if before > 2 * last or before + last > most:
            return
        piece = pieces.pop()
        pieces[-1] = join(pieces[-1], piece)

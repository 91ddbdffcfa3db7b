"""What of a capture could not be read: told, counted, and bounded, however much of it there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from captures.block import Lost

__all__ = ["KINDS", "SHOWN", "Losses"]

SHOWN = 8
"""Losses of one kind that are told one by one; the others are counted."""
KINDS = 64
"""Kinds that are told apart; what is of yet another kind is counted as one kind."""
NUMBER = re.compile(r"0x[0-9a-f]+|\d+")


@dataclass(slots=True)
class Kind:
    """Losses that differ in their numbers only: how many were told, and what the others come to."""

    told: int = 0
    more: int = 0
    frames: int = 0
    first: int = 0
    last: Lost | None = None


@dataclass(slots=True, eq=False, repr=False)
class Losses:
    """Grows by `append`; gives the first `SHOWN` losses of each kind, and one more that counts the others.

    Its size does not depend on the capture: at most ``KINDS * (SHOWN + 1)`` losses are held.

    >>> losses = Losses()
    >>> for at in range(100): losses.append(Lost(at, f"damaged block: {at} octets were skipped", 1))
    >>> len(losses), losses.told()[-1].text
    (9, 'and 92 more of this kind, the last at offset 0x63: damaged block: 99 octets were skipped')
    >>> sum(one.frames for one in losses), sum(one.times for one in losses)
    (100, 100)
    """

    _kinds: dict[str, Kind] = field(default_factory=dict)
    _told: list[Lost] = field(default_factory=list)

    def append(self, lost: Lost) -> None:
        """Take in one loss."""
        name = NUMBER.sub("#", lost.text)
        kind = self._kinds.get(name)
        if kind is None:
            kind = self._kinds.setdefault(name if len(self._kinds) < KINDS - 1 else "", Kind())
        if kind.told < SHOWN:
            kind.told += 1
            self._told.append(lost)
            return
        if not kind.more:
            kind.first = lost.offset
        kind.more += lost.times
        kind.frames += lost.frames
        kind.last = lost

    def told(self) -> list[Lost]:
        """The losses in the order in which they were met, then those that count what was not told."""
        return [*self._told, *(_rest(kind) for kind in self._kinds.values() if kind.more)]

    def __iter__(self) -> Iterator[Lost]:
        return iter(self.told())

    def __len__(self) -> int:
        return len(self.told())


def _rest(kind: Kind) -> Lost:
    last = kind.last or Lost(kind.first, "")
    text = f"and {kind.more:,} more of this kind, the last at offset 0x{last.offset:x}: {last.text}"
    return Lost(kind.first, text, kind.frames, kind.more)

"""Where octets came from: which frames carried a message, and which part of it each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Origin", "Part", "frames_of", "origins_within"]


class Origin(NamedTuple):
    """Octets of a message, or of a payload that was put together, that one frame carried.

    Attributes:
        frame: number of the frame.
        start: where they begin in the message.
        length: how many they are.
        offset: where they begin in what the frame carries: in its APS payload in clear, or in its captured record.
        place: which piece of the message they are, counted from 1; a frame that repeats another has the same.
    """

    frame: int
    start: int
    length: int
    offset: int
    place: int = 1


class Part(NamedTuple):
    """Octets of a buffer that lie in another buffer of the same frame or message, sealed or in clear.

    Attributes:
        start: where they begin in the buffer.
        length: how many they are.
        buffer, offset: the other buffer, and where they begin there.
        sealed: they are encrypted there.
    """

    start: int
    length: int
    buffer: str
    offset: int
    sealed: bool = False


def frames_of(origins: Iterable[Origin]) -> tuple[int, ...]:
    """Numbers of the frames, each once, in their order."""
    return tuple(dict.fromkeys(one.frame for one in origins))


def origins_within(origins: Iterable[Origin], begin: int, length: int, to: int = 0) -> list[Origin]:
    """The origins of `length` octets from `begin` on, as octets of something in which these begin at `to`.

    >>> origins_within([Origin(7, 0, 10, 30), Origin(8, 10, 5, 30)], 4, 8)
    [Origin(frame=7, start=0, length=6, offset=34, place=1), Origin(frame=8, start=6, length=2, offset=30, place=1)]
    """
    found, stop = [], begin + length
    for frame, start, size, offset, place in origins:
        low = start if start > begin else begin
        high = start + size if start + size < stop else stop
        if low < high:
            found.append(Origin(frame, low - begin + to, high - low, offset + low - start, place))
    return found

"""The records of several interfaces that hear one network, as one stream: doubles marked, times on one clock, in the
order of the air.

Strategy: `captures.doubles` has looked at the whole capture before. Records are held back until all that were earlier
on the air have been read; where that would be too many, they stay in the order of the file.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from captures.block import BLOCK_FRAMES, NO_TIME, PADDING, FrameBlock, Kind, columns_of, cut, joined
from captures.capture import Capture, open_capture
from captures.doubles import Doubles, find_doubles, hear
from captures.errors import CaptureError
from captures.files.compression import MAGICS
from captures.files.magic import PCAPNG, VARIANTS

__all__ = ["Merging", "find_merging", "merged", "order_on_the_air", "several_interfaces"]

MOST_HELD = 500_000
"""Records that are held back at most."""
SAME_MOMENT = 2_000_000
"""Nanoseconds by which records may come too late in the file and keep their place."""
Numbers = npt.NDArray[np.int64]


def order_on_the_air(time_ns: Numbers, correction: Numbers) -> Numbers | None:
    """The rank of each record on the common clock; None when the order of the file does, or cannot be left."""
    times = time_ns - correction
    late = np.maximum.accumulate(times) - times
    if not len(times) or int(late.max()) <= SAME_MOMENT:
        return None
    ranks = np.empty(len(times), np.int64)
    ranks[np.argsort(times, kind="stable")] = np.arange(len(times))
    ready = np.append(np.minimum.accumulate(ranks[::-1])[::-1][1:], len(ranks))
    held = np.arange(1, len(ranks) + 1) - ready
    return None if int(held.max()) > MOST_HELD else ranks


def merged(blocks: Iterable[FrameBlock], doubles: Doubles, ranks: Numbers | None) -> Iterator[FrameBlock]:
    """The blocks, marked and in order. `ranks`: as `order_on_the_air` gives them."""
    marked = (_marked(block, doubles) for block in blocks)
    if ranks is None:
        yield from marked
        return
    ready = np.append(np.minimum.accumulate(ranks[::-1])[::-1][1:], len(ranks))
    held: list[FrameBlock] = []
    given = 0
    for block in marked:
        held.append(block)
        until = int(ready[int(block.number[-1]) - 1])
        if until - given < BLOCK_FRAMES and until < len(ranks):
            continue
        now, held = _parted(held, ranks, until)
        given = until
        yield from now
    if held:
        yield from _parted(held, ranks, len(ranks))[0]


def _marked(block: FrameBlock, doubles: Doubles) -> FrameBlock:
    """A block with its doubles marked and its times corrected."""
    places = block.number - 1
    double_of = doubles.double_of[places]
    return replace(
        block,
        time_ns=block.time_ns - doubles.correction[places],
        kind=np.where(double_of > 0, np.uint8(Kind.DOUBLE), block.kind),
        double_of=double_of,
    )


def _parted(held: list[FrameBlock], ranks: Numbers, until: int) -> tuple[list[FrameBlock], list[FrameBlock]]:
    """Blocks of the records whose rank is below `until`, in order, and what is left."""
    whole = joined(held)
    rank = ranks[whole.number - 1]
    order = np.argsort(rank, kind="stable")
    count = int(np.count_nonzero(rank < until))
    now, rest = _taken(whole, order[:count]), _taken(whole, order[count:])
    out = [cut(now, at, min(at + BLOCK_FRAMES, count)) for at in range(0, count, BLOCK_FRAMES)]
    return out, [rest] if len(rest) else []


def _taken(block: FrameBlock, rows: Numbers) -> FrameBlock:
    """Some rows of a block, in this order, over octets of their own."""
    parts: dict[str, Any] = {name: getattr(block, name)[rows] for name in columns_of(block)}
    records = [block.record(row) for row in rows.tolist()]
    length = np.array([len(record) for record in records], np.int64)
    start = PADDING + np.cumsum(length) - length
    parts["data"] = np.frombuffer(b"".join([bytes(PADDING), *records, bytes(PADDING)]), np.uint8)
    parts["offset"] = start + (parts["offset"] - parts["record_offset"])
    parts["record_offset"] = start
    return replace(block, **parts)


@dataclass(slots=True, eq=False, repr=False)
class Merging:
    """What is to be done with the records of a capture whose interfaces hear one network."""

    doubles: Doubles
    ranks: Numbers | None

    def text(self) -> str:
        """In words, for people."""
        order = "" if self.ranks is None else "; the rows are in the order on the air"
        return self.doubles.text() + order


def find_merging(open_again: Callable[[], Capture]) -> Merging | None:
    """Look through a whole capture of several interfaces; None when no two of them hear one network."""
    times: list[Numbers] = []

    def seen(blocks: Iterable[FrameBlock]) -> Iterator[FrameBlock]:
        for block in blocks:
            times.append(block.time_ns)
            yield block

    with open_again() as capture:
        heard = hear(seen(capture))
    if heard is None or not len(heard.number):
        return None
    time_ns = np.concatenate(times)
    doubles = find_doubles(heard, len(time_ns))
    if doubles is None or not doubles.count:
        return None
    known = time_ns != NO_TIME
    return Merging(doubles, order_on_the_air(time_ns, doubles.correction) if known.all() else None)


def several_interfaces(head: bytes) -> bool:
    """Whether the beginning of a capture file describes more than one interface."""
    if not head.startswith((PCAPNG, *VARIANTS, *MAGICS)):
        return False
    try:
        with open_capture(io.BytesIO(head)) as capture:
            for _ in capture:
                pass
            return capture.interfaces > 1
    except CaptureError:
        return False

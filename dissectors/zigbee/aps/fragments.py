"""Puts fragmented APS payloads together again.

Blocks are told apart by sender, receiver, endpoints, cluster and APS counter; they may come in any order,
more than once, and mixed with those of other senders. The first block says how many there are. A set that
gets no block for `PATIENCE_NS` is given up, because the 8-bit APS counter comes round again.
Source: ZigBee 05-3474 R22 clause 2.2.8.4.5 (acknowledgement wait 1.6 s, three retries per window).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from dissectors.model.origins import Origin

__all__ = ["FRAGMENT", "BlockSet", "Fragments"]

PATIENCE_NS = 10_000_000_000
OPEN_SETS = 1024
CARRIERS = 1024
"""Frames that are remembered of a set: no more than 256 blocks, and these again."""
FRAGMENT = "APS data, fragment"
"""What the summary of a frame says whose block makes no payload whole."""


@dataclass(slots=True, eq=False, repr=False)
class BlockSet:
    """The blocks of one payload that have been seen.

    Attributes:
        carriers: the number of each frame that brought a block, with the block's 1-based place.
    """

    time_ns: int
    total: int | None = None
    blocks: dict[int, bytes] = field(default_factory=dict)
    whole: bytes | None = None
    completed_by: int = 0
    carriers: list[tuple[int, int]] = field(default_factory=list)

    def origins(self) -> tuple[Origin, ...]:
        """Which frames carried which octets of the payload, once it is whole."""
        starts, end = {}, 0
        for number in range(self.total or 0):
            starts[number + 1] = end
            end += len(self.blocks[number])
        return tuple(
            Origin(frame, starts[place], len(self.blocks[place - 1]), 0, place)
            for frame, place in self.carriers
            if place in starts
        )


@dataclass(slots=True, eq=False, repr=False)
class Fragments:
    """All payloads under way (kept in `dissectors.model.context.HanContext`)."""

    sets: dict[Hashable, BlockSet] = field(default_factory=dict)

    def add(
        self, sender: Hashable, number: int, total: int | None, block: bytes, frame: int, time_ns: int
    ) -> bytes | None:
        """Take block `number`; the whole payload when this frame completes it, else None.

        Args:
            total: the number of blocks, from the first block; None for a later one.
            frame: frame number, so that the same frame read again gives the same answer.
        """
        held = self.sets.get(sender)
        if held is not None and abs(time_ns - held.time_ns) > PATIENCE_NS:
            held = None
        if held is not None and held.whole is not None and held.blocks.get(number) == block:
            return held.whole if frame and frame == held.completed_by else None
        if held is None or held.whole is not None or held.blocks.get(number, block) != block:
            self.sets.pop(sender, None)
            held = self.sets[sender] = BlockSet(time_ns)
            self._forget()
        held.time_ns = time_ns
        held.blocks[number] = block
        if len(held.carriers) < CARRIERS and (not held.carriers or held.carriers[-1][0] != frame):
            held.carriers.append((frame, number + 1))
        held.total = total if total is not None else held.total
        if held.total is None or any(n not in held.blocks for n in range(held.total)):
            return None
        held.whole = b"".join(held.blocks[n] for n in range(held.total))
        held.completed_by = frame
        return held.whole

    def held(self, sender: Hashable) -> BlockSet | None:
        """What there is of the payload that is, or was last, on its way from `sender`."""
        return self.sets.get(sender)

    def unfinished(self, time_ns: int) -> Iterator[int]:
        """Numbers of the frames whose payload may still become whole at that time."""
        for held in self.sets.values():
            if held.whole is None and abs(time_ns - held.time_ns) <= PATIENCE_NS:
                yield from (frame for frame, _ in held.carriers)

    def _forget(self) -> None:
        while len(self.sets) > OPEN_SETS:
            self.sets.pop(next(iter(self.sets)))

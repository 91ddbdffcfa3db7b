"""A live source whose last frames are kept, so that rules can look at them again and again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from threading import Lock
from typing import Any

from analysis.tables.pieces import join_last
from captures import FrameBlock
from captures.block import joined
from captures.live import LiveBlock, LiveCapture

__all__ = ["MOST_FRAMES", "KeptFrames"]

MOST_FRAMES, MOST_OCTETS = 100_000, 64 * 1024 * 1024
"""Frames that are kept, and octets of them, at most: hours of a busy network, days of a quiet one."""
ONE_BLOCK = 1024
"""Frames of a block that is made of smaller ones, at most."""


class KeptFrames(LiveCapture):
    """A `captures.live.LiveCapture` that keeps what it gave last.

    Attributes:
        first: number of the first frame that is kept.
        given: frames that were given so far.
    """

    def __init__(self, source: Any, **options: Any) -> None:
        super().__init__(source, **options)
        self.first, self.given = 1, 0
        self._blocks: deque[FrameBlock] = deque()
        self._octets, self._lock = 0, Lock()

    def blocks(self) -> Iterator[LiveBlock | None]:
        """As `LiveCapture.blocks`."""
        for block in super().blocks():
            if block is not None:
                self._keep(block.frames)
            yield block

    def kept(self) -> list[FrameBlock]:
        """The frames that are kept, in order."""
        with self._lock:
            return list(self._blocks)

    def _keep(self, block: FrameBlock) -> None:
        with self._lock:
            self._append(block)

    def _append(self, block: FrameBlock) -> None:
        self._blocks.append(block)
        join_last(self._blocks, lambda before, last: joined([before, last]), ONE_BLOCK)
        self.given += len(block)
        self._octets += len(block.data)
        while len(self._blocks) > 1 and (
            self.given - self.first >= MOST_FRAMES or self._octets > MOST_OCTETS
        ):
            old = self._blocks.popleft()
            self._octets -= len(old.data)
            self.first = int(self._blocks[0].number[0])

"""A capture whose blocks, and what follows from their octets alone, are read ahead by a copy of this process.

Strategy: with a second processor, half of the work of decoding is done while this process does the other half: the
records, check sequences, headers and openings of the next blocks (`dissectors.zigbee.columns.stateless_layers`). The copy
(fork) sends objects whose arrays lie in memory that both share, in one of a few slots; a slot is free again when nothing
here looks into it any more. The first frames are read here, while the copy begins, or before there is one. Where it
fails, or says nothing for too long, the capture is opened once more and read on from the same frame here. So what
comes out is the same, whoever read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from analysis.pipeline.parallel import ForkedProcess, processors
from analysis.pipeline.shared_slots import SLOTS, SharedSlots
from analysis.pipeline.source import ReopenableSource
from captures import Capture, CaptureError, CaptureFacts, FrameBlock
from captures.block import cut
from dissectors import Key
from dissectors.zigbee import StatelessLayers

__all__ = ["CaptureProgress", "PrefetchReader"]

PATIENCE = 60.0
"""Seconds without a block after which the copy is given up."""
WORTH = 8 * 1024 * 1024
"""Octets of a capture from which on another process is worth while."""
START = 8192
"""Frames that this process reads itself meanwhile, at most."""


class CaptureProgress(NamedTuple):
    """What a capture said so far: octets read, keys and names that it carries, and what it says of itself."""

    position: int
    secrets: list[Key]
    names: dict[int, str]
    facts: CaptureFacts

    @classmethod
    def by(cls, capture: Capture) -> CaptureProgress:
        """All that it said."""
        return cls(capture.position, list(capture.secrets), dict(capture.names), capture.facts)


class PrefetchReader:
    """Blocks of a capture, each with its stateless layers where these were read ahead; to be iterated once.

    Args:
        capture: just opened.
        replay: opens it again if need be.
        read: makes the stateless layers of a block, of nothing but its octets and the keys that are held at first.
        alone: read everything here.
        look: the first block ends behind so many frames, because the caller may know then that it reads in vain.
    """

    def __init__(
        self,
        capture: Capture,
        replay: ReopenableSource,
        read: Callable[[FrameBlock], StatelessLayers],
        *,
        alone: bool = False,
        look: int | None = None,
    ) -> None:
        self.capture = capture
        self._look = look
        self._replay = replay
        self._read = read
        self._alone = alone or replay.path is None or processors() < 2 or (capture.size or 0) < WORTH
        self._progress: CaptureProgress | None = None

    @property
    def progress(self) -> CaptureProgress:
        """What the capture said so far."""
        return self._progress or CaptureProgress.by(self.capture)

    def __iter__(self) -> Iterator[tuple[FrameBlock, StatelessLayers | None]]:
        blocks = _begun(self.capture, self._look or (None if self._alone else START))
        first = next(blocks, None)
        if first is None:
            return
        last, reader = int(first.number[-1]), None
        try:
            if self._look is None:
                reader = self._reader(blocks)
            yield first, None
            del first
            if self._look is not None:  # before, it would mostly have been made in vain
                reader = self._reader(blocks)
            if reader is None:
                yield from ((block, None) for block in blocks)
                return
            for read, stateless, self._progress in reader:
                if read is None:
                    return
                last = int(read.number[-1])
                yield read, stateless
                del read, stateless
        finally:
            if reader is not None:
                reader.copy.end()
        self._progress = None
        with self._replay.open_merged() as self.capture:
            yield from _behind(last, self.capture)

    def _reader(self, blocks: Iterator[FrameBlock]) -> _Reader | None:
        """Another process that reads the blocks that are left; None where there should or can be none."""
        if self._alone:
            return None
        try:
            return _Reader(self.capture, blocks, self._read)
        except OSError:  # no more memory, or processes
            return None


def _begun(capture: Capture, first: int | None) -> Iterator[FrameBlock]:
    """The blocks of a capture; the first one ends behind `first` frames."""
    for block in capture:
        if first is None or len(block) <= first:
            yield block
        else:
            yield cut(block, 0, first)
            yield cut(block, first, len(block))
        first = None


def _behind(last: int, capture: Capture) -> Iterator[tuple[FrameBlock, None]]:
    """The frames behind frame `last`, read here."""
    for block in capture:
        begin = int(np.searchsorted(block.number, last, side="right"))
        if begin < len(block):
            yield cut(block, begin, len(block)) if begin else block, None


class _Reader:
    """The copy of this process that reads ahead: an iterable of what it sent."""

    def __init__(
        self, capture: Capture, blocks: Iterator[FrameBlock], read: Callable[[FrameBlock], StatelessLayers]
    ) -> None:
        self.slots = SharedSlots()
        self.copy = ForkedProcess("ahead", partial(_read_on, capture, blocks, read, self.slots))

    def __iter__(self) -> Iterator[tuple[FrameBlock | None, StatelessLayers | None, CaptureProgress]]:
        """Blocks; None as the last one of a capture that was read to its end.

        Raises:
            CaptureError: what the other process met.
        """
        link = self.copy.link
        with suppress(EOFError, OSError):  # it died: what came is right, and the caller reads on
            while link.poll(PATIENCE):
                slot, sizes, octets, progress = link.recv()
                if isinstance(octets, CaptureError):
                    raise octets
                if octets is None:
                    yield None, None, progress
                    return
                yield *self.slots.loads(slot, sizes, octets), progress
                for free in self.slots.left():
                    with suppress(OSError):  # it has sent everything, and is gone
                        link.send(free)


def _read_on(
    capture: Capture,
    blocks: Iterator[FrameBlock],
    read: Callable[[FrameBlock], StatelessLayers],
    slots: SharedSlots,
    link: Any,
) -> None:
    """What the copy does: send block after block; then what the capture said, or why it cannot be read."""
    free = list(range(SLOTS))
    with suppress(Exception):  # whatever it is, the parent meets it again when it reads on
        try:
            for block in blocks:
                stateless = read(block)
                while not free or link.poll():
                    free.append(link.recv())
                link.send((*slots.dumps(free, (block, stateless)), CaptureProgress.by(capture)))
            link.send((None, [], None, CaptureProgress.by(capture)))
        except CaptureError as error:
            link.send((None, [], error, None))

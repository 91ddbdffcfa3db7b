"""A live source into sinks: the same as a capture into sinks, with no end.

Strategy: frames are decoded as they come, in blocks that are closed by size or by time (`captures.live`). A live source
cannot be read again from its start when a key, or whose a short address is, is learnt late. So the last frames are held,
in stretches of a bounded size, with the state before the first frame of each. When something is learnt that would open
held frames, the state goes back to before the oldest stretch, takes along what was learnt, and the held frames are
decoded and given again. So what sinks have in the end is what the recorded file would give, but for frames that were no
longer held. This is done at most half of the time, so that a source which teaches something all the time is not held up.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from analysis.pipeline.carried import CarriedMessages
from analysis.pipeline.checkpoint import Checkpoint
from analysis.pipeline.holding import HeldBlocks
from analysis.pipeline.passes import DecodedBlock, DecodePass
from analysis.pipeline.prefetch import CaptureProgress
from analysis.pipeline.session import Hindsight, Shut
from analysis.pipeline.sinks import Sink, abandoning, tables_of
from analysis.tables.pieces import join_last
from captures.block import joined
from captures.live import LiveBlock, LiveCapture
from dissectors import Keyring

__all__ = ["HELD", "LivePass", "run_live"]

HELD = 50_000
"""Frames that are held, at most, and half of them at least: minutes of a busy network, a day of a quiet one."""
HELD_OCTETS = 32 * 1024 * 1024
"""Octets that they take, at most."""
PATIENCE = 1.0
"""Seconds that a block waits for a message which began in it. Should the message be complete later, the frames are given
again, if they are still held."""
ONE_BLOCK = 1024
"""Frames of a block that is made of smaller ones, at most."""
AT_THE_END = 6
"""Times that held frames are decoded again when nothing more comes, at most."""


@dataclass(slots=True, eq=False)
class Stretch:
    """Frames that are held, and all that there was before the first of them.

    Attributes:
        checkpoint: the state of the pass.
        saved: what each sink saved.
        blocks: the frames.
        shut: which of them stayed shut, once the next stretch has begun.
        waiting: the decoded blocks before them that had not been given yet, and `left`, the last frame that had.
    """

    checkpoint: Checkpoint
    saved: list[Any]
    waiting: list[DecodedBlock]
    left: int
    blocks: list[LiveBlock] = field(default_factory=list)
    shut: Shut | None = None

    def hold(self, block: LiveBlock) -> None:
        """Hold a block. Small ones are joined: decoded again, they give the same rows, sooner."""
        self.blocks.append(block)
        join_last(self.blocks, _joined, ONE_BLOCK, lambda one: len(one.frames))

    def full(self, held: int) -> bool:
        """Whether it is half of all that is held."""
        octets = sum(len(block.frames.data) for block in self.blocks)
        return 2 * sum(len(block.frames) for block in self.blocks) >= held or 2 * octets >= HELD_OCTETS


def _joined(before: LiveBlock, last: LiveBlock) -> LiveBlock:
    return last._replace(frames=joined([before.frames, last.frames]))


class LivePass(DecodePass):
    """The pass over a live source. Sinks find the state as it is now in its `session`.

    Args:
        live: the source.
        keyring: keys to try.
        sinks: fed with what is decoded.
        tables: wanted.
        held: frames that are held, at most.
    """

    def __init__(
        self,
        live: LiveCapture,
        keyring: Keyring | None,
        sinks: tuple[Sink, ...],
        tables: Iterable[str],
        held: int,
    ) -> None:
        super().__init__(live.name, keyring, tables=tables)
        self.live, self.sinks, self.held = live, sinks, held
        self._stretches: list[Stretch] = []
        self._not_before = 0.0
        self._progress = CaptureProgress(0, [], {}, self.facts)

    def run(self) -> None:
        """Take what comes until the source ends or is stopped.

        Raises:
            CaptureError: the source cannot be read at all.
        """
        for sink in self.sinks:
            sink.restart(self)
        self._begin_stretch()
        for block in self.live.blocks():
            if block is None:
                for sink in self.sinks:
                    sink.quiet()
            else:
                self._take(block)
            self._look_at_what_waits()
            if self.superseded and time.monotonic() >= self._not_before:
                self._reopen()
        for _ in range(AT_THE_END):
            if self.superseded:
                self._reopen()
        last = self.ended(self._progress)
        for one in [*self.waiting.leaving(self.session), last]:
            self._give(one)
        for sink in self.sinks:
            sink.end(self)

    @property
    def needs_another_pass(self) -> bool:
        """Whether what is known by now would open frames that are held."""
        earlier = [one.shut for one in self._stretches if one.shut is not None]
        found, known = self.session.hindsight(*earlier), self.hindsight or Hindsight()
        if found is None:
            return False
        new = any(key not in known.keys for key in found.keys)
        return new or not found.addresses.keys() <= known.addresses.keys()

    def _give(self, block: DecodedBlock) -> None:
        for sink in self.sinks:
            sink.take(block)

    def _take(self, block: LiveBlock) -> None:
        """Decode a block, and hold it."""
        self._stretches[-1].hold(block)
        self._progress = CaptureProgress(0, block.secrets, block.names, block.facts)
        self.facts = block.facts
        for one in self.waiting.take(self.decoded(block.frames, self._progress), self.session):
            self._give(one)
        if self._stretches[-1].full(self.held):
            self._stretches[-1].shut, self.session.shut = self.session.shut, Shut()
            self._begin_stretch()
            del self._stretches[:-2]

    def _begin_stretch(self) -> None:
        saved, left = [sink.snapshot() for sink in self.sinks], self._carried.left
        self._stretches.append(Stretch(Checkpoint(self.session), saved, list(self.waiting.blocks), left))

    @property
    def _carried(self) -> CarriedMessages:
        return self.session.context.state(CarriedMessages)

    def _look_at_what_waits(self) -> None:
        """Give what has waited long enough; see whether frames that were given carry a message that is known only now."""
        if self.waiting.overdue(PATIENCE):
            for one in self.waiting.leaving(self.session):
                self._give(one)
        missed = self._carried.missed
        if missed is not None and missed > self._stretches[0].left:
            self.superseded = True
        self._carried.missed = None

    def _reopen(self) -> None:
        """Go back to before the oldest frame that is held, with what is known by now, and decode again."""
        began = time.monotonic()
        first, blocks = self._stretches[0], [block for one in self._stretches for block in one.blocks]
        self.hindsight = self.session.learnt(told=True)
        self.session = first.checkpoint.session()
        self.session.remember(self.hindsight)
        self.superseded = False
        self._stretches = [Stretch(first.checkpoint, first.saved, first.waiting, first.left)]
        self.waiting = HeldBlocks(first.waiting)
        for sink, saved in zip(self.sinks, first.saved, strict=True):
            sink.rewind(self, saved)
        for block in blocks:
            self._take(block)
        now = time.monotonic()
        self._not_before = now + (now - began)


def run_live(
    live: LiveCapture,
    keyring: Keyring | None = None,
    *sinks: Sink,
    tables: Iterable[str] | None = None,
    held: int = HELD,
) -> LivePass:
    """Decode a live source into `sinks` until it ends or `live.stop()` is called; the pass, with its session and facts.

    Args:
        live: the source.
        keyring: keys to try; what is heard teaches more, also for frames before it that are still held.
        sinks: fed with each block, in their order; `analysis.pipeline.sinks.Sink` says what a live source asks of them.
        tables: the tables wanted; those that the sinks read by default.
        held: frames that are held, at most.

    Raises:
        CaptureError: the source cannot be read at all.
    """
    one = LivePass(live, keyring, sinks, tables_of(sinks) if tables is None else tables, held)
    with abandoning(sinks):
        one.run()
    return one

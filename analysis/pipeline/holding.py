"""Decoded blocks that wait for messages which began in them: their rows say which message each frame carries.

Strategy: a block leaves when nothing that began in it may become a message any more, or when frames so far behind it
were read that no message is told to them (`analysis.pipeline.carried.REACH`). So what rows say depends neither on the
size of blocks nor on how long they waited, and what waits is bounded. Blocks leave in their order.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from analysis.pipeline.block_streams import Streams
from analysis.pipeline.carried import REACH, CarriedMessages, Cells
from analysis.pipeline.session import Session
from analysis.tables.arrow import numpy_of
from analysis.tables.batches import batch_with_cells
from analysis.tables.vocabulary import Vocabulary
from dissectors.zcl import Tunnels
from dissectors.zigbee import Fragments

if TYPE_CHECKING:
    from analysis.pipeline.passes import DecodedBlock

__all__ = ["HeldBlocks", "unfinished"]


class HeldBlocks:
    """The blocks that wait, oldest first."""

    def __init__(self, blocks: Iterable[DecodedBlock] = ()) -> None:
        self.blocks = list(blocks)
        self._since = [time.monotonic()] * len(self.blocks)

    def overdue(self, seconds: float) -> bool:
        """Whether the oldest of them has waited so long."""
        return bool(self._since) and time.monotonic() - self._since[0] >= seconds

    def take(self, block: DecodedBlock, session: Session) -> list[DecodedBlock]:
        """Take in the next block; those that may leave now, with all that their rows say."""
        self.blocks.append(block)
        self._since.append(time.monotonic())
        opened = oldest_unfinished(session, session.frames - REACH) if session.wants("packets") else None
        return self.leaving(session, session.frames if opened is None else opened - 1)

    def leaving(self, session: Session, last: int | None = None) -> list[DecodedBlock]:
        """The blocks that end with frame `last` or before it; all of them for None."""
        count = sum(last is None or block.frames <= last for block in self.blocks)
        out, self.blocks, self._since = self.blocks[:count], self.blocks[count:], self._since[count:]
        for block in out:
            _finish(block, session)
        return out


def oldest_unfinished(session: Session, behind: int) -> int | None:
    """The first frame behind frame `behind` that carried a piece of a message which may still become whole."""
    frames = (frame for frame in unfinished(session) if frame > behind)
    return min(frames, default=None)


def unfinished(session: Session) -> Iterator[int]:
    """Numbers of the frames that carried a piece of a message which may still become whole."""
    for state in session.context.states():
        if isinstance(state, Tunnels | Streams):
            yield from state.unfinished()
        elif isinstance(state, Fragments):
            yield from state.unfinished(session.last_time or 0)
    if "dissectors.dlms.conversation" in sys.modules:
        from dissectors.dlms import Conversations

        yield from session.context.state(Conversations).waiting()


def _finish(block: DecodedBlock, session: Session) -> None:
    """Set what the rows of `block` say of messages."""
    packets = block.batches.get("packets")
    if packets is None or not len(packets):
        return
    frames = numpy_of(packets.column("frame"))[0]
    keyring = session.context.keyring
    found = session.context.state(CarriedMessages).taken(int(frames[0]), int(frames[-1]), keyring)
    if found:
        block.batches["packets"] = _with_cells(packets, frames, found, session.context.state(Vocabulary))


def _with_cells(packets: Any, frames: Any, found: dict[int, Cells], vocabulary: Vocabulary) -> pa.RecordBatch:
    columns = {}
    for name in Cells._fields:
        said = {frame: getattr(cells, name) for frame, cells in found.items()}
        known = {frame: value for frame, value in said.items() if value is not None}
        rows = np.searchsorted(frames, np.array(list(known), np.uint64))
        columns[name] = rows, list(known.values())
    return batch_with_cells("packets", packets, columns, vocabulary)

"""One pass over a capture: blocks of frames to decoded blocks, with the one state that crosses blocks.

Strategy: see `analysis.pipeline.session` for why a capture may be decoded twice. A pass knows when another one is
needed; `analysis.pipeline.runner` makes as many as that.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from analysis.keys.remote_parties import remote_parties
from analysis.pipeline.blocks import decode_block, exchange_batches, message_batches
from analysis.pipeline.ceilings import notes
from analysis.pipeline.certificates import certificate_rows
from analysis.pipeline.columns import stateless_layers
from analysis.pipeline.dlms_streams import finish_dlms_streams
from analysis.pipeline.holding import HeldBlocks
from analysis.pipeline.keytable import key_rows
from analysis.pipeline.prefetch import CaptureProgress, PrefetchReader
from analysis.pipeline.session import Hindsight, Session
from analysis.pipeline.source import ReopenableSource
from analysis.tables.arrow import batch_of
from analysis.tables.schema import TABLES
from captures import CaptureFacts, FrameBlock
from captures.block import BLOCK_FRAMES, cut
from dissectors import Keyring
from dissectors.zigbee import StatelessLayers

__all__ = ["DECODED_TABLES", "CapturePass", "DecodePass", "DecodedBlock", "Progress"]

DECODED_TABLES = tuple(name for name in TABLES if name != "findings")
"""The tables that decoding gives; findings come from `analysis.engine.checking.check`."""

FIRST_LOOK, SECOND_LOOK = 1024, 8192
"""After so many frames, and at the end of the block that has so many, a pass is given up if hindsight would
open more of them: the next one knows what they teach, and the capture need not be read to its end twice. Nearly
every capture needs it, whose first secured messages come from devices that have not said yet which EUI-64 is theirs."""
LONG = 100_000
"""Frames from which on a limit leaves enough to be read ahead."""
Progress = Callable[[int, int | None, int], None]
"""Called after each block with octets read, octets of the file (None when unknown) and frames so far."""


@dataclass(slots=True, eq=False, repr=False)
class DecodedBlock:
    """What decoding made of some frames that follow each other.

    Attributes:
        batches: Arrow record batches by table, of the wanted tables that have rows. A sink that derives a table adds its
            batch, for the sinks behind it.
        decode_pass: the pass that it belongs to, with its session.
        frames: frames decoded so far, its own among them.
        last: the pass ends with it. It has no frames, but the messages that the end completed, and `devices`,
            `certificates` and `keys`.
    """

    batches: dict[str, Any]
    decode_pass: DecodePass
    frames: int
    last: bool = False


class DecodePass:
    """One pass over frames, from block to block: the state that crosses blocks, and what decoding makes of it.

    Args:
        name: of the capture, for the tables.
        keyring: keys to try; copied.
        tables: the tables that are wanted.
        hindsight: what an earlier pass over the same capture taught.
        final: no other pass will follow, whatever is learnt.

    Attributes:
        session: state so far; its `hindsight` says whether another pass would open more.
        waiting: blocks that wait for messages which began in them.
        superseded: it is known already that another pass is needed, so that what this one gives does not count.
        facts: about the capture; complete at its end.
    """

    def __init__(
        self,
        name: str,
        keyring: Keyring | None = None,
        *,
        tables: Iterable[str] = DECODED_TABLES,
        hindsight: Hindsight | None = None,
        final: bool = False,
    ) -> None:
        self.hindsight = hindsight
        self.final = final
        self.facts = CaptureFacts(name=name)
        self.session = Session(keyring, capture=name, tables=tables, hindsight=hindsight)
        self.superseded = False
        self.waiting = HeldBlocks()
        self._learnt = (0, 0)

    def decoded(
        self, block: FrameBlock, progress: CaptureProgress, stateless: StatelessLayers | None = None
    ) -> DecodedBlock:
        """What decoding makes of the next frames.

        Args:
            block: the frames.
            progress: what the capture itself said up to them.
            stateless: their stateless layers, where these were read ahead.
        """
        self.session.learn_secrets(progress.secrets)
        batches = decode_block(block, self.session, stateless)
        self._look_at_what_is_learnt()
        return DecodedBlock(batches, self, self.session.frames)

    def ended(self, progress: CaptureProgress) -> DecodedBlock:
        """What the capture's end adds."""
        finish_dlms_streams(self.session)
        self.session.learn_secrets(progress.secrets)
        self.session.names = progress.names
        facts = progress.facts
        self.facts = replace(facts, name=self.facts.name, notes=[*facts.notes, *notes(self.session)])
        batches = message_batches(self.session) | exchange_batches(self.session) | self.snapshot_tables()
        return DecodedBlock(batches, self, self.session.frames, last=True)

    def snapshot_tables(self) -> dict[str, Any]:
        """The batches of `devices`, `certificates` and `keys` as they stand after the frames read so far."""
        session, out = self.session, {}
        if session.wants("devices"):
            keyring = session.context.keyring
            rows = session.radios.rows(
                session.context.addresses, keyring.devices, session.names, remote_parties(keyring)
            )
            out["devices"] = batch_of("devices", rows, session.refuse)
        if session.wants("certificates"):
            out["certificates"] = batch_of("certificates", certificate_rows(session), session.refuse)
        if session.wants("keys"):
            out["keys"] = batch_of("keys", key_rows(session), session.refuse)
        return out

    def _look_at_what_is_learnt(self) -> None:
        """Nothing but what is learnt can ask for another pass before the capture's end."""
        learnt = (len(self.session.context.keyring.keys), len(self.session.context.addresses.first))
        if learnt != self._learnt:
            self._learnt = learnt
            self.superseded = self.superseded or self.needs_another_pass

    @property
    def needs_another_pass(self) -> bool:
        """Whether hindsight would open more, as far as the pass has got."""
        found = self.session.hindsight()
        return self.superseded or (not self.final and found is not None and found != self.hindsight)


class CapturePass(DecodePass):
    """A pass over a capture from its start: an iterable of decoded blocks, to be iterated once.

    Memory is bounded by one block and the session's state. For the arguments see `DecodePass` and
    `analysis.pipeline.runner.run_passes`.
    """

    def __init__(
        self,
        replay: ReopenableSource,
        keyring: Keyring | None = None,
        *,
        limit: int | None = None,
        progress: Progress | None = None,
        block_frames: int | None = None,
        prefetch: bool = True,
        tables: Iterable[str] = DECODED_TABLES,
        hindsight: Hindsight | None = None,
        final: bool = False,
    ) -> None:
        super().__init__(replay.name, keyring, tables=tables, hindsight=hindsight, final=final)
        self.replay = replay
        self.prefetch = prefetch
        self.limit = limit
        self.report = progress
        self.block_frames = block_frames
        looks = (SECOND_LOOK,) if hindsight else (FIRST_LOOK, SECOND_LOOK)
        self.looks = [frames for frames in looks if limit is None or limit > frames]

    def __iter__(self) -> Iterator[DecodedBlock]:
        look = FIRST_LOOK if FIRST_LOOK in self.looks else None
        with self.replay.open_merged() as capture:
            self.facts.format = capture.format  # the rest when it has been read
            short = (self.block_frames or BLOCK_FRAMES) < BLOCK_FRAMES
            alone = not self.prefetch or short or (self.limit or LONG) < LONG
            read = partial(stateless_layers, session=self.session)
            alone = alone or self.replay.merging is not None
            prefetched = PrefetchReader(capture, self.replay, read, alone=alone, look=look)
            with closing(_limited(prefetched, self.limit, self.block_frames)) as blocks:
                for block, stateless in blocks:
                    progress = prefetched.progress
                    yield from self.waiting.take(self.decoded(block, progress, stateless), self.session)
                    if self._looked_at_in_vain():
                        return
                    if self.report is not None:
                        self.report(progress.position, capture.size, self.session.frames)
            last = self.ended(prefetched.progress)
        yield from self.waiting.leaving(self.session)
        yield last

    def _looked_at_in_vain(self) -> bool:
        """Whether it is time to look, and another pass is found to be needed anyhow."""
        due = [frames for frames in self.looks if self.session.frames >= frames]
        del self.looks[: len(due)]
        return bool(due) and self.needs_another_pass


def _limited(
    blocks: Iterable[tuple[FrameBlock, StatelessLayers | None]], limit: int | None, size: int | None
) -> Generator[tuple[FrameBlock, StatelessLayers | None]]:
    """The blocks up to `limit` frames, none longer than `size`; whole ones with their stateless layers."""
    seen = 0
    for block, stateless in blocks:
        start = 0
        while start < len(block):
            stop = min(start + (size or len(block)), len(block))
            if limit is not None:
                stop = min(stop, start + limit - seen)
            whole = (start, stop) == (0, len(block))
            yield (block, stateless) if whole else (cut(block, start, stop), None)
            seen += stop - start
            start = stop
            if seen == limit:
                return

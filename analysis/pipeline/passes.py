"""The pass runner: a capture is decoded as often as hindsight asks for, and what decoding gives is handed to sinks.

Strategy: see `analysis.pipeline.session` for why a capture may be read twice. `DecodePass` is one pass, with the one
state that crosses blocks; `run_passes` makes passes (nearly always two, the first of them given up early) until one knew
from its start all that would open more, and feeds sinks with it: tables, statistics, rules, a report, a file. A sink is
told when a pass begins anew, gets each decoded block, and is told of the end; docs/architecture.md says how to write one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from analysis.keys.parties import remote_parties
from analysis.pipeline.ahead import Ahead
from analysis.pipeline.blocks import decode_block, message_batches
from analysis.pipeline.ceilings import notes
from analysis.pipeline.certificates import certificate_rows
from analysis.pipeline.columns import outer_layers
from analysis.pipeline.conversations import finish_conversations
from analysis.pipeline.keytable import key_rows
from analysis.pipeline.session import Hindsight, Session
from analysis.pipeline.source import Replay, Source
from analysis.tables.arrow import batch_of
from analysis.tables.schema import TABLES
from captures import CaptureFacts, FrameBlock
from captures.block import BLOCK_FRAMES, cut
from dissectors.keyring import Keyring
from dissectors.zigbee.outer import Outer

__all__ = ["DECODED_TABLES", "DecodePass", "DecodedBlock", "Progress", "Sink", "run_passes"]

DECODED_TABLES = tuple(name for name in TABLES if name != "findings")
"""The tables that decoding gives; findings come from `analysis.engine.checking.check`."""

FIRST_LOOK, SECOND_LOOK = 1024, 8192
"""After so many frames, and at the end of the block that has so many, a pass is given up if hindsight would
open more of them: the next one knows what they teach, and the capture need not be read to its end twice. Nearly
every capture needs it, whose first secured messages come from devices that have not said yet which EUI-64 is theirs."""
LONG = 100_000
"""Frames from which on a limit leaves enough to be read ahead."""
PASSES = 6
"""Passes over a capture at most, two of which are given up early: every further one needs a key that the one before
taught."""

Progress = Callable[[int, int | None, int], None]
"""Called after each block with octets read, octets of the file (None when unknown) and frames so far."""


@dataclass(slots=True, eq=False, repr=False)
class DecodedBlock:
    """What decoding made of some frames that follow each other.

    Attributes:
        batches: Arrow record batches by table, of the wanted tables that have rows. A sink that derives a table adds its
            batch, for the sinks behind it.
        decode_pass: the pass that it belongs to, with its session.
        last: the pass ends with it. It has no frames, but the messages that the end completed, and `devices`,
            `certificates` and `keys`.
    """

    batches: dict[str, Any]
    decode_pass: DecodePass
    last: bool = False

    @property
    def frames(self) -> int:
        """Frames decoded so far, its own among them."""
        return self.decode_pass.session.frames


class Sink:
    """Takes what decoding gives. To be subclassed; what a sink does not care for it leaves out.

    Attributes:
        tables: the tables that it reads; None for all.
    """

    tables: tuple[str, ...] | None = None

    def restart(self, decode_pass: DecodePass) -> None:
        """A pass begins: what an earlier one gave does not count any more."""

    def take(self, block: DecodedBlock) -> None:
        """The next block of the pass."""

    def end(self, decode_pass: DecodePass) -> None:
        """The last pass was this one, and it has given everything."""

    def abandon(self) -> None:
        """The run broke off, with an error or an interruption: let go of what is not finished."""


class DecodePass:
    """One pass over a capture: an iterable of decoded blocks, to be iterated once.

    Memory is bounded by one block and the session's state.

    Attributes:
        session: state so far; its `hindsight` says whether another pass would open more.
        superseded: it is known already that another pass is needed, so that what this one gives does not count.
        facts: about the capture.
    """

    def __init__(
        self,
        replay: Replay,
        keyring: Keyring | None = None,
        *,
        limit: int | None = None,
        progress: Progress | None = None,
        tables: Iterable[str] | None = None,
        hindsight: Hindsight | None = None,
        block_frames: int | None = None,
        final: bool = False,
        ahead: bool = True,
    ) -> None:
        self.replay = replay
        self.hindsight = hindsight
        self.final = final
        self.ahead = ahead
        self.limit = limit
        self.progress = progress
        self.block_frames = block_frames
        looks = (SECOND_LOOK,) if hindsight else (FIRST_LOOK, SECOND_LOOK)
        self.looks = [frames for frames in looks if limit is None or limit > frames]
        self.facts = CaptureFacts(name=replay.name)
        self.session = Session(
            keyring,
            capture=replay.name,
            tables=DECODED_TABLES if tables is None else tables,
            hindsight=hindsight,
        )
        self.superseded = False
        self._learnt = (0, 0)

    def __iter__(self) -> Iterator[DecodedBlock]:
        look = FIRST_LOOK if FIRST_LOOK in self.looks else None
        with self.replay.open_merged() as capture:
            self.facts.format = capture.format  # the rest when it has been read
            short = (self.block_frames or BLOCK_FRAMES) < BLOCK_FRAMES
            alone = not self.ahead or short or (self.limit or LONG) < LONG
            read = partial(outer_layers, session=self.session)
            alone = alone or self.replay.merging is not None
            ahead = Ahead(capture, self.replay, read, alone=alone, look=look)
            with closing(_limited(ahead, self.limit, self.block_frames)) as blocks:
                for block, outer in blocks:
                    said = ahead.said
                    self.session.learn_secrets(said.secrets)
                    for batches in decode_block(block, self.session, outer):
                        self._look_at_what_is_learnt()
                        yield DecodedBlock(batches, self)
                    if self._looked_at_in_vain():
                        return
                    if self.progress is not None:
                        self.progress(said.position, capture.size, self.session.frames)
            finish_conversations(self.session)
            said = ahead.said
            self.session.learn_secrets(said.secrets)
            self.session.names = said.names
            facts = said.facts
            self.facts = replace(facts, name=self.replay.name, notes=[*facts.notes, *notes(self.session)])
        yield DecodedBlock(message_batches(self.session) | self.snapshot_tables(), self, last=True)

    def _looked_at_in_vain(self) -> bool:
        """Whether it is time to look, and another pass is found to be needed anyhow."""
        due = [frames for frames in self.looks if self.session.frames >= frames]
        del self.looks[: len(due)]
        return bool(due) and self.needs_another_pass

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


def _limited(
    blocks: Iterable[tuple[FrameBlock, Outer | None]], limit: int | None, size: int | None
) -> Generator[tuple[FrameBlock, Outer | None]]:
    """The blocks up to `limit` frames, none longer than `size`; whole ones with their outer layers."""
    seen = 0
    for block, outer in blocks:
        start = 0
        while start < len(block):
            stop = min(start + (size or len(block)), len(block))
            if limit is not None:
                stop = min(stop, start + limit - seen)
            whole = (start, stop) == (0, len(block))
            yield (block, outer) if whole else (cut(block, start, stop), None)
            seen += stop - start
            start = stop
            if seen == limit:
                return


def run_passes(
    source: Source | Replay,
    keyring: Keyring | None = None,
    *sinks: Sink,
    limit: int | None = None,
    progress: Progress | None = None,
    tables: Iterable[str] | None = None,
    block_frames: int | None = None,
    ahead: bool = True,
) -> DecodePass:
    """Decode `source` into `sinks`, which are fed in their order; the pass that counts, with its session and facts.

    Args:
        source: path, ``-`` for stdin, open binary file, or a `Replay` (which stays open).
        keyring: keys to try; what the capture teaches is learnt besides, also for frames before it.
        sinks: fed with each block of the pass that counts, and of earlier ones up to where it shows that they do not.
        limit: stop after so many records.
        progress: called after each block.
        tables: the tables wanted; those that the sinks read by default.
        block_frames: records decoded at a time, at most.
        ahead: another process may read ahead (`analysis.pipeline.ahead`); not for those who keep a second processor busy.

    Raises:
        CaptureError: the capture cannot be read at all.
    """
    wanted = _read_by(sinks) if tables is None else tuple(tables)
    hindsight: Hindsight | None = None
    with nullcontext(source) if isinstance(source, Replay) else Replay(source) as replay, abandoning(sinks):
        for number in range(1, PASSES + 1):
            one = DecodePass(
                replay, keyring, limit=limit, progress=progress, tables=wanted, hindsight=hindsight,
                block_frames=block_frames, final=number == PASSES, ahead=ahead,
            )  # fmt: skip
            for sink in sinks:
                sink.restart(one)
            for block in one:
                if not one.superseded:
                    for sink in sinks:
                        sink.take(block)
            if not one.needs_another_pass:
                break
            hindsight = one.session.hindsight()
        for sink in sinks:
            sink.end(one)
    return one


@contextmanager
def abandoning(sinks: Iterable[Sink]) -> Iterator[None]:
    """Tell the sinks when what is done within breaks off."""
    try:
        yield
    except BaseException:
        for sink in sinks:
            sink.abandon()
        raise


def _read_by(sinks: Iterable[Sink]) -> tuple[str, ...]:
    """The tables that any of the sinks reads."""
    read: set[str] = set()
    for sink in sinks:
        read |= set(DECODED_TABLES if sink.tables is None else sink.tables)
    return tuple(name for name in DECODED_TABLES if name in read)

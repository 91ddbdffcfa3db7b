"""Capture and keyring to tables: `decode` for pandas, `Reading` for a stream of Arrow batches.

Strategy: see `analysis.pipeline.session` for why a capture may be read twice. `Reading` makes one pass; `readings`
gives as many passes as hindsight asks for (two, nearly always one). Only the last one counts.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

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
from analysis.pipeline.uncollected import uncollected
from analysis.tables.arrow import batch_of, empty_table, shown
from analysis.tables.schema import TABLES
from captures import CaptureFacts, FrameBlock, Lost
from captures.block import BLOCK_FRAMES, cut
from dissectors.keyring import Keyring
from dissectors.printable import printable
from dissectors.zigbee.outer import Outer

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "DECODED_TABLES",
    "CaptureFacts",
    "Decoded",
    "Progress",
    "Reading",
    "Session",
    "decode",
    "readings",
]

DECODED_TABLES = tuple(name for name in TABLES if name != "findings")
"""The tables that decoding gives; findings come from `analysis.engine.checking.check`."""

FIRST_LOOK, SECOND_LOOK = 1024, 8192
"""After so many frames, and at the end of the block that has so many, a reading is given up if hindsight would
open more of them: the next one knows what they teach, and the capture need not be read to its end twice. Nearly
every capture needs it, whose first secured messages come from devices that have not said yet which EUI-64 is theirs."""
LONG = 100_000
"""Frames from which on a limit leaves enough to be read ahead."""
PASSES = 6
"""Readings of a capture at most, two of which are given up early: every further one needs a key that the one before
taught."""

Progress = Callable[[int, int | None, int], None]
"""Called after each block with octets read, octets of the file (None when unknown) and frames so far."""


class Reading:
    """One pass over a capture: an iterable of (table, record batch), to be iterated once.

    The batches of `devices`, `certificates` and `keys` come last. Memory is bounded by one block and the session's state.

    Attributes:
        session: state so far; its `hindsight` says whether another pass would open more.
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

    def __iter__(self) -> Iterator[tuple[str, Any]]:
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
                    yield from decode_block(block, self.session, outer).items()
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
        yield from message_batches(self.session).items()
        yield from self.standing().items()

    def _looked_at_in_vain(self) -> bool:
        """Whether it is time to look, and another reading is found to be needed anyhow."""
        due = [frames for frames in self.looks if self.session.frames >= frames]
        del self.looks[: len(due)]
        return bool(due) and self.superseded

    def standing(self) -> dict[str, Any]:
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

    @property
    def superseded(self) -> bool:
        """Whether another reading will be asked for, as far as it has got: then this one does not count."""
        found = self.session.hindsight()
        return not self.final and found is not None and found != self.hindsight


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


def readings(
    source: Source | Replay,
    keyring: Keyring | None = None,
    *,
    limit: int | None = None,
    progress: Progress | None = None,
    tables: Iterable[str] | None = None,
    block_frames: int | None = None,
    ahead: bool = True,
) -> Iterator[Reading]:
    """Readings of `source`: consume one fully, then take the next; when there is none, the last one counts.

    `ahead`: another process may read ahead (`analysis.pipeline.ahead`); not for those who keep a second processor busy.

    Raises:
        CaptureError: (while a reading is iterated) the capture cannot be read at all.
    """
    wanted = None if tables is None else tuple(tables)
    own = not isinstance(source, Replay)
    replay = Replay(source) if not isinstance(source, Replay) else source
    hindsight: Hindsight | None = None
    try:
        for number in range(1, PASSES + 1):
            reading = Reading(
                replay,
                keyring,
                limit=limit,
                progress=progress,
                tables=wanted,
                hindsight=hindsight,
                block_frames=block_frames,
                final=number == PASSES,
                ahead=ahead,
            )
            yield reading
            if not reading.superseded:
                return
            hindsight = reading.session.hindsight()
    finally:
        if own:
            replay.close()


class Decoded:
    """A decoded capture: its tables as pandas frames with Arrow dtypes, made when first asked for.

    A frame is for people: its texts are printable (`dissectors.printable`), so that a notebook or a terminal may
    show it. `table` has them as they were sent.

    Attributes:
        facts: about the capture.
        session: the state at its end (keys learnt, addresses).
        issues: troubles with the capture as a whole, in sentences.
    """

    def __init__(self, arrow: dict[str, Any], facts: CaptureFacts, session: Session) -> None:
        self.arrow = arrow
        self.facts = facts
        self.session = session
        self._frames: dict[str, pd.DataFrame] = {}

    @property
    def capture(self) -> str:
        """Name of the capture."""
        return self.facts.name

    @property
    def lost(self) -> list[Lost]:
        """What of the capture could not be read."""
        return self.facts.lost

    @property
    def issues(self) -> list[str]:
        """Troubles with the capture as a whole."""
        found = [f"offset 0x{one.offset:x}: {one.text}" for one in self.lost]
        for where, count in sorted(self.session.refused.items()):
            found.append(f"{where}: {count} values did not fit their column and are null")
        if self.session.certificates_forgotten:
            found.append(
                f"certificates: {self.session.certificates_forgotten:,} more were seen and are not listed"
            )
        return found

    def table(self, name: str) -> Any:
        """A table as `pyarrow.Table`."""
        return self.arrow[name]

    def frame(self, name: str) -> pd.DataFrame:
        """A table as pandas frame with Arrow dtypes (64-bit addresses stay whole numbers)."""
        if name not in self._frames:
            with uncollected():
                import pandas as pd

            self._frames[name] = shown(self.arrow[name]).to_pandas(types_mapper=pd.ArrowDtype)
        return self._frames[name]

    @property
    def packets(self) -> pd.DataFrame:
        """One row a record of the capture."""
        return self.frame("packets")

    @property
    def attributes(self) -> pd.DataFrame:
        """One row a ZCL attribute value."""
        return self.frame("attributes")

    @property
    def commands(self) -> pd.DataFrame:
        """One row a field of a command."""
        return self.frame("commands")

    @property
    def messages(self) -> pd.DataFrame:
        """One row a GBCS or DLMS message."""
        return self.frame("messages")

    @property
    def items(self) -> pd.DataFrame:
        """One row a value inside a message."""
        return self.frame("items")

    @property
    def certificates(self) -> pd.DataFrame:
        """One row a certificate that was given or that a message carried."""
        return self.frame("certificates")

    @property
    def devices(self) -> pd.DataFrame:
        """One row a radio."""
        return self.frame("devices")

    @property
    def keys(self) -> pd.DataFrame:
        """One row a key held or learnt; never its octets."""
        return self.frame("keys")

    def __repr__(self) -> str:
        counts = ", ".join(f"{name}: {len(table)}" for name, table in self.arrow.items())
        return printable(f"<Decoded {self.capture}: {counts}>")


def decode(
    source: Source | Replay,
    keyring: Keyring | None = None,
    *,
    limit: int | None = None,
    progress: Progress | None = None,
    tables: Iterable[str] | None = None,
    block_frames: int | None = None,
) -> Decoded:
    """Decode a capture to tables.

    Args:
        source: path, ``-`` for stdin, open binary file, or a `Replay` (which stays open).
        keyring: keys to try; what the capture teaches is learnt besides, also for frames before it.
        limit: stop after so many records.
        progress: called after each block.
        tables: names of the tables wanted; all of `DECODED_TABLES` by default. The others stay empty.
        block_frames: records decoded at a time, at most; the result does not depend on it.

    Raises:
        CaptureError: the capture cannot be read at all. What can be read in part is, and `Decoded.lost` says
            what could not.
    """
    import pyarrow as pa

    options: dict[str, Any] = {"limit": limit, "progress": progress, "tables": tables}
    for reading in readings(source, keyring, block_frames=block_frames, **options):
        batches: dict[str, list[Any]] = {name: [] for name in DECODED_TABLES}
        for table, batch in reading:
            batches[table].append(batch)
        last = reading
    arrow = {
        name: pa.Table.from_batches(found).unify_dictionaries() if found else empty_table(name)
        for name, found in batches.items()
    }
    return Decoded(arrow, last.facts, last.session)

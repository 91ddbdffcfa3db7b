"""Capture and keyring to tables in memory: `decode` for pandas and Arrow, `TableSink` for who runs passes himself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from analysis.keys.homes import keys_of_home
from analysis.pipeline.kept import KeptMessage, KeptMessages
from analysis.pipeline.passes import DECODED_TABLES, DecodedBlock, DecodePass, Progress
from analysis.pipeline.runner import run_passes
from analysis.pipeline.session import Session
from analysis.pipeline.sinks import Sink
from analysis.pipeline.source import ReopenableSource, Source
from analysis.tables import html
from analysis.tables.addresses import with_addresses
from analysis.tables.arrow import empty_table
from analysis.tables.frames import Frames
from captures import CaptureFacts, Lost
from dissectors import Keyring
from dissectors.text import printable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DECODED_TABLES", "CaptureFacts", "Decoded", "Progress", "Session", "TableSink", "decode"]


class TableSink(Sink):
    """Keeps the record batches of a pass.

    Attributes:
        batches: by table, in their order.
    """

    def __init__(self, tables: Iterable[str] | None = None) -> None:
        self.tables = None if tables is None else tuple(tables)
        self.batches: dict[str, list[Any]] = {}

    def restart(self, decode_pass: DecodePass) -> None:
        self.batches = {}

    def take(self, block: DecodedBlock) -> None:
        for table, batch in block.batches.items():
            if self.tables is None or table in self.tables:
                self.batches.setdefault(table, []).append(batch)

    def snapshot(self) -> Any:
        return {table: len(found) for table, found in self.batches.items()}

    def rewind(self, decode_pass: DecodePass, saved: Any) -> None:
        for table, found in self.batches.items():
            del found[saved.get(table, 0) :]

    def table(self, name: str) -> Any:
        """A table as `pyarrow.Table`, empty where nothing was decoded."""
        import pyarrow as pa

        found = self.batches.get(name)
        return pa.Table.from_batches(found).unify_dictionaries() if found else empty_table(name)


class MessageSink(Sink):
    """Keeps some messages.

    Attributes:
        kept: those that the capture has, in order; none before its end.
    """

    tables = ("messages",)

    def __init__(self, numbers: Iterable[int]) -> None:
        self.numbers = set(numbers)
        self.kept: list[KeptMessage] = []

    def restart(self, decode_pass: DecodePass) -> None:
        decode_pass.session.kept = KeptMessages(self.numbers)

    def end(self, decode_pass: DecodePass) -> None:
        self.kept = decode_pass.session.kept.found


class Decoded(Frames):
    """A decoded capture: its tables as pandas frames with Arrow dtypes, made when first asked for.

    A frame is for people: its texts are printable (`dissectors.text.display`), so that a notebook or a terminal may
    show it. `table` has them as they were sent. In both, addresses are hex digits.

    Attributes:
        arrow: the tables as rules take them (`analysis.engine.checking.check`), addresses as numbers.
        facts: about the capture.
        session: the state at its end (keys learnt, addresses).
        issues: troubles with the capture as a whole, in sentences.
    """

    def __init__(self, arrow: dict[str, Any], facts: CaptureFacts, session: Session) -> None:
        super().__init__()
        self.arrow = arrow
        self.facts = facts
        self.session = session

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
        """A table as `pyarrow.Table`, with texts as they were sent and addresses as text, dictionary-encoded."""
        return with_addresses(name, self.arrow[name]).unify_dictionaries()

    def frame(self, name: str) -> pd.DataFrame:
        """A table as pandas frame with Arrow dtypes; texts are plain strings, for which pandas has `.str`."""
        return self._frame(name)

    def _content(self, name: str) -> Any:
        return self.arrow[name]

    def __repr__(self) -> str:
        counts = ", ".join(f"{name}: {len(table)}" for name, table in self.arrow.items())
        return printable(f"<Decoded {self.capture}: {counts}>")

    def _repr_html_(self) -> str:
        counts = [(name, f"{len(table):,}") for name, table in self.arrow.items()]
        told = html.block(self.issues) if self.issues else ""
        return html.heading(self.capture) + html.rows_table(("table", "rows"), counts) + told


def decode(
    source: Source | ReopenableSource,
    keyring: Keyring | None = None,
    *,
    limit: int | None = None,
    progress: Progress | None = None,
    tables: Iterable[str] | None = None,
    block_frames: int | None = None,
    sinks: Sequence[Sink] = (),
) -> Decoded:
    """Decode a capture to tables.

    Args:
        source: path, ``-`` for stdin, open binary file, a simulated network, captured frames, or a `ReopenableSource`
            (which stays open).
        keyring: keys to try; what the capture teaches is learnt besides, also for frames before it. Of a simulated
            network its own keys unless others are given.
        limit: stop after so many records.
        progress: called after each block.
        tables: names of the tables wanted; all of `DECODED_TABLES` by default. The others stay empty.
        block_frames: records decoded at a time, at most; the result does not depend on it.
        sinks: that take what is decoded besides.

    Raises:
        CaptureError: the capture cannot be read at all. What can be read in part is, and `Decoded.lost` says
            what could not.

    >>> from captures.simulated.scenarios import simulate
    >>> decode(simulate("ordinary-day", seconds=120)).packets.nwk_security.dropna().unique().tolist()
    ['ok']
    """
    if keyring is None:
        keyring = keys_of_home(source)
    sink = TableSink(tables)
    last = run_passes(
        source, keyring, sink, *sinks, limit=limit, progress=progress, block_frames=block_frames
    )
    return Decoded({name: sink.table(name) for name in DECODED_TABLES}, last.facts, last.session)

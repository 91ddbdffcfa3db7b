"""`hanscope decode`: the tables of one or many captures, to files or to stdout."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from analysis.cli import console
from analysis.cli.command_line.batch import Batch
from analysis.cli.command_line.choosing import EVERYTHING, ChoiceOptions, behind
from analysis.cli.command_line.forming import row_form
from analysis.cli.command_line.inputs import opened, stem_of
from analysis.pipeline.folder_sink import FolderSink
from analysis.pipeline.passes import DECODED_TABLES, DecodedBlock, DecodePass
from analysis.pipeline.runner import run_passes
from analysis.pipeline.session import Session
from analysis.pipeline.sinks import Sink, StartSink
from analysis.pipeline.source import ReopenableSource
from analysis.pipeline.writer_process import text_beside
from analysis.tables.arrow import codes_of
from analysis.tables.output import FORMATS, TEXTS, Folder, Writers
from analysis.tables.row_form import RowForm
from analysis.tables.schema import columns_of
from analysis.tables.writer_thread import Beside, WriterThread
from captures import CaptureFacts
from dissectors import Keyring

if TYPE_CHECKING:
    from analysis.views.filters import Filter

__all__ = ["run"]

HELD = 64 * 1024 * 1024
SHUT = ("no_key", "bad_mic")


def run(
    captures: Sequence[str],
    keyring: Keyring,
    *,
    out: Path | None,
    format_: str | None,
    tables: Sequence[str],
    limit: int | None,
    strict: bool,
    quiet: bool,
    choice: ChoiceOptions = EVERYTHING,
    columns: str | None = None,
    time: str | None = None,
    jobs: int = 1,
) -> int:
    """Decode `captures`; see `hanscope decode --help` for what the arguments mean."""
    chosen = format_ or ("parquet" if out else "csv")
    if chosen not in FORMATS:
        raise console.UsageError(f"unknown format {chosen!r}", "formats: " + ", ".join(FORMATS))
    wanted = tuple(tables) or (DECODED_TABLES if out else ("packets",))
    unknown = [name for name in wanted if name not in DECODED_TABLES]
    if unknown:
        raise console.UsageError(f"unknown table {unknown[0]!r}", "tables: " + ", ".join(DECODED_TABLES))
    batch: Batch[bool] = Batch(captures, jobs)
    if out is None and (len(wanted) > 1 or len(batch.captures) > 1 or chosen == "parquet"):
        raise console.UsageError("stdout takes one table of one capture, not as parquet", "add --out DIR")
    if out is not None and str(out) == "-":
        raise console.UsageError("--out names a folder", "without --out one table goes to stdout")
    if columns is not None and len(wanted) > 1:
        raise console.UsageError("--columns are those of one table", "add --table NAME")
    known = columns_of(wanted[0])
    places = _places(batch, out)

    def one(capture: str, number: int) -> bool:
        place = places[number]
        with opened(capture) as replay:
            found = choice.filter(replay, keyring, tables[0] if len(tables) == 1 else "packets")
            with console.progress(Path(capture).name, quiet=quiet) as step:
                # The second processor writes what this one reads.
                options: dict[str, Any] = {"limit": limit, "progress": step, "prefetch": False}
                form = row_form(columns, time, choice.tz, known)
                if place is None:
                    sink = StreamSink(chosen, wanted[0], form)
                    shut = _to_stdout(replay, keyring, found, sink, options)
                else:
                    folder = Folder(place, chosen, wanted, form)
                    shut = _to_folder(replay, keyring, found, folder, options, quiet)
        console.tell_losses(shut.last.facts)
        _tell(shut.last.facts, shut.last.session, shut.frames, quiet)
        return bool(shut.last.facts.lost) or bool(shut.frames)

    partly = any(partly for _, partly in list(batch.each(one)))
    return console.UNREADABLE if batch.unreadable else console.PARTLY if strict and partly else console.OK


def _places(batch: Batch[bool], out: Path | None) -> list[Path | None]:
    """One folder a capture: `out` itself for one, folders in it named after the captures for several."""
    if out is None or not batch.many:
        return [out] * len(batch.captures)
    places: list[Path | None] = []
    for capture in batch.captures:
        stem = stem_of(capture)
        place, count = out / stem, 1
        while place in places:
            count += 1
            place = out / f"{stem}-{count}"
        places.append(place)
    return places


class ShutSink(Sink):
    """Counts the frames some layer of which was not opened.

    Attributes:
        frames: so far.
        last: the pass that counts.
    """

    tables = ("packets",)
    last: DecodePass

    def restart(self, decode_pass: DecodePass) -> None:
        self.frames = 0

    def take(self, block: DecodedBlock) -> None:
        packets = block.batches.get("packets")
        if packets is not None:
            layers = [codes_of(packets.column(f"{layer}_security"), SHUT) for layer in ("mac", "nwk", "aps")]
            self.frames += int((layers[0] | layers[1] | layers[2]).sum())

    def end(self, decode_pass: DecodePass) -> None:
        self.last = decode_pass


class StreamSink(Sink):
    """Writes one table into a temporary file that is open; what a pass wrote in vain is cut off."""

    file: tempfile.SpooledTemporaryFile[bytes]

    def __init__(self, format_: str, table: str, form: RowForm | None) -> None:
        self.table, self.form = table, form
        self.tables = (table,)
        self._format = format_
        self._beside: Beside | None = None

    def restart(self, decode_pass: DecodePass) -> None:
        self.abandon()
        self.file.seek(0)
        self.file.truncate()
        self._writers = Writers(self._format, {self.table: cast(IO[bytes], self.file)}, self.form)
        beside = text_beside(decode_pass) if self._format in TEXTS else WriterThread
        if beside is not WriterThread:
            self.file.rollover()  # another process sees what is on disk only
        self._beside = beside(self._writers)

    def take(self, block: DecodedBlock) -> None:
        if self.table in block.batches and self._beside is not None:
            self._writers.send(self._beside, self.table, block.batches[self.table])

    def end(self, decode_pass: DecodePass) -> None:
        if self._beside is not None:
            self._beside.finish()

    def abandon(self) -> None:
        if self._beside is not None:
            self._beside.drop()


def _starting(form: RowForm | None) -> tuple[Sink, ...]:
    return () if form is None else (StartSink(form),)


def _to_folder(
    replay: ReopenableSource,
    keyring: Keyring,
    chosen: Filter | None,
    folder: Folder,
    options: dict[str, Any],
    quiet: bool,
) -> ShutSink:
    shut, sink = ShutSink(), FolderSink(folder)
    run_passes(replay, keyring, shut, *_starting(folder.form), *behind(chosen, sink), **options)
    for place in sink.places:
        if not quiet:
            console.say(f"{place}: {sink.rows[place.stem]:,} rows")
    return shut


def _to_stdout(
    replay: ReopenableSource,
    keyring: Keyring,
    chosen: Filter | None,
    sink: StreamSink,
    options: dict[str, Any],
) -> ShutSink:
    # What went out cannot be taken back, so rows wait on disk until no further pass is needed.
    with tempfile.SpooledTemporaryFile(max_size=HELD) as spool:
        shut = ShutSink()
        sink.file = spool
        run_passes(replay, keyring, shut, *_starting(sink.form), *behind(chosen, sink), **options)
        spool.seek(0)
        shutil.copyfileobj(spool, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    return shut


def _tell(facts: CaptureFacts, session: Session, shut: int, quiet: bool) -> None:
    for where, count in session.refused.items():
        console.say(f"warning: {facts.name}: {where}: {count} values did not fit and are null")
    if shut and not quiet:
        console.say(
            f"note: {facts.name}: {shut:,} of {session.frames:,} frames stayed shut (hanscope keys says why)"
        )

"""`hanscope decode`: the tables of one or many captures, to files or to stdout."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from analysis.cli import console
from analysis.cli.command_line.batch import Batch
from analysis.pipeline.decode import DECODED_TABLES, Reading, readings
from analysis.pipeline.session import Session
from analysis.tables.arrow import codes_of
from analysis.tables.output import FORMATS, Folder
from analysis.tables.scribe import Scribe
from captures import CaptureFacts
from dissectors.keyring import Keyring

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
) -> int:
    """Decode `captures`; see `hanscope decode --help` for what the arguments mean."""
    chosen = format_ or ("parquet" if out else "csv")
    if chosen not in FORMATS:
        raise console.UsageError(f"unknown format {chosen!r}", "formats: " + ", ".join(FORMATS))
    wanted = tuple(tables) or (DECODED_TABLES if out else ("packets",))
    unknown = [name for name in wanted if name not in DECODED_TABLES]
    if unknown:
        raise console.UsageError(f"unknown table {unknown[0]!r}", "tables: " + ", ".join(DECODED_TABLES))
    if out is None and (len(wanted) > 1 or len(captures) > 1 or chosen == "parquet"):
        raise console.UsageError("stdout takes one table of one capture, not as parquet", "add --out DIR")
    partly, batch = False, Batch(captures)
    for capture, place in zip(captures, _places(captures, out), strict=True):
        with batch.reading():
            with console.progress(Path(capture).name, quiet=quiet) as step:
                options: dict[str, Any] = {"limit": limit, "progress": step, "tables": (*wanted, "packets")}
                options["ahead"] = False  # the second processor writes what this one reads
                if place is None:
                    last, shut = _to_stdout(capture, keyring, chosen, wanted[0], options)
                else:
                    last, shut = _to_folder(capture, keyring, Folder(place, chosen, wanted), options, quiet)
            console.tell_losses(last.facts)
            _tell(last.facts, last.session, shut, quiet)
            partly = partly or bool(last.facts.lost) or bool(shut)
    return console.UNREADABLE if batch.unreadable else console.PARTLY if strict and partly else console.OK


def _places(captures: Sequence[str], out: Path | None) -> list[Path | None]:
    """One folder a capture: `out` itself for one, folders in it named after the captures for several."""
    if out is None or len(captures) == 1:
        return [out] * len(captures)
    places: list[Path | None] = []
    for capture in captures:
        stem = Path(capture).name.split(".")[0] or "capture"
        place, count = out / stem, 1
        while place in places:
            count += 1
            place = out / f"{stem}-{count}"
        places.append(place)
    return places


def _to_folder(
    capture: str, keyring: Keyring, folder: Folder, options: dict[str, Any], quiet: bool
) -> tuple[Reading, int]:
    try:
        for reading in readings(capture, keyring, **options):
            folder.begin()
            shut, rows = 0, dict.fromkeys(folder.tables, 0)
            for table, batch in reading:
                shut += _shut(table, batch)
                rows[table] = rows.get(table, 0) + len(batch)
                folder.write(table, batch)
        for place in folder.finish():
            if not quiet:
                console.say(f"{place}: {rows[place.stem]:,} rows")
    except BaseException:
        folder.abandon()
        raise
    return reading, shut


def _to_stdout(
    capture: str, keyring: Keyring, format_: str, table: str, options: dict[str, Any]
) -> tuple[Reading, int]:
    # What went out cannot be taken back, so rows wait on disk until no further reading is needed.
    with tempfile.SpooledTemporaryFile(max_size=HELD) as spool:
        for reading in readings(capture, keyring, **options):
            spool.seek(0)
            spool.truncate()
            writer = FORMATS[format_][1](spool, table)
            scribe, shut = Scribe(), 0
            try:
                for name, batch in reading:
                    shut += _shut(name, batch)
                    if name == table:
                        scribe.do(partial(writer.write, batch))
                scribe.finish()
            finally:
                scribe.drop()
            writer.close()
        spool.seek(0)
        shutil.copyfileobj(spool, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    return reading, shut


def _shut(table: str, batch: Any) -> int:
    """Frames some layer of which was not opened."""
    if table != "packets":
        return 0
    layers = [codes_of(batch.column(f"{layer}_security"), SHUT) for layer in ("mac", "nwk", "aps")]
    return int((layers[0] | layers[1] | layers[2]).sum())


def _tell(facts: CaptureFacts, session: Session, shut: int, quiet: bool) -> None:
    for where, count in session.refused.items():
        console.say(f"warning: {facts.name}: {where}: {count} values did not fit and are null")
    if shut and not quiet:
        console.say(
            f"note: {facts.name}: {shut:,} of {session.frames:,} frames stayed shut (hanscope keys says why)"
        )

"""What a filter chooses, as a file: frames as pcapng, rows of a table as CSV or JSON lines."""

from __future__ import annotations

import tempfile
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from analysis.pipeline.passes import DECODED_TABLES
from analysis.pipeline.source import ReopenableSource
from analysis.tables.output import FORMATS
from analysis.web.captures_held import CapturesHeld, Held
from analysis.web.endpoints import BadRequest, Endpoint, Parameter
from analysis.web.interface import CAPTURE, WHERE
from analysis.web.judging import redacted
from analysis.web.opened import OpenedCapture
from captures import CaptureError, with_comments, write_capture

__all__ = ["EXPORT", "Exported", "exported"]

TABLES_GIVEN = tuple(one for one in DECODED_TABLES if one != "keys")
MOST_REDACTED = 200_000
"""Frames of a capture that is redacted here, at most."""
MEDIA = {"pcapng": "application/octet-stream", "csv": "text/csv", "jsonl": "application/x-ndjson"}


class Exported(NamedTuple):
    """A file to be sent, and removed then."""

    path: Path
    name: str
    media: str

    def remove(self) -> None:
        """It has been sent."""
        with suppress(OSError):
            self.path.unlink()


def exported(held: CapturesHeld, given: dict[str, Any]) -> Exported:
    """The file. Raises BadRequest: the capture is not whole yet, or not readable any more."""
    one = held.called(given["capture"])
    opened = one.there()
    if opened.state not in ("ready", "live"):
        raise BadRequest(opened.trouble or "the capture is still being decoded", 409)
    kind, table = given["format"], given["table"]
    if kind == "pcapng" and table != "packets":
        raise BadRequest("pcapng has frames: of other tables csv or jsonl")
    if given["redacted"] and kind != "pcapng":
        raise BadRequest("rows of tables cannot be redacted: pcapng can")
    stem = opened.name.rpartition("/")[2].split(".")[0] or "capture"
    name = f"{stem}-{table}.{kind}" if kind != "pcapng" else f"{stem}-filtered.pcapng"
    with tempfile.NamedTemporaryFile(prefix="hanscope-export-", delete=False) as file:
        out = Exported(Path(file.name), name, MEDIA[kind])
        try:
            if kind == "pcapng":
                _write(held, one, given, file)
            else:
                _write_rows(opened, given["where"], table, FORMATS[kind][1](file, table, None))
        except (CaptureError, OSError) as error:
            out.remove()
            raise BadRequest(str(error), 409) from None
        except BaseException:
            out.remove()
            raise
    return out


def _write_rows(opened: OpenedCapture, where: str, table: str, writer: Any) -> None:
    import pyarrow as pa

    places, content = opened.places(table, where), opened.store.content(table)
    for batch, start in zip(content.batches, content.starts.tolist(), strict=False):
        if places is None:
            writer.write(batch)
            continue
        inside = places[(places >= start) & (places < start + batch.num_rows)] - start
        if len(inside):
            writer.write(batch.take(pa.array(inside)))
    writer.close()


def _write(held: CapturesHeld, one: Held, given: dict[str, Any], file: Any) -> None:
    opened = one.there()
    places, content = opened.places("packets", given["where"]), opened.store.content("packets")
    numbers = None if places is None else content.numbers("frame")[places].tolist()
    if given["redacted"]:
        _write_redacted(held, one, numbers, Path(file.name))
    else:
        _write_frames(one, None if numbers is None else set(numbers), file)


def _write_redacted(held: CapturesHeld, one: Held, numbers: list[int] | None, path: Path) -> None:
    """Frames that may be given away, without notes, written by a process of its own."""
    if one.path is None:
        raise BadRequest("a source that still speaks cannot be redacted: export it first", 409)
    if one.there().store.frames > MOST_REDACTED:
        raise BadRequest(f"more than {MOST_REDACTED:,} frames: hanscope redact does it", 409)
    try:
        held.judge.ask(redacted, one.path, numbers, path).result()
    except (BrokenProcessPool, CancelledError):
        raise BadRequest("redacting broke off", 409, hint="ask again") from None


def _write_frames(one: Held, numbers: set[int] | None, file: Any) -> None:
    """Frames as they were captured, with what is noted of them, without the keys that the capture carries."""
    opened, said = one.there(), dict(one.notes)
    with ReopenableSource(opened.source) as replay, replay.open() as capture:
        frames = with_comments(capture, said.keys(), lambda frame, before: said[frame], numbers)
        write_capture(
            file, frames, format="pcapng", names=opened.keyring.names, secrets=[], comments=capture.comments
        )  # fmt: skip


EXPORT = Endpoint(
    "GET", "/api/export", "What a filter chooses, as a file with the notes; keys that the capture carries are left out",
    exported,
    (
        CAPTURE, WHERE,
        Parameter("format", "of the file", default="pcapng", choices=tuple(MEDIA)),
        Parameter("redacted", "pcapng that may be given away: see `hanscope redact`", "boolean", False),
        Parameter("table", "whose rows", default="packets", choices=TABLES_GIVEN),
    ),
    dear=True, answer="the file", media="application/octet-stream",
)  # fmt: skip

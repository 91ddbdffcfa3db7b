"""One capture of a fleet: fetched, decoded and checked, its tables brought into the store. The same on every machine.

A task is pure: its name is a function of the capture's content, of the keys, the profile and the version of the decoder,
and its files are named after it and the capture. Done twice, it writes the same files twice.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote

from analysis.engine.checking import RuleSink
from analysis.engine.provenance import fingerprint, version
from analysis.findings.findings_output import findings_batch
from analysis.fleet.home_facts import HomeFacts, ReportedHome
from analysis.fleet.locations import FleetError, is_local, located, put_file, read_octets, shown, write_octets
from analysis.fleet.sources import Recording
from analysis.fleet.store import Entry, Store, file_name, stored_schema
from analysis.keys.keyfile import KeyFileError, read_keys_text
from analysis.pipeline.folder_sink import FolderSink
from analysis.pipeline.passes import DECODED_TABLES, DecodePass
from analysis.pipeline.runner import run_passes
from analysis.pipeline.source import ReopenableSource
from analysis.pipeline.windows import PART
from analysis.rules.profile import Profile
from analysis.tables.output import Folder
from analysis.tables.row_form import RowForm
from captures import CaptureError
from dissectors import Keyring

__all__ = ["Task", "carry_out", "failed_entry"]

WINDOW = 250_000
"""Frames that are judged together, so that a worker stays under a gigabyte."""
TABLES = (*DECODED_TABLES, "findings")
FORMAT = 1
"""Of the files in a store: a higher number decodes everything again."""


@dataclass(frozen=True, slots=True)
class Task:
    """What one worker is told. Keys are not in it, only where they are.

    Attributes:
        recording: the capture.
        out: URL of the store.
        keys: URL of its key file.
        settings: digest of keys, profile and version of the decoder.
        profile: of the rules.
        reports: write a page of its own for each capture with a warning or worse.
    """

    recording: Recording
    out: str
    keys: str | None
    settings: str
    profile: Profile
    reports: bool = True

    @property
    def name(self) -> str:
        """What a scheduler may call it before anything was read."""
        one = self.recording
        return digest_of(shown(one.url), one.size, one.stamp, self.settings)


def digest_of(*parts: object) -> str:
    """A name made of values: 32 hex digits."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:32]


def decoder() -> str:
    """The version of what decodes: where it changes, everything is decoded again."""
    return f"{version() or 'folder'}/{FORMAT}"


def carry_out(task: Task) -> Entry:
    """Decode and check a capture into the store; what the manifest is to say of it.

    Raises:
        FleetError: the capture, its keys or the store cannot be reached just now: to be tried again.
        OSError: likewise.
    """
    store, begun = Store(task.out), time.process_time()
    ring = _keyring(task.keys)
    with _fetched(task.recording.url) as path:
        content = _content(path)
        entry = {**_told(task), "task": digest_of(content, task.settings), "content": content}
        try:
            entry |= _decoded(task, store, ring, path, str(entry["task"]))
        except CaptureError as error:
            entry |= {"state": "unreadable", "error": f"{error.place}{error.text}", "files": {}, "rows": {}}
    entry["processor_seconds"] = round(time.process_time() - begun, 3)
    entry["worker"], entry["worker_mib"] = os.getpid(), _mebibytes()
    store.add(entry)
    return entry


def _mebibytes() -> float | None:
    """The most memory that this process ever had; None where the system does not say."""
    try:
        resource: Any = import_module("resource")
    except ImportError:
        return None
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024


def _keyring(url: str | None) -> Keyring:
    """The keys of a home.

    Raises:
        FleetError: they cannot be fetched, or are none.
    """
    if url is None:
        return Keyring()
    try:
        return read_keys_text(read_octets(url).decode("utf-8"), path=shown(url))
    except (KeyFileError, UnicodeDecodeError) as error:
        raise FleetError(
            f"the keys cannot be read: {error}" if isinstance(error, KeyFileError) else "keys: not UTF-8"
        ) from None


def failed_entry(task: Task, error: BaseException) -> Entry:
    """What the manifest says of a capture that could not even be tried to its end; the next run tries again."""
    text = type(error).__name__ if not isinstance(error, FleetError | OSError) else str(error)
    return {**_told(task), "task": task.name, "state": "failed", "error": text, "files": {}, "rows": {}}


def _told(task: Task) -> Entry:
    one = task.recording
    return {
        "capture": shown(one.url), "size": one.size, "stamp": one.stamp, "settings": task.settings,
        "site": one.site, "date": one.date or "unknown", "hub": one.hub or "unknown", "facts": dict(one.facts),
    }  # fmt: skip


@contextmanager
def _fetched(url: str) -> Iterator[Path]:
    """The capture as a file of this machine."""
    fs, path = located(url)
    if is_local(fs):
        yield Path(path)
        return
    with tempfile.TemporaryDirectory(prefix="hanscope-") as folder:
        place = Path(folder) / "capture"
        fs.get_file(path, str(place))
        yield place


def _content(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _WithCapture(RowForm):
    """Rows of one capture with its name in front, where the table has no such column."""

    def __init__(self, capture: str) -> None:
        super().__init__()
        self._capture = capture

    def schema(self, table: str) -> Any:
        return stored_schema(table)

    def of(self, table: str, batch: Any) -> Any:
        import pyarrow as pa

        batch = super().of(table, batch)
        if "capture" in batch.schema.names:
            return batch
        codes = pa.array([0] * len(batch), pa.int32())
        whose = pa.DictionaryArray.from_arrays(codes, pa.array([self._capture]))
        return pa.RecordBatch.from_arrays([whose, *batch.columns], schema=stored_schema(table))


class _OpenFolderSink(FolderSink):
    """Writes tables to a folder, and leaves it open: findings come behind."""

    def end(self, decode_pass: DecodePass) -> None:
        pass


def _decoded(task: Task, store: Store, ring: Keyring, path: Path, name: str) -> Entry:
    """Decode and check in one pass; bring the tables to their places."""
    capture = shown(task.recording.url)
    with tempfile.TemporaryDirectory(prefix="hanscope-") as folder:
        tables = _OpenFolderSink(Folder(Path(folder), "parquet", TABLES, _WithCapture(capture)))
        tables.tables = DECODED_TABLES
        rules = RuleSink(task.profile, watcher=ReportedHome if task.reports else HomeFacts, window=WINDOW)
        with ReopenableSource(path, name=capture) as source:
            last = run_passes(source, ring, tables, rules, block_frames=WINDOW // PART, prefetch=False)
        result, seen = rules.checking.result(), rules.seen
        assert isinstance(seen, HomeFacts)
        batch = findings_batch(result.findings)
        tables.rows["findings"] = len(batch)
        tables.folder.write("findings", batch)
        written = tables.folder.finish()
        date, hub = _date(task, seen), task.recording.hub or seen.hub() or "unknown"
        files = {}
        for place in written:
            if tables.rows[place.stem]:
                files[place.stem] = file_name(
                    place.stem, digest_of(name, capture), date, task.recording.site, hub
                )
                put_file(store.fs, str(place), store.path(files[place.stem]))
    report = None
    if isinstance(seen, ReportedHome) and result.at_least("warning"):
        from analysis.report import render_tally

        report = f"reports/{quote(task.recording.site, safe='')}/{digest_of(name, capture)}.html"
        text = render_tally(seen.tally, result, [one.text for one in last.facts.lost], title=capture)
        write_octets(store.fs, store.path(report), text.encode("utf-8", "backslashreplace"))
    keys = last.session.context.keyring.keys
    lost = [f"offset 0x{one.offset:x}: {one.text}" for one in last.facts.lost]
    return {
        "state": "damaged" if lost else "ok", "error": "; ".join(lost[:3]) or None, "date": date, "hub": hub,
        "rows": tables.rows, "files": files, "frames": tables.rows["packets"], "home": seen.facts(), "report": report,
        "incidents": [[one.title, one.severity] for one in result.incidents],
        "keys": sorted({fingerprint(key.kind, key.value) for key in keys if key.kind == "network"}),
        "failures": sorted(result.failures),
    }  # fmt: skip


def _date(task: Task, seen: HomeFacts) -> str:
    """The day of the capture: as told, or that of its first frame (UTC)."""
    if task.recording.date:
        return task.recording.date
    if seen.first is None:
        return "unknown"
    return time.strftime("%Y-%m-%d", time.gmtime(seen.first // 10**9))

"""What becomes of a store with time: small files are joined, old days go, files that nothing names are removed."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from analysis.fleet.locations import write_octets
from analysis.fleet.store import PARTS, Entry, Store
from analysis.fleet.task import digest_of

__all__ = ["compact", "forget", "prune"]


def compact(store: Store) -> int:
    """Join the files of a day, site and hub into one a table; returns how many files there are fewer.

    The manifest is rewritten before the small files go: whoever reads meanwhile finds either. A query that began before
    may have to be asked again.
    """
    entries = store.entries()
    groups: dict[tuple[Any, ...], list[Entry]] = defaultdict(list)
    for entry in entries:
        for table in entry["files"]:
            groups[(table, *(entry[part] for part in PARTS))].append(entry)
    old: set[str] = set()
    made = 0
    for (table, *_), members in groups.items():
        files = sorted({entry["files"][table] for entry in members})
        if len(files) < 2:
            continue
        joined = f"{files[0].rpartition('/')[0]}/{digest_of(*files)}.parquet"
        _join(store, files, joined)
        for entry in members:
            entry["files"] = {**entry["files"], table: joined}
        old |= set(files)
        made += 1
    if old:
        store.rewrite(entries)
        store.remove(store.path(one) for one in old)
    return len(old) - made


def prune(store: Store, before: str) -> int:
    """Forget all days before `before` (2026-01-31); returns how many captures went."""
    entries = store.entries()
    kept = [entry for entry in entries if not entry["date"] < before]
    if len(kept) < len(entries):
        store.rewrite(kept)
        forget(store, entries, kept)
    return len(entries) - len(kept)


def forget(store: Store, before: Iterable[Entry], after: Sequence[Entry]) -> None:
    """Remove files that the manifest names no more, and from joined ones the rows of captures that went elsewhere."""
    now: dict[str, set[str]] = defaultdict(set)
    for entry in after:
        for file in entry["files"].values():
            now[file].add(str(entry["capture"]))
    gone: set[str] = set()
    shared: dict[str, set[str]] = defaultdict(set)
    reports = {entry.get("report") for entry in after}
    for entry in before:
        if entry.get("report") and entry["report"] not in reports:
            gone.add(entry["report"])
        for file in entry["files"].values():
            if file not in now:
                gone.add(file)
            elif entry["capture"] not in now[file]:
                shared[file] |= now[file]
    store.remove(store.path(file) for file in sorted(gone))
    for file, captures in shared.items():
        _join(store, [file], file, captures)


def _join(store: Store, files: Sequence[str], joined: str, captures: set[str] | None = None) -> None:
    """Write the rows of some files into one, those of `captures` only where they are given."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import parquet

    sink = io.BytesIO()
    writer = None
    for file in files:
        with store.fs.open(store.path(file), "rb") as source:
            reader = parquet.ParquetFile(source)
            if writer is None:
                writer = parquet.ParquetWriter(sink, reader.schema_arrow, compression="zstd")
            for group in range(reader.num_row_groups):
                rows = reader.read_row_group(group)
                if captures is not None:
                    rows = rows.filter(
                        pc.is_in(rows.column("capture").cast(pa.string()), pa.array(sorted(captures)))
                    )
                writer.write_table(rows.cast(reader.schema_arrow))
    if writer is not None:
        writer.close()
        write_octets(store.fs, store.path(joined), sink.getvalue())

"""The store of a fleet: Parquet files by table, date, site and hub, and a manifest of what it holds.

Strategy: only what the manifest names counts. A worker first brings its files to their places and then lays its entry
down under ``pending/``; so a killed worker leaves nothing that anybody reads, and its work is simply done again, under
the same names. Whoever ran the workers then folds the entries into ``manifest.jsonl``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from analysis.fleet.locations import FleetError, located, shown, write_octets
from analysis.tables.addresses import text_schema
from analysis.tables.schema import TABLES

__all__ = ["Entry", "Store"]

Entry = dict[str, Any]
"""What the manifest says of one capture."""
MANIFEST = "manifest.jsonl"
PARTS = ("date", "site", "hub")


class Store:
    """A store, which need not exist yet.

    Args:
        url: its folder, as a path or a URL of fsspec.

    Raises:
        FleetError: it cannot be reached.
    """

    def __init__(self, url: str) -> None:
        self.url = shown(url).rstrip("/")
        self.fs, root = located(url)
        self.root = root.rstrip("/")

    def path(self, name: str) -> str:
        """Where a file of the store lies, within its file system."""
        return f"{self.root}/{name}"

    def exists(self) -> bool:
        """Whether anything was ever put into it."""
        return bool(self.fs.exists(self.path(MANIFEST)) or self._pending())

    def entries(self) -> list[Entry]:
        """What it holds, in the order of the captures' URLs.

        Raises:
            FleetError: the manifest cannot be read.
        """
        found: dict[str, Entry] = {}
        try:
            if self.fs.exists(self.path(MANIFEST)):
                for line in self.fs.cat_file(self.path(MANIFEST)).decode("utf-8").splitlines():
                    entry = json.loads(line)
                    found[entry["capture"]] = entry
            for path in self._pending():
                entry = json.loads(self.fs.cat_file(path))
                found[entry["capture"]] = entry
        except (ValueError, KeyError, UnicodeDecodeError) as error:
            raise FleetError(f"{self.url}/{MANIFEST}: it cannot be read ({type(error).__name__})") from None
        return [found[capture] for capture in sorted(found)]

    def add(self, entry: Entry) -> None:
        """Lay down an entry, so that its files count."""
        text = json.dumps(entry, sort_keys=True)
        write_octets(self.fs, self.path(f"pending/{entry['task']}.json"), text.encode())

    def rewrite(self, entries: Iterable[Entry]) -> None:
        """Make the manifest say this, and no more."""
        pending = self._pending()
        lines = [
            json.dumps(entry, sort_keys=True)
            for entry in sorted(entries, key=lambda one: str(one["capture"]))
        ]
        write_octets(self.fs, self.path(MANIFEST), ("\n".join(lines) + "\n" * bool(lines)).encode())
        self.remove(pending)

    def files(self, table: str, entries: Iterable[Entry] | None = None) -> list[str]:
        """The names of the files of a table, each once."""
        chosen = self.entries() if entries is None else entries
        return list(dict.fromkeys(one["files"][table] for one in chosen if table in one["files"]))

    def remove(self, paths: Iterable[str]) -> None:
        """Remove files, those that are gone already too."""
        for path in paths:
            try:
                self.fs.rm_file(path)
            except FileNotFoundError:
                continue

    def table(
        self, name: str, entries: Iterable[Entry] | None = None, columns: list[str] | None = None
    ) -> Any:
        """A table of all captures as `pyarrow.Table`, with the columns date, site and hub behind.

        Raises:
            FleetError: there is no such table.
        """
        import pyarrow as pa
        from pyarrow import dataset

        if name not in TABLES:
            raise FleetError(f"no table {name!r}", "tables: " + ", ".join(TABLES))
        paths = [self.path(one) for one in self.files(name, entries)]
        text = pa.dictionary(pa.int32(), pa.string())
        parts = dataset.partitioning(
            pa.schema([(part, text) for part in PARTS]), flavor="hive", dictionaries="infer"
        )
        if not paths:
            empty = without_rows(name)
            return empty.select(columns) if columns else empty
        found = dataset.dataset(
            paths,
            filesystem=self.fs,
            format="parquet",
            partitioning=parts,
            partition_base_dir=self.path(name),
        )
        return found.to_table(columns=columns)

    def _pending(self) -> list[str]:
        try:
            return sorted(
                str(one)
                for one in self.fs.ls(self.path("pending"), detail=False)
                if str(one).endswith(".json")
            )
        except FileNotFoundError:
            return []


def stored_schema(table: str) -> Any:
    """The columns of a table in a store: its own, with the capture of each row in front where it has none."""
    import pyarrow as pa

    schema = text_schema(table)
    if "capture" in schema.names:
        return schema
    return schema.insert(0, pa.field("capture", pa.dictionary(pa.int32(), pa.string())))


def without_rows(table: str) -> Any:
    """A table of a store in which there is nothing of it."""
    import pyarrow as pa

    schema = stored_schema(table)
    for part in PARTS:
        schema = schema.append(pa.field(part, pa.string()))
    return schema.empty_table()


def file_name(table: str, name: str, date: str, site: str, hub: str) -> str:
    """Where the rows of one capture lie, in the way that Hive names partitions."""
    parts = "/".join(
        f"{part}={quote(value, safe='')}" for part, value in zip(PARTS, (date, site, hub), strict=True)
    )
    return f"{table}/{parts}/{name}.parquet"

"""A fleet as a person opens it: tables of all homes, cases, questions in SQL, a report."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.fleet.locations import FleetError, is_local
from analysis.fleet.store import Entry, Store, without_rows
from analysis.tables import html
from analysis.tables.frames import Frames
from analysis.tables.schema import TABLES

if TYPE_CHECKING:
    import pandas as pd

    from analysis.fleet.cases import Case, Visit

__all__ = ["Fleet", "open_fleet"]


class Fleet(Frames):
    """A store of many captures; nothing is read before something is asked for.

    Tables are those of one capture with the columns `capture`, `date`, `site` and `hub` besides.
    """

    def __init__(self, url: str | os.PathLike[str]) -> None:
        super().__init__()
        self.store = Store(os.fspath(url))
        self._entries: list[Entry] | None = None
        self._cases: list[Case] | None = None

    @property
    def entries(self) -> list[Entry]:
        """What the manifest says, a dictionary a capture.

        Raises:
            FleetError: there is no store, or it cannot be read.
        """
        if self._entries is None:
            found = self.store.entries()
            if not found and not self.store.exists():
                raise FleetError(
                    f"{self.store.url}: there is no store", "hanscope fleet decode SOURCE... --out STORE"
                )
            self._entries = found
        return self._entries

    @property
    def captures(self) -> pd.DataFrame:
        """One row a capture: where, when, state, error, frames, what was told of its home, and its numbers."""
        import pandas as pd

        names = ("capture", "site", "date", "hub", "state", "error", "frames", "size", "processor_seconds")
        rows = [
            {**{name: one.get(name) for name in names}, **one.get("home", {}), **one["facts"]}
            for one in self.entries
        ]
        return pd.DataFrame(rows)

    @property
    def findings(self) -> pd.DataFrame:
        """One row a finding of any home."""
        return self._frame("findings")

    def arrow(self, name: str) -> Any:
        """A table of all captures as `pyarrow.Table`.

        Raises:
            FleetError: there is no such table.
        """
        return self.store.table(name, self.entries)

    def _content(self, name: str) -> Any:
        return self.arrow(name)

    def check(self) -> list[Case]:
        """What only many homes can tell, gravest first."""
        from analysis.fleet.cases import cases_of

        if self._cases is None:
            self._cases = cases_of(self.store, self.entries)
        return self._cases

    def visits(self) -> list[Visit]:
        """Which sites to visit first, and why."""
        from analysis.fleet.cases import visits_of

        return visits_of(self.store, self.check(), self.entries)

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write one HTML file about the whole fleet; returns its path."""
        from analysis.fleet.report import render_fleet
        from captures.whole_files import write_whole

        write_whole(path, render_fleet(self, os.path.dirname(os.path.abspath(path))))  # noqa: PTH100, PTH120
        return Path(path)

    def sql(self, query: str) -> pd.DataFrame:
        """Ask a question in SQL (DuckDB): every table is a view, and so is `captures`.

        Raises:
            FleetError: DuckDB is not installed, or does not understand the question.
        """
        connection = self._connection()
        try:
            found: pd.DataFrame = connection.execute(query).df()
        except Exception as error:
            if type(error).__module__.split(".")[0] not in ("duckdb", "_duckdb"):
                raise
            raise FleetError(str(error).splitlines()[0], "tables: captures, " + ", ".join(TABLES)) from None
        finally:
            connection.close()
        return found

    def _connection(self) -> Any:
        try:
            duckdb: Any = import_module("duckdb")
        except ImportError:
            raise FleetError("SQL needs duckdb", "pip install 'hanscope[fleet]'") from None
        connection = duckdb.connect()
        prefix = ""
        if not is_local(self.store.fs):
            connection.register_filesystem(self.store.fs)
            protocol = self.store.fs.protocol
            prefix = f"{protocol if isinstance(protocol, str) else protocol[0]}://"
        for table in TABLES:
            files = [prefix + self.store.path(one) for one in self.store.files(table, self.entries)]
            if files:
                names = ", ".join("'" + one.replace("'", "''") + "'" for one in files)
                connection.execute(
                    f"CREATE VIEW {table} AS SELECT * FROM read_parquet([{names}], hive_partitioning=true,"
                    " hive_types_autocast=false, union_by_name=true)"
                )
            else:
                connection.register(table, without_rows(table))
        connection.register("captures", self.captures)
        return connection

    def __len__(self) -> int:
        return len(self.entries)

    def __repr__(self) -> str:
        sites = {one["site"] for one in self.entries}
        return f"<Fleet {self.store.url}: {len(self.entries):,} captures of {len(sites):,} sites>"

    def _repr_html_(self) -> str:
        states: dict[str, int] = {}
        for one in self.entries:
            states[one["state"]] = states.get(one["state"], 0) + 1
        rows: Sequence[tuple[str, str]] = [(state, f"{count:,}") for state, count in sorted(states.items())]
        return html.heading(self.store.url) + html.rows_table(("state", "captures"), rows)


def open_fleet(url: str | os.PathLike[str]) -> Fleet:
    """A store of many captures, by its path or URL (``hanscope fleet decode`` makes one).

    Raises:
        FleetError: a package is missing, or the place cannot be reached.
    """
    return Fleet(url)

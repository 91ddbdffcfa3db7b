"""Tables of a capture, or of several, and the rows of them that fit an expression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.tables.frames import Frames

if TYPE_CHECKING:
    import pandas as pd

    from analysis.views.choice import Choice

__all__ = ["Tables"]


class Tables(Frames):
    """What has the tables of `analysis.tables.schema`: one capture, or several."""

    def arrow(self, name: str) -> Any:
        """A table as `pyarrow.Table`, with texts as they were sent and addresses as text, dictionary-encoded."""
        raise NotImplementedError

    def _content(self, name: str) -> Any:
        return self.arrow(name)

    def table(self, name: str) -> pd.DataFrame:
        """A table by its name; see `analysis.tables.schema` for the columns.

        Raises:
            ValueError: there is no such table.
        """
        from analysis.pipeline.passes import DECODED_TABLES

        if name not in DECODED_TABLES:
            raise ValueError(f"no table {name!r}: {', '.join(DECODED_TABLES)}")
        return self._frame(name)

    def where(
        self,
        expression: str | None = None,
        table: str = "packets",
        *,
        start: str | None = None,
        end: str | None = None,
        device: str | None = None,
    ) -> pd.DataFrame:
        """The rows of a table that fit an expression such as ``protocol == ZCL and nwk_src == 0x1234``.

        The language is that of the command and the inspector (`analysis.views.filters`): ``and or not``, parentheses,
        ``== != < <= > >=``, ``contains``, ``matches``, ``in (a, b)``; a column alone asks whether it has a value. Columns
        of other tables stand behind their table: ``message.use_case == ECS17b and message.mac != valid``.

        Args:
            table: whose rows: plain names in the expression are its columns.
            start, end: the first moment, and the first one after: ``2026-01-05T12:00``, ``12:00``, ``90s``.
            device: name, role or address of a sender or receiver.

        Raises:
            FilterError: it is no expression, or names a column that is not there.
            ValueError: there is no such table, moment or device.
        """
        from analysis.views.choice import Choice

        choice = Choice(expression, start, end, device)
        rows = self.table(table)
        return rows[self._fits(choice, table, rows.columns)] if choice else rows

    def _fits(self, choice: Choice, table: str, columns: Any) -> Any:
        """Which rows of a table are wanted, as an array of truth values."""
        from analysis.views.choice import Party, stations_called

        stations = []
        if choice.device is not None:
            told = self.devices[["eui64", "name", "role"]].dropna(subset=["eui64"]).fillna("")
            known = [Party(int(eui64, 16), name, role) for eui64, name, role in told.itertuples(index=False)]
            stations = stations_called(choice.device, known)
        found = choice.filter(table, stations, columns)
        assert found is not None
        if "findings" in found.tables:
            found.give("findings", self._findings())
        found.look_at(self.arrow)
        return found.mask(self.table(table))

    def _findings(self) -> Any:
        """The table of findings as a record batch."""
        raise NotImplementedError

"""Tables of a capture, or of several, and the rows of them that fit an expression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.tables.frames import Frames

if TYPE_CHECKING:
    import pandas as pd

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

    def where(self, expression: str, table: str = "packets") -> pd.DataFrame:
        """The rows of a table that fit an expression such as ``protocol == ZCL and nwk_src == 0x1234``.

        The language is that of the inspector (`analysis.views.filters`): ``and or not``, parentheses,
        ``== != < <= > >=``, ``contains``, ``matches``, ``in (a, b)``; a column alone asks whether it has a value.

        Raises:
            FilterError: it is no expression, or names a column that is not there.
            ValueError: there is no such table.
        """
        from analysis.views.filters import parse_filter

        rows = self.table(table)
        return rows[parse_filter(expression, rows.columns).mask(rows)]

"""Tables as they leave the program: pandas frames with Arrow dtypes, addresses as text.

An EUI-64 is 16 hex digits and a short address 4: as integers they lose digits in spreadsheets and JavaScript, and nobody
finds them again. pandas has no `.str` for dictionaries, so that texts are plain strings here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Tables"]

LONG = frozenset(["nwk_src_eui64", "nwk_dst_eui64", "nwk_sender", "aps_sender", "beacon_epid", "eui64"])
"""Columns that hold an EUI-64 (or an extended PAN ID) and nothing else."""
SHORT = frozenset(["nwk_src", "nwk_dst", "short"])
"""Columns that hold a short address and nothing else."""
BY_MODE = {"mac_src": "mac_src_mode", "mac_dst": "mac_dst_mode"}
"""Columns that hold either, as another column of the row says."""
EITHER = frozenset(["source", "destination"])
"""Columns that hold the EUI-64 where it is known, else the short address."""
SHORT_END = 0x10000


def digits(value: int | None, size: int) -> str | None:
    """An address as hex digits; of either kind where `size` is 0.

    >>> digits(0x1A2B, 4), digits(0x1A2B, 16), digits(0x1A2B, 0), digits(0x0022080000000001, 0)
    ('1a2b', '0000000000001a2b', '1a2b', '0022080000000001')
    """
    if value is None:
        return None
    return f"{value:0{size or (4 if value < SHORT_END else 16)}x}"


def with_text_addresses(table: Any) -> Any:
    """The Arrow table with its address columns, and what was dictionary-encoded, as plain text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for index, name in enumerate(table.schema.names):
        column = table.column(name)
        if pa.types.is_dictionary(column.type):
            table = table.set_column(index, name, column.cast(pa.string()))
            continue
        if not pa.types.is_integer(column.type):
            continue
        if name in BY_MODE:
            modes = table.column(BY_MODE[name]).cast(pa.string())
            extended = pc.fill_null(pc.equal(modes, "extended"), False)
            found = pc.if_else(extended, _texts(column, 16), _texts(column, 4))
        elif name in LONG or name in SHORT or name in EITHER:
            found = _texts(column, 16 if name in LONG else 4 if name in SHORT else 0)
        else:
            continue
        table = table.set_column(index, name, found)
    return table


def _texts(column: Any, size: int) -> Any:
    import pyarrow as pa

    coded = column.combine_chunks().dictionary_encode()
    texts = pa.array([digits(value, size) for value in coded.dictionary.to_pylist()], pa.string())
    return pa.chunked_array([texts.take(coded.indices)])


class Tables:
    """What has the tables of `analysis.tables.schema`: one capture, or several."""

    def __init__(self) -> None:
        self._frames: dict[str, pd.DataFrame] = {}

    def arrow(self, name: str) -> Any:
        """A table as `pyarrow.Table`, with texts as they were sent and addresses as numbers."""
        raise NotImplementedError

    def table(self, name: str) -> pd.DataFrame:
        """A table by its name; see `analysis.tables.schema` for the columns.

        Raises:
            ValueError: there is no such table.
        """
        if name not in self._frames:
            self._known(name)
            self._frames[name] = _pandas(with_text_addresses(_printable(self.arrow(name))))
        return self._frames[name]

    def _known(self, name: str) -> None:
        from analysis.pipeline.decode import DECODED_TABLES

        if name not in DECODED_TABLES:
            raise ValueError(f"no table {name!r}: {', '.join(DECODED_TABLES)}")

    def where(self, expression: str, table: str = "packets") -> pd.DataFrame:
        """The rows of a table that fit an expression such as ``protocol == ZCL and nwk_src == 0x1234``.

        The language is that of the inspector (`analysis.views.filters`): ``and or not``, parentheses,
        ``== != < <= > >=``, ``contains``, ``matches``, ``in (a, b)``; a column alone asks whether it has a value.

        Raises:
            FilterError: it is no expression, or names a column that is not there.
            ValueError: there is no such table.
        """
        from analysis.views.filters import parse_filter

        self._known(table)
        rows = _pandas(_printable(self.arrow(table)))
        return self.table(table)[parse_filter(expression, rows.columns).mask(rows)]

    @property
    def packets(self) -> pd.DataFrame:
        """One row a record of the capture."""
        return self.table("packets")

    @property
    def attributes(self) -> pd.DataFrame:
        """One row a ZCL attribute value."""
        return self.table("attributes")

    @property
    def commands(self) -> pd.DataFrame:
        """One row a field of a command."""
        return self.table("commands")

    @property
    def messages(self) -> pd.DataFrame:
        """One row a GBCS or DLMS message."""
        return self.table("messages")

    @property
    def items(self) -> pd.DataFrame:
        """One row a value inside a message."""
        return self.table("items")

    @property
    def certificates(self) -> pd.DataFrame:
        """One row a certificate that was given or that a message carried."""
        return self.table("certificates")

    @property
    def devices(self) -> pd.DataFrame:
        """One row a radio."""
        return self.table("devices")

    @property
    def keys(self) -> pd.DataFrame:
        """One row a key held or learnt; never its octets."""
        return self.table("keys")


def _printable(table: Any) -> Any:
    from analysis.tables.arrow import shown

    return shown(table)


def _pandas(table: Any) -> pd.DataFrame:
    import pandas as pd

    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return frame

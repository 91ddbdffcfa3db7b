"""Tables as people hold them: pandas frames whose texts are printable and whose addresses are hex digits.

Texts are categories, as they are in frames that pandas reads from Parquet: a million rows have a few hundred words, which
as plain texts took two thirds of the memory of a frame, and of the time to make it. `.str` works on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

__all__ = ["Frames", "frame_of"]


def frame_of(name: str, table: Any) -> pd.DataFrame:
    """An Arrow table as a pandas frame, to be shown to people: texts as categories, all else with Arrow dtypes.

    Categories stand in the order of their words: those that occur, and the empty one. The addresses of a table have the
    same ones, so that columns of them can be compared: ``packets.mac_src == packets.nwk_src``.

    Args:
        name: of the table in `analysis.tables.schema`.
    """
    import pandas as pd
    import pyarrow as pa

    from analysis.tables.addresses import with_addresses
    from analysis.tables.arrow import shown
    from analysis.tables.schema import TABLES

    table = shown(with_addresses(name, table))
    columns: dict[str, Any] = dict(zip(table.schema.names, table.columns, strict=True))
    texts = [one for one, column in columns.items() if pa.types.is_dictionary(column.type)]
    addresses = [one.name for one in TABLES[name] if one.address and one.name in texts]
    for together in (addresses, *([one] for one in texts if one not in addresses)):
        found = _categories([columns[one] for one in together])
        columns.update(zip(together, found, strict=True))
    return pd.DataFrame(
        {
            one: column if one in texts else pd.arrays.ArrowExtensionArray(column)
            for one, column in columns.items()
        },
        copy=False,
    )


def _categories(columns: Sequence[Any]) -> list[pd.Categorical]:
    """Dictionary-encoded columns as categories, the same ones for each of them."""
    import numpy as np
    import pandas as pd

    occurring: set[str] = set()
    for column in columns:
        for chunk in column.chunks:
            occurring |= _occurring(chunk, occurring)
    words = sorted(occurring | {""})  # the empty one for `fillna("")`
    width = next(one for one in (np.int8, np.int16, np.int32, np.int64) if len(words) <= np.iinfo(one).max)
    ranks = {word: width(rank) for rank, word in enumerate(words)}
    type_ = pd.CategoricalDtype(pd.Index(words, dtype="str"))
    codes = (_codes(column, ranks, width) for column in columns)
    return [pd.Categorical.from_codes(one, dtype=type_, validate=False) for one in codes]


def _occurring(chunk: Any, known: set[str]) -> set[str]:
    """The words of a dictionary-encoded array that occur in it, but for those that are `known` to occur."""
    import numpy as np

    from analysis.tables.arrow import numpy_of

    words = chunk.dictionary.to_pylist()
    if chunk.null_count == len(chunk) or known.issuperset(words):
        return set()
    codes, valid = numpy_of(chunk)
    counts = np.bincount(codes[valid] if chunk.null_count else codes, minlength=len(words))
    return {word for word, count in zip(words, counts.tolist(), strict=True) if count and word is not None}


def _codes(column: Any, ranks: dict[str, np.signedinteger], width: type[np.signedinteger]) -> Any:
    """The rank of each text of a dictionary-encoded column; -1 where it has none."""
    import numpy as np

    from analysis.tables.arrow import numpy_of

    codes = np.full(len(column), -1, width)
    begin = 0
    for chunk in column.chunks:
        place = codes[begin : begin + len(chunk)]
        begin += len(chunk)
        if chunk.null_count == len(chunk):
            continue
        of_word = np.array([ranks.get(word, -1) for word in chunk.dictionary.to_pylist()], width)
        found, valid = numpy_of(chunk)
        if chunk.null_count:
            np.copyto(place, of_word.take(found, mode="clip"), where=valid)
        else:
            of_word.take(found, mode="clip", out=place)
    return codes


class Frames:
    """What has the tables of `analysis.tables.schema`, each a frame that is made when it is first asked for."""

    def __init__(self) -> None:
        self._frames: dict[str, pd.DataFrame] = {}

    def _content(self, name: str) -> Any:
        """A table as `pyarrow.Table`."""
        raise NotImplementedError

    def _frame(self, name: str) -> pd.DataFrame:
        if name not in self._frames:
            self._frames[name] = frame_of(name, self._content(name))
        return self._frames[name]

    @property
    def packets(self) -> pd.DataFrame:
        """One row a record of the capture."""
        return self._frame("packets")

    @property
    def attributes(self) -> pd.DataFrame:
        """One row a ZCL attribute value."""
        return self._frame("attributes")

    @property
    def commands(self) -> pd.DataFrame:
        """One row a field of a command."""
        return self._frame("commands")

    @property
    def messages(self) -> pd.DataFrame:
        """One row a GBCS or DLMS message."""
        return self._frame("messages")

    @property
    def items(self) -> pd.DataFrame:
        """One row a value inside a message."""
        return self._frame("items")

    @property
    def exchanges(self) -> pd.DataFrame:
        """One row for what belongs together: a join, a request with its answer, a tunnel session, a GBCS command ..."""
        return self._frame("exchanges")

    @property
    def events(self) -> pd.DataFrame:
        """One row an entry of a device's own log that a message read."""
        return self._frame("events")

    @property
    def certificates(self) -> pd.DataFrame:
        """One row a certificate that was given or that a message carried."""
        return self._frame("certificates")

    @property
    def devices(self) -> pd.DataFrame:
        """One row a radio."""
        return self._frame("devices")

    @property
    def keys(self) -> pd.DataFrame:
        """One row a key held or learnt; never its octets."""
        return self._frame("keys")

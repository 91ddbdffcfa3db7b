"""Tables as people hold them: pandas frames whose texts are printable and whose addresses are hex digits.

pandas has no `.str` for dictionaries, so that texts are plain strings here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Frames", "frame_of"]


def frame_of(name: str, table: Any) -> pd.DataFrame:
    """An Arrow table as a pandas frame with Arrow dtypes, to be shown to people.

    Args:
        name: of the table in `analysis.tables.schema`.
    """
    import pandas as pd
    import pyarrow as pa

    from analysis.tables.addresses import with_addresses
    from analysis.tables.arrow import shown

    table = shown(with_addresses(name, table))
    nothing: dict[int, Any] = {}  # columns without a value share one memory
    columns = [
        pa.chunked_array([_plain_texts(chunk, nothing) for chunk in column.chunks], pa.string())
        if pa.types.is_dictionary(column.type)
        else column
        for column in table.columns
    ]
    frame: pd.DataFrame = pa.Table.from_arrays(columns, names=table.schema.names).to_pandas(
        types_mapper=pd.ArrowDtype
    )
    return frame


def _plain_texts(coded: Any, nothing: dict[int, Any]) -> Any:
    """A dictionary-encoded array as one of plain texts.

    Args:
        nothing: arrays of nulls by their length, kept from column to column.
    """
    import numpy as np
    import pyarrow as pa

    from analysis.tables.arrow import numpy_of
    from dissectors.vectors import kernels

    count, words = len(coded), coded.dictionary
    if coded.null_count == count:
        if count not in nothing:
            nothing[count] = pa.nulls(count, pa.string())
        return nothing[count]
    ends = np.frombuffer(words.buffers()[1], np.int32)[words.offset : words.offset + len(words) + 1]
    size = int(ends[1] - ends[0])
    if not size or coded.null_count * 2 > count or (np.diff(ends) != size).any():
        return kernels.take(words, coded.indices)
    # Words of one length, as addresses are: their octets are copied in one go.
    octets = np.frombuffer(words.buffers()[2], np.uint8)[ends[0] : ends[-1]].view(f"V{size}")
    codes, valid = numpy_of(coded)
    data = octets.take(codes, mode="clip")
    offsets = np.arange(0, (count + 1) * size, size, dtype=np.int32)
    known = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(pa.string(), count, [known, pa.py_buffer(offsets), pa.py_buffer(data)])


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

"""Octets of many frames, read at once.

Strategy: a block of frames is one flat buffer with zero octets at both ends. A layer of a protocol is a
`Span`: for each of its rows, where its octets begin and end in that buffer. A layer reads a header field
of all rows with one gather, checks the bounds before it uses what it read, and passes the rows that it
understood to the next layer as a new `Span`. A gather may read past the end of a row (its neighbour's
octets) but never past the buffer: the padding is wider than any gather.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

__all__ = ["PADDING", "Index", "Mask", "OctetArray", "RowFields", "Span", "padded"]

PADDING = 256
"""Zero octets that a buffer has before its first and after its last record."""

Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class OctetArray:
    """Unaligned little-endian reads at many places of one padded buffer.

    >>> o = OctetArray(np.frombuffer(bytes(PADDING) + b"\\x01\\x02\\x03" + bytes(PADDING), np.uint8))
    >>> [hex(v) for v in o.u16(np.array([PADDING, PADDING + 1]))]
    ['0x201', '0x302']
    """

    __slots__ = ("_views", "data")

    def __init__(self, data: npt.NDArray[np.uint8]) -> None:
        self.data = np.ascontiguousarray(data)
        self._views: dict[str, npt.NDArray[Any]] = {}

    def __reduce__(self) -> tuple[type[OctetArray], tuple[npt.NDArray[np.uint8]]]:
        return OctetArray, (self.data,)

    def _view(self, type_: str) -> npt.NDArray[Any]:
        view = self._views.get(type_)
        if view is None:
            width = np.dtype(type_).itemsize
            count = max(0, len(self.data) - width + 1)
            view = np.ndarray(count, type_, self.data.data, strides=(1,))
            self._views[type_] = view
        return view

    def u8(self, at: Index) -> npt.NDArray[np.uint8]:
        """One octet at each place."""
        return self.data.take(at)

    def u16(self, at: Index) -> npt.NDArray[np.uint16]:
        """Two octets at each place, least significant first."""
        return self._view("<u2")[at]

    def u32(self, at: Index) -> npt.NDArray[np.uint32]:
        """Four octets at each place, least significant first."""
        return self._view("<u4")[at]

    def u64(self, at: Index) -> npt.NDArray[np.uint64]:
        """Eight octets at each place, least significant first."""
        return self._view("<u8")[at]

    def rows(self, at: Index, width: int) -> npt.NDArray[np.uint8]:
        """`width` octets at each place, as a matrix with one row a place."""
        found = self._view(f"V{width}")[at]
        return found.view(np.uint8).reshape(len(at), width)

    def write(self, at: Index, rows: npt.NDArray[np.uint8]) -> None:
        """Overwrite the octets at each place with the row of a matrix."""
        width = rows.shape[1]
        self._view(f"V{width}")[at] = np.ascontiguousarray(rows).view(f"V{width}").reshape(-1)


@dataclass(slots=True, eq=False, repr=False)
class Span:
    """Where the octets of a layer lie: row number in the block, first octet, and one past the last."""

    rows: Index
    offset: Index
    end: Index

    def __len__(self) -> int:
        return len(self.rows)

    def where(self, chosen: Mask | Index) -> Span:
        """The same layer for the chosen rows only."""
        return Span(self.rows[chosen], self.offset[chosen], self.end[chosen])

    def after(self, octets: Index | int) -> Span:
        """What follows the first `octets` octets."""
        return Span(self.rows, self.offset + octets, self.end)

    @property
    def length(self) -> Index:
        """Octets of each row."""
        return self.end - self.offset


class RowFields:
    """Base of what a layer knows of its rows: fields with one entry a row.

    Of chosen rows (`where`) a field is cut out when it is first asked for: most layers above ask for few.
    """

    def where(self, chosen: Mask | Index) -> Self:
        """The chosen rows."""
        out = object.__new__(type(self))
        index = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen
        out.__dict__.update(_whole=self, _chosen=index)
        return out

    def __getattr__(self, name: str) -> Any:
        whole = self.__dict__.get("_whole")
        if whole is None or name.startswith("_"):
            raise AttributeError(name)
        field, chosen = getattr(whole, name), self.__dict__["_chosen"]
        found = self.__dict__[name] = field.where(chosen) if isinstance(field, Span) else field[chosen]
        return found


def padded(records: list[bytes]) -> tuple[npt.NDArray[np.uint8], Index, Index]:
    """One padded buffer of `records`, with the offset and end of each."""
    lengths = np.fromiter(map(len, records), np.int64, len(records))
    end = np.cumsum(lengths) + PADDING
    data = np.frombuffer(b"".join((bytes(PADDING), *records, bytes(PADDING))), np.uint8)
    return data, end - lengths, end

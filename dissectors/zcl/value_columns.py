"""Attribute values of many records at once: as text, as number, and in words.

Strategy: plain integers, nearly all of metering, are gathered, masked and written by Arrow's number printer.
Every other value (enumerations, bitmaps, times, strings, floats) goes through the one-frame path's own
functions, once for each distinct value of its kind; what they said is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from dissectors.vectors import Index, Mask, Octets

__all__ = ["Values", "integers", "text_array"]

U64 = npt.NDArray[np.uint64]
KEPT = 65_536
"""Distinct values whose text is kept."""
_MASKS = np.array([(1 << 8 * n) - 1 for n in range(8)] + [(1 << 64) - 1], np.uint64)


def integers(octets: Octets, at: Index, size: Index) -> U64:
    """Little-endian unsigned integers of up to 8 octets each."""
    found: U64 = octets.u64(at) & _MASKS.take(np.minimum(size, 8))
    return found


def signed(values: U64, size: Index) -> npt.NDArray[np.int64]:
    """The same octets read as signed integers."""
    shift = (64 - 8 * np.clip(size, 1, 8)).astype(np.uint64)
    return (values << shift).view(np.int64) >> shift.view(np.int64)


def text_array(texts: Sequence[str | None]) -> Any:
    """Texts as an Arrow array (`pyarrow.array` would import pandas)."""
    import pyarrow as pa

    encoded = [b"" if text is None else text.encode("utf-8", "replace") for text in texts]
    offsets = np.zeros(len(encoded) + 1, np.int32)
    np.cumsum([len(e) for e in encoded], out=offsets[1:])
    valid = np.array([text is not None for text in texts], np.bool_)
    bitmap = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    buffers = [bitmap, pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(encoded), buffers)


def integer_texts(values: npt.NDArray[Any]) -> Any:
    """Integers in decimal, as an Arrow array of texts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    data = np.ascontiguousarray(values)
    numbers = pa.Array.from_buffers(pa.from_numpy_dtype(data.dtype), len(data), [None, pa.py_buffer(data)])
    return pc.cast(numbers, pa.string())


def rearranged(parts: Sequence[tuple[Index, Any]], count: int) -> Any:
    """One Arrow array of texts, put together from arrays whose elements belong at the given places."""
    import pyarrow as pa

    parts = [part for part in parts if len(part[0])]
    if len(parts) == 1 and len(parts[0][0]) == count:
        return parts[0][1]
    order = np.empty(count, np.int64)
    where = np.concatenate([place for place, _ in parts]) if parts else np.zeros(0, np.int64)
    order[where] = np.arange(len(where))
    index = pa.Array.from_buffers(pa.int64(), count, [None, pa.py_buffer(order)])
    return pa.concat_arrays([texts for _, texts in parts]).take(index) if parts else text_array([])


@dataclass(slots=True)
class Values:
    """What a set of records says: text and meaning as Arrow arrays, numbers with their validity."""

    text: Any
    number: npt.NDArray[np.float64]
    numeric: Mask
    meaning: Any


Saying = tuple[str | None, float | None, str | None]
"""A value as text, as number, and in words."""


@dataclass(slots=True)
class Phrases:
    """What distinct values were found to say; codes stay the same while it is not full (kept in the context)."""

    codes: dict[Hashable, int] = field(default_factory=dict)
    said: list[Saying] = field(default_factory=list)
    _texts: Any = None
    _meanings: Any = None
    _numbers: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def code(self, key: Hashable, tell: Callable[[], Saying]) -> int:
        """The code of what `key` says; `tell` is asked once for each key."""
        code = self.codes.get(key)
        if code is None:
            code = self.codes[key] = len(self.said)
            self.said.append(tell())
        return code

    def forget(self) -> None:
        """Start again when it is full; codes given before are void."""
        if len(self.said) > KEPT:
            self.codes.clear()
            self.said.clear()
            self._texts = None

    def spoken(self, codes: Index) -> tuple[Any, npt.NDArray[np.float64], Any]:
        """Texts, numbers (NaN: none) and meanings of many codes."""
        if self._texts is None or len(self._texts) != len(self.said):
            self._texts = text_array([one[0] for one in self.said])
            self._meanings = text_array([one[2] for one in self.said])
            self._numbers = np.array([np.nan if one[1] is None else one[1] for one in self.said])
        index = places(codes)
        return self._texts.take(index), self._numbers[codes], self._meanings.take(index)


def places(codes: Index) -> Any:
    """Indices as an Arrow array."""
    import pyarrow as pa

    data = np.ascontiguousarray(codes, np.int64)
    return pa.Array.from_buffers(pa.int64(), len(data), [None, pa.py_buffer(data)])

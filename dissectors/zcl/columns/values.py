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

from dissectors.vectors import Index, Mask, OctetArray

__all__ = ["ValueColumns", "integers", "text_array"]

U64 = npt.NDArray[np.uint64]
KEPT = 65_536
"""Distinct values whose text is kept."""
_MASKS = np.array([(1 << 8 * n) - 1 for n in range(8)] + [(1 << 64) - 1], np.uint64)


def integers(octets: OctetArray, at: Index, size: Index) -> U64:
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

    from dissectors.vectors import kernels

    data = np.ascontiguousarray(values)
    numbers = pa.Array.from_buffers(pa.from_numpy_dtype(data.dtype), len(data), [None, pa.py_buffer(data)])
    return kernels.as_text(numbers)


@dataclass(slots=True, eq=False, repr=False)
class ValueColumns:
    """What a set of records says: text and meaning as Arrow arrays, numbers with their validity."""

    text: Any
    number: npt.NDArray[np.float64]
    numeric: Mask
    meaning: Any


RenderedValue = tuple[str | None, float | None, str | None]
"""A value as text, as number, and in words."""


NOTHING, INVALID = 0, 1
"""Codes of the phrases that are always there: no value at all, and a number that means "not available"."""


@dataclass(slots=True, eq=False, repr=False)
class RenderedValues:
    """What distinct values were found to say; codes stay the same while it is not full (kept in the context)."""

    codes: dict[Hashable, int] = field(default_factory=dict)
    values: list[RenderedValue] = field(default_factory=lambda: [(None, None, None), (None, None, "invalid")])
    kinds: dict[Hashable, int] = field(default_factory=dict)
    octets: Index = field(default_factory=lambda: np.zeros(256, np.int64))
    _texts: Any = None
    _meanings: Any = None
    _numbers: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def kind(self, about: Hashable) -> int:
        """A number for a kind of value; ``octets[number << 8 | octet]`` is the code of a value of one octet."""
        number = self.kinds.setdefault(about, len(self.kinds))
        if len(self.octets) <= number << 8:
            self.octets = np.concatenate([self.octets, np.zeros(len(self.octets), np.int64)])
        return number

    def code(self, key: Hashable, tell: Callable[[], RenderedValue]) -> int:
        """The code of what `key` says; `tell` is asked once for each key."""
        code = self.codes.get(key)
        if code is None:
            code = self.codes[key] = len(self.values)
            self.values.append(tell())
        return code

    def forget(self) -> None:
        """Start again when it is full; codes given before are void."""
        if len(self.values) > KEPT:
            self.codes.clear()
            del self.values[INVALID + 1 :]
            self._texts = self._meanings = None
            self._numbers = np.zeros(0)
            self.octets[:] = NOTHING

    def _write(self) -> None:
        """Append what was said since it was last written."""
        fresh = self.values[len(self._numbers) :]
        if fresh:
            numbers = np.array([np.nan if one[1] is None else one[1] for one in fresh])
            self._texts = _appended(self._texts, text_array([one[0] for one in fresh]))
            self._meanings = _appended(self._meanings, text_array([one[2] for one in fresh]))
            self._numbers = np.concatenate([self._numbers, numbers])

    def texts(self) -> Any:
        """All texts."""
        self._write()
        return self._texts

    def numbers(self, codes: Index) -> npt.NDArray[np.float64]:
        """Numbers of many codes; NaN where there is none."""
        self._write()
        return self._numbers[codes]

    def meanings(self, codes: Index) -> Any:
        """Meanings of many codes."""
        from dissectors.vectors import kernels

        self._write()
        return kernels.take(self._meanings, places(codes))


def _appended(texts: Any, fresh: Any) -> Any:
    """Two Arrow arrays, one after the other; there may be no first one."""
    import pyarrow as pa

    return fresh if texts is None else pa.concat_arrays([texts, fresh])


def places(codes: Index) -> Any:
    """Indices as an Arrow array."""
    import pyarrow as pa

    data = np.ascontiguousarray(codes, np.int64)
    return pa.Array.from_buffers(pa.int64(), len(data), [None, pa.py_buffer(data)])

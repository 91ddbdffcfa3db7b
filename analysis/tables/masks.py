"""Which values of a column of Arrow fit a comparison, null counting as no.

Strategy: of texts each distinct one is looked at once, and what was said of a dictionary is kept, as that of the next
batch mostly begins with it; numbers are compared by numpy in their own width.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.tables.addresses import address_number
from analysis.tables.arrow import column_array, numpy_of, truths_of
from analysis.tables.filter_language import MOST_DIGITS
from analysis.tables.times import time_ns
from dissectors.vectors import kernels

__all__ = [
    "Comparison",
    "Mask",
    "WordTest",
    "any_item",
    "is_list",
    "items_of",
    "number_of",
    "present",
    "valid_of",
]

Mask = npt.NDArray[np.bool_]
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def is_text(kind: Any) -> bool:
    """Whether a type of Arrow holds texts, plain or by a dictionary."""
    return bool(pa.types.is_dictionary(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind))


class WordTest:
    """A test of texts.

    Args:
        fits: says it of one text.
    """

    def __init__(self, fits: Callable[[str], bool]) -> None:
        self._fits = fits
        self._known: Any = None
        self._verdicts = np.zeros(0, np.bool_)

    def __call__(self, array: Any) -> Mask:
        if is_list(array.type):
            return any_item(array, self)
        if not is_text(array.type):
            array = _texts(array)
        coded = array if pa.types.is_dictionary(array.type) else kernels.coded(array)
        codes, valid = numpy_of(coded)
        verdicts = self._of(coded.dictionary)
        return valid & verdicts.take(codes, mode="clip") if len(verdicts) else np.zeros(len(codes), np.bool_)

    def _of(self, words: Any) -> Mask:
        known = self._known
        if known is None or not known.equals(words.slice(0, len(known))):
            self._verdicts = np.zeros(0, np.bool_)
        fresh = [
            word is not None and self._fits(str(word))
            for word in words.slice(len(self._verdicts)).to_pylist()
        ]
        if fresh:
            self._verdicts = np.concatenate([self._verdicts, np.array(fresh, np.bool_)])
        self._known = words
        return self._verdicts


class Comparison:
    """``column operator value``, whatever kind of column it is; false of all where the value cannot be of its kind.

    Args:
        value: a number, a text or a truth value.
        address: the column holds addresses, as numbers or as hex digits.
    """

    def __init__(self, operator: str, value: Any, *, address: bool = False) -> None:
        self.operator, self.value, self.address = COMPARE[operator], value, address
        self.number = address_number(value) if address and isinstance(value, str) else number_of(value)
        self.ordered = operator not in ("==", "!=")
        self._words = WordTest(self._word)

    def __call__(self, array: Any) -> Mask:
        kind = array.type
        if is_list(kind):
            return any_item(array, self)
        if is_text(kind):
            return self._words(array)
        if pa.types.is_boolean(kind):
            truth = TRUTHS.get(str(self.value).lower())
            truths, valid = truths_of(array)
            return (
                valid & self.operator(truths, truth) if truth is not None else np.zeros(len(array), np.bool_)
            )
        value = self._time() if pa.types.is_timestamp(kind) else self.number
        if value is None or pa.types.is_null(kind):
            return np.zeros(len(array), np.bool_)
        values, valid = numpy_of(array)
        if pa.types.is_floating(kind):
            value = float(value)
        return np.asarray(self.operator(values, value) & valid, np.bool_)

    def _time(self) -> int | float | None:
        if not isinstance(self.value, str):
            return self.number  # nanoseconds
        try:
            return time_ns(self.value)
        except ValueError:
            return None

    def _word(self, word: str) -> bool:
        """What is so of one text: addresses and numbers are compared as such, where both sides are."""
        if self.address:
            digits = address_number(word)
            if digits is not None and self.number is not None:
                return bool(self.operator(digits, self.number))
        if isinstance(self.value, str):
            return bool(self.operator(word, self.value))
        number = _written(word)
        if number is not None:
            return bool(self.operator(number, self.value))
        return not self.ordered and bool(self.operator(word, str(self.value)))


def is_list(kind: Any) -> bool:
    """Whether a type of Arrow holds lists."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def any_item(array: Any, test: Callable[[Any], Mask]) -> Mask:
    """Which lists have an item that fits."""
    rows, items = items_of(array)
    out = np.zeros(len(array), np.bool_)
    out[rows[test(items)]] = True
    return out


def items_of(array: Any) -> tuple[npt.NDArray[np.intp], Any]:
    """The items of all lists, and which row each belongs to."""
    ends = np.frombuffer(array.buffers()[1], np.int32, len(array) + 1, array.offset * 4)
    sizes = np.where(valid_of(array), np.diff(ends), 0)
    if len(array) and not valid_of(array).all():  # a list that is null may have octets all the same
        wanted = np.concatenate([np.arange(low, low + n) for low, n in zip(ends[:-1], sizes, strict=True)])
        return np.repeat(np.arange(len(array)), sizes), array.values.take(pa.array(wanted, pa.int64()))
    start, end = (int(ends[0]), int(ends[-1])) if len(array) else (0, 0)
    return np.repeat(np.arange(len(array)), sizes), array.values.slice(start, end - start)


def present(array: Any) -> Mask:
    """Which rows have a value, and not false."""
    if pa.types.is_boolean(array.type):
        truths, valid = truths_of(array)
        return np.asarray(truths & valid, np.bool_)
    return valid_of(array)


def valid_of(array: Any) -> Mask:
    """Which rows have a value."""
    if array.null_count == 0:
        return np.ones(len(array), np.bool_)
    if array.null_count == len(array):
        return np.zeros(len(array), np.bool_)
    bitmap = (array.indices if pa.types.is_dictionary(array.type) else array).buffers()[0]
    bits = np.unpackbits(np.frombuffer(bitmap, np.uint8), bitorder="little")
    return np.asarray(bits[array.offset : array.offset + len(array)], np.bool_)


def number_of(value: Any) -> int | float | None:
    """A number, or the one that a text writes, also in hex digits without 0x.

    >>> number_of("12"), number_of("0x10"), number_of("1.5"), number_of("1a62"), number_of("ZCL")
    (12, 16, 1.5, 6754, None)
    """
    if not isinstance(value, str):
        found: int | float | None = value
        return found
    written = _written(value.strip())
    return address_number(value) if written is None else written


def _written(text: str) -> int | float | None:
    if len(text) > MOST_DIGITS:
        return None
    try:
        return int(text, 0) if text.lower().startswith("0x") else int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return None


def _texts(array: Any) -> Any:
    """Values of any other kind as texts."""
    if pa.types.is_timestamp(array.type):
        from analysis.tables.python_values import iso_time

        values = pa.Array.from_buffers(
            pa.int64(), len(array), array.buffers(), offset=array.offset
        ).to_pylist()
        return column_array([None if value is None else iso_time(value) for value in values], pa.string())
    if pa.types.is_boolean(array.type):
        return column_array([None if v is None else str(v).lower() for v in array.to_pylist()], pa.string())
    return kernels.as_text(array)

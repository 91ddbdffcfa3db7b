"""Arrow columns as plain pandas columns: what rules compare and group is fast, and a null is never equal to
anything.

Strategy: numbers are copied once, with the nulls beside them; dictionaries become categoricals of
the words in use, their codes as short as they can be; times go by way of Arrow's integers, because pandas
goes through one Python object each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from analysis.tables.arrow import numpy_of, truths_of

__all__ = ["arrow_of", "nanoseconds", "no_code_where_null", "nulls", "plain", "taken"]

MASKED = {
    "uint8": "UInt8", "uint16": "UInt16", "uint32": "UInt32", "uint64": "UInt64",
    "int8": "Int8", "int16": "Int16", "int32": "Int32", "int64": "Int64", "bool": "boolean",
}  # fmt: skip
TIME = pa.timestamp("ns", "UTC")
FEW = 32
"""So many codes are looked for one by one in less time than all are put into a table."""


def arrow_of(values: Any) -> Any:
    """The Arrow array behind a column, or None: `values` is a pandas column or Arrow's own."""
    return getattr(values.array, "_pa_array", None) if isinstance(values, pd.Series) else values


def plain(values: Any, kind: str) -> Any:
    """A column (Arrow's, or one of pandas) of the schema's type `kind` as a pandas column."""
    arrow = arrow_of(values)
    if arrow is None:
        return _from_pandas(values.reset_index(drop=True), kind)
    if kind == "category":
        return _categorical(arrow)
    if kind == "frames":
        return _frames(arrow.to_pylist())
    whole = _whole(arrow)
    if kind == "time":
        return _times(whole)
    if kind == "float64":
        numbers = whole.cast("float64")
        return numbers.fill_null(np.nan).to_numpy(zero_copy_only=False)
    return _masked(whole, kind) if kind in MASKED else pd.Series(_objects(whole), dtype=object, copy=False)


def taken(values: Any, places: Any) -> Any:
    """Some rows of a column, in the order of the table, before it is made plain."""
    arrow = arrow_of(values)
    if arrow is None:
        return values.iloc[places]
    chunks = getattr(arrow, "chunks", None)
    if chunks is None or bool((places[1:] < places[:-1]).any()):
        return arrow.take(places)
    # Arrow's own take of a column of chunks goes over all of them.
    bounds = np.cumsum([0, *map(len, chunks)])
    at = np.searchsorted(places, bounds)
    parts = [
        chunk.take(pa.array(places[low:high] - start))
        for chunk, low, high, start in zip(chunks, at, at[1:], bounds, strict=False)
        if high > low
    ]
    return pa.chunked_array(parts, arrow.type)


def nanoseconds(values: Any) -> tuple[Any, Any]:
    """A column of times as whole nanoseconds since 1970, and which of them are known."""
    arrow = arrow_of(values)
    if arrow is None:
        times = pd.DatetimeIndex(_from_pandas(values, "time")).asi8
        return times, times != np.iinfo(np.int64).min
    chunks = getattr(arrow, "chunks", None) or [arrow]
    numbers, known = np.empty(len(arrow), np.int64), np.empty(len(arrow), np.bool_)
    for chunk, part in _parts(chunks):
        numbers[part], known[part] = numpy_of(chunk if chunk.type == TIME else chunk.cast(TIME))
    return numbers, known


def nulls(length: int, kind: str) -> Any:
    """A column of nulls."""
    if kind == "category":
        return pd.Series(pd.Categorical([None] * length))
    if kind == "time":
        return pd.Series(pd.DatetimeIndex([pd.NaT] * length, tz="UTC"))
    if kind in MASKED:
        return pd.Series([pd.NA] * length, dtype=MASKED[kind])
    if kind == "frames":
        return _frames([None] * length)
    return pd.Series([None] * length, dtype="float64" if kind == "float64" else object)


def _whole(arrow: Any) -> Any:
    """One array of all chunks; no copy where there is one."""
    chunks = getattr(arrow, "chunks", None)
    if chunks is None:
        return arrow
    return chunks[0] if len(chunks) == 1 else arrow.combine_chunks()


def _times(whole: Any) -> Any:
    integers = whole.cast(TIME).cast(pa.int64())
    nanoseconds = integers.fill_null(np.iinfo(np.int64).min).to_numpy(zero_copy_only=False)
    return pd.DatetimeIndex(nanoseconds, dtype="datetime64[ns, UTC]").array


def _objects(whole: Any) -> Any:
    """Python's values; of a column of texts most of which are null each null is not looked at."""
    if not pa.types.is_string(whole.type) or whole.null_count * 2 < len(whole):
        return whole.to_pylist()
    out = np.full(len(whole), None, dtype=object)
    out[whole.is_valid().to_numpy(zero_copy_only=False)] = whole.drop_null().to_pylist()
    return out


def _masked(arrow: Any, kind: str) -> Any:
    """Integers and truth values with their nulls apart; never through floats. Of many chunks numpy makes one column
    faster than Arrow does: it asks the system for large pages of memory."""
    wanted = pa.bool_() if kind == "bool" else pa.type_for_alias(kind)
    read = truths_of if kind == "bool" else numpy_of
    chunks = getattr(arrow, "chunks", None) or [arrow]
    width = np.bool_ if kind == "bool" else np.dtype(kind)
    values, unknown = np.empty(len(arrow), width), np.empty(len(arrow), np.bool_)
    for chunk, part in _parts(chunks):
        values[part], known = read(chunk if chunk.type == wanted else chunk.cast(wanted))
        np.logical_not(known, out=unknown[part])
    array = pd.arrays.BooleanArray if kind == "bool" else pd.arrays.IntegerArray
    return array(values, unknown)


def _categorical(arrow: Any) -> Any:
    chunks, words = _coded(arrow)
    width = _width(len(words))
    found: Any = np.empty(sum(map(len, chunks)), width)
    for chunk, part in _parts(chunks):
        found[part], known = numpy_of(chunk)
        no_code_where_null(found[part], known)
    used = _used(found, len(words))
    if not used.all():
        count = int(used.sum())
        place = np.full(len(words) + 1, -1, _width(count))
        place[:-1][used] = np.arange(count)
        found, words = place[found], words.filter(used)
    return pd.Categorical.from_codes(found, dtype=_words(tuple(words.to_pylist())), validate=False)


@lru_cache(maxsize=128)
def _words(words: tuple[str, ...]) -> Any:
    """The type of columns of these words. To make one takes pandas half a millisecond, and the columns of some rows have
    the words of others."""
    return pd.CategoricalDtype(list(words))


def _parts(chunks: Iterable[Any]) -> Iterator[tuple[Any, slice]]:
    """Each chunk, and where its rows lie in the whole column."""
    end = 0
    for chunk in chunks:
        begin, end = end, end + len(chunk)
        yield chunk, slice(begin, end)


def no_code_where_null(codes: np.ndarray[Any, Any], known: np.ndarray[Any, Any]) -> None:
    """Make -1 of the codes that are not known, in place."""
    if not known.all():
        codes |= known.astype(codes.dtype) - codes.dtype.type(1)


def _width(count: int) -> Any:
    """The type of codes of so many words."""
    return np.int8 if count < 128 else np.int16 if count < 32768 else np.int32


def _used(codes: np.ndarray[Any, Any], size: int) -> np.ndarray[Any, Any]:
    """Which of the codes below `size` occur; -1 may occur as well."""
    if size <= FEW:
        return np.array([(codes == code).any() for code in range(size)], np.bool_)
    used = np.zeros(size + 1, np.bool_)
    used[codes] = True
    return used[:size]


def _coded(arrow: Any) -> tuple[list[Any], Any]:
    """Chunks whose codes stand for the same words, and these words."""
    if not pa.types.is_dictionary(arrow.type):
        arrow = arrow.dictionary_encode()
    chunks = getattr(arrow, "chunks", [arrow])
    if not chunks:
        return [], pa.array([], pa.string())
    words = max((chunk.dictionary for chunk in chunks), key=len)
    if not all(chunk.dictionary.equals(words.slice(0, len(chunk.dictionary))) for chunk in chunks):
        chunks = arrow.unify_dictionaries().chunks
        words = chunks[0].dictionary
    return chunks, words


def _frames(values: Any) -> Any:
    return pd.Series([[] if v is None else list(v) for v in values], dtype=object)


def _from_pandas(values: Any, kind: str) -> Any:
    """A column without Arrow behind it, as tables made by hand have."""
    if kind == "category":
        return values.astype("category")
    if kind == "time":
        return pd.Series(pd.DatetimeIndex(pd.to_datetime(values, utc=True)).as_unit("ns"))
    if kind == "float64":
        return values.astype("Float64").to_numpy(dtype="float64", na_value=np.nan)
    if kind == "frames":
        return _frames([v if isinstance(v, list | tuple | np.ndarray) else None for v in values])
    return values.astype(MASKED[kind]) if kind in MASKED else values.astype(object)

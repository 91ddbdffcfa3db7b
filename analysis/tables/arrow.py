"""The tables' Arrow types, made from `analysis.tables.schema`, and the door that every batch goes through.

Strategy: arrays are put together from buffers, because `pyarrow.array` imports pandas behind one's back (a
third of a second that `decode --format csv` does not owe). Integers never pass through floating point.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from analysis.tables.schema import TABLES
from dissectors.text import printable

__all__ = [
    "SchemaError",
    "arrow_schema",
    "batch_of",
    "check_batch",
    "codes_of",
    "column_array",
    "empty_table",
    "numpy_of",
    "shown",
    "sound_text",
    "truths_of",
]


class SchemaError(TypeError):
    """A batch does not have the columns that `analysis.tables.schema` promises: our mistake, not the input's."""


OWN_TYPES: dict[str, Callable[[], Any]] = {
    "time": lambda: pa.timestamp("ns", tz="UTC"),
    "category": lambda: pa.dictionary(pa.int32(), pa.string()),
    "frames": lambda: pa.list_(pa.uint64()),
}
FEW_WORDS = pa.dictionary(pa.int8(), pa.string())


@cache
def arrow_schema(table: str) -> Any:
    """The `pyarrow.Schema` of `table`; unit and meaning of each column stand in its metadata."""
    fields = []
    for column in TABLES[table]:
        own = OWN_TYPES.get(column.type)
        type_ = FEW_WORDS if column.few else own() if own else pa.type_for_alias(column.type)
        told = {"meaning": column.meaning} | ({"unit": column.unit} if column.unit else {})
        fields.append(pa.field(column.name, type_, metadata=told))
    return pa.schema(fields)


def check_batch(table: str, batch: Any) -> Any:
    """`batch` itself, if its columns and types are those of `table`.

    Raises:
        SchemaError: naming the first column that differs.
    """
    wanted = arrow_schema(table)
    if list(batch.schema.names) != list(wanted.names):
        odd = set(batch.schema.names) ^ set(wanted.names)
        raise SchemaError(f"{table}: columns differ from the schema: {sorted(odd) or 'order'}")
    for name, found, type_ in zip(wanted.names, batch.schema.types, wanted.types, strict=True):
        if found != type_:
            raise SchemaError(f"{table}.{name}: {found} instead of {type_}")
    return batch


def empty_table(table: str) -> Any:
    """`table` without rows, its types kept."""
    return pa.Table.from_batches([batch_of(table, [])])  # `Schema.empty_table` would import pandas


def batch_of(
    table: str, rows: Sequence[Mapping[str, Any]], refused: Callable[[str, Any], None] | None = None
) -> Any:
    """`rows` (dictionaries; an absent name is null) as one record batch of `table`.

    A value that its column cannot hold becomes null and is handed to `refused` with ``table.column``;
    without `refused` it raises `SchemaError`, as does a name that is no column.
    """
    schema = arrow_schema(table)
    known = set(schema.names)
    strange = {name for row in rows for name in row.keys() - known}
    if strange:
        _refuse(refused, f"{table}.{min(strange)}", "no such column")
    arrays = []
    for name, type_ in zip(schema.names, schema.types, strict=True):
        values = [row.get(name) for row in rows]
        try:
            array = column_array(values, type_)
        except (TypeError, ValueError, OverflowError):
            values = _without_misfits(values, type_, lambda v, n=name: _refuse(refused, f"{table}.{n}", v))  # type: ignore[misc]
            array = column_array(values, type_)
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _refuse(refused: Callable[[str, Any], None] | None, where: str, value: Any) -> None:
    if refused is None:
        raise SchemaError(f"{where} cannot hold {value!r}")
    refused(where, value)


def _without_misfits(values: list[Any], type_: Any, misfit: Callable[[Any], None]) -> list[Any]:
    kept = []
    for value in values:
        try:
            column_array([value], type_)
            kept.append(value)
        except (TypeError, ValueError, OverflowError):
            misfit(value)
            kept.append(None)
    return kept


def column_array(values: Sequence[Any], type_: Any) -> Any:
    """`values` (None is null) as an Arrow array of `type_`.

    Raises:
        TypeError, ValueError, OverflowError: a value does not belong in the type.
    """
    if pa.types.is_dictionary(type_):
        return _dictionary(values, type_)
    if pa.types.is_string(type_):
        return _strings(values)
    if pa.types.is_list(type_):
        return _lists(values, type_)
    valid = np.fromiter((v is not None for v in values), np.bool_, len(values))
    if pa.types.is_boolean(type_):
        bits = np.fromiter((_truth(v) for v in values), np.bool_, len(values))
        return _from_numpy(np.packbits(bits, bitorder="little"), valid, type_)
    if pa.types.is_floating(type_):
        numbers = np.fromiter((0.0 if v is None else float(v) for v in values), np.float64, len(values))
        return _from_numpy(numbers, valid, type_)
    width = np.dtype(np.int64) if pa.types.is_timestamp(type_) else np.dtype(type_.to_pandas_dtype())
    integers = np.fromiter((0 if v is None else _whole(v) for v in values), width, len(values))
    return _from_numpy(integers, valid, type_)


def _truth(value: Any) -> bool:
    if value not in (None, True, False):
        raise TypeError("not a truth value")
    return bool(value)


def _whole(value: Any) -> int:
    if isinstance(value, float):
        raise TypeError("a float where a whole number belongs")
    return int(value)


def _bitmap(valid: np.ndarray[Any, Any]) -> Any:
    return None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))


def _from_numpy(data: np.ndarray[Any, Any], valid: np.ndarray[Any, Any], type_: Any) -> Any:
    return pa.Array.from_buffers(
        type_, len(valid), [_bitmap(valid), pa.py_buffer(np.ascontiguousarray(data))]
    )


def sound_text(text: str) -> str:
    """`text` as Unicode can hold it: a lone surrogate (from octets that were no UTF-8) as ``\\udc80``."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


def shown(table: Any) -> Any:
    """An Arrow table as people may be shown it: every text printable (`dissectors.text.display`)."""
    for place, field in enumerate(table.schema):
        column = table.column(place)
        dictionary = pa.types.is_dictionary(field.type)
        if not dictionary and not pa.types.is_string(field.type):
            continue
        chunks = [_shown(one, dictionary) for one in column.chunks]
        if any(new is not old for new, old in zip(chunks, column.chunks, strict=True)):
            table = table.set_column(place, field, pa.chunked_array(chunks, field.type))
    return table


def _shown(chunk: Any, dictionary: bool) -> Any:
    strings = chunk.dictionary if dictionary else chunk
    data = strings.buffers()[2]
    octets = np.frombuffer(b"" if data is None else data, np.uint8)
    if not ((octets < 0x20) | (octets > 0x7E)).any():
        return chunk
    texts = strings.to_pylist()
    if all(text is None or text.isprintable() for text in texts):
        return chunk
    words = _strings([None if text is None else printable(text) for text in texts])
    return pa.DictionaryArray.from_arrays(chunk.indices, words) if dictionary else words


def _strings(values: Sequence[Any]) -> Any:
    types = set(map(type, values))
    if types == {str}:
        whole, valid = "".join(values), None
        octets = whole.encode() if whole.isascii() else None
    elif any(v is not None and not isinstance(v, str) for v in values):
        raise TypeError("text expected")
    else:
        octets, valid = None, np.fromiter((v is not None for v in values), np.bool_, len(values))
    if octets is None:
        values = [b"" if v is None else v.encode("utf-8", "backslashreplace") for v in values]
        octets = b"".join(values)
    offsets = np.zeros(len(values) + 1, np.int32)
    np.cumsum(np.fromiter(map(len, values), np.int32, len(values)), out=offsets[1:])
    buffers = [None if valid is None else _bitmap(valid), pa.py_buffer(offsets), pa.py_buffer(octets)]
    return pa.Array.from_buffers(pa.string(), len(values), buffers)


def _dictionary(values: Sequence[Any], type_: Any) -> Any:
    if any(v is not None and not isinstance(v, str) for v in values):
        raise TypeError("text expected")
    # Made sound before they are told apart: pandas refuses a dictionary with one word twice.
    sound = {value: sound_text(value) for value in dict.fromkeys(values) if value is not None}
    places = {word: place for place, word in enumerate(dict.fromkeys(sound.values()))}
    codes = {value: places[word] for value, word in sound.items()}
    words = _strings(list(places))
    indices = column_array([None if v is None else codes[v] for v in values], type_.index_type)
    return pa.DictionaryArray.from_arrays(indices, words)


def _lists(values: Sequence[Any], type_: Any) -> Any:
    valid = np.fromiter((v is not None for v in values), np.bool_, len(values))
    offsets = np.zeros(len(values) + 1, np.int32)
    np.cumsum(np.fromiter((len(v or ()) for v in values), np.int32, len(values)), out=offsets[1:])
    inner = column_array(_flat(values), type_.value_type)
    return pa.Array.from_buffers(
        type_, len(values), [_bitmap(valid), pa.py_buffer(offsets)], children=[inner]
    )


def _flat(values: Iterable[Any]) -> list[Any]:
    return [item for value in values if value is not None for item in value]


def numpy_of(array: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The values of an Arrow array of integers or a dictionary's codes, and which are valid."""
    if pa.types.is_dictionary(array.type):
        array = array.indices
    width = np.int64 if pa.types.is_timestamp(array.type) else array.type.to_pandas_dtype()
    count = len(array)
    if count == 0:
        return np.zeros(0, width), np.zeros(0, np.bool_)
    bitmap, data = array.buffers()
    values = np.frombuffer(data, width, array.offset + count)[array.offset :]
    if bitmap is None:
        return values, np.ones(count, np.bool_)
    bits = np.unpackbits(np.frombuffer(bitmap, np.uint8), bitorder="little")
    return values, bits[array.offset : array.offset + count].view(np.bool_)


def truths_of(array: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """As `numpy_of`, for a column of truth values."""
    count = len(array)
    if count == 0:
        return np.zeros(0, np.bool_), np.zeros(0, np.bool_)
    window = slice(array.offset, array.offset + count)
    bitmap, data = array.buffers()
    values = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[window].view(np.bool_)
    if bitmap is None:
        return values, np.ones(count, np.bool_)
    return values, np.unpackbits(np.frombuffer(bitmap, np.uint8), bitorder="little")[window].view(np.bool_)


def codes_of(array: Any, words: Iterable[str]) -> np.ndarray[Any, Any]:
    """Where a dictionary-encoded array holds one of `words`."""
    codes, valid = numpy_of(array)
    wanted = set(words)
    known = array.dictionary.to_pylist()
    hit = np.fromiter((word in wanted for word in known), np.bool_, len(known))
    return valid & hit[np.where(valid, codes, 0)] if len(hit) else np.zeros(len(codes), np.bool_)

"""Addresses as they leave the program: 16 hex digits of an EUI-64, 4 of a short address, dictionary-encoded.

As integers they lose digits in spreadsheets, jq and JavaScript, and nobody finds them again. Inside, where rules group
and compare a million of them, they stay numbers: this is the door between the two.

Strategy: a column's distinct numbers are found by Arrow, and only these are written as digits, all at once.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.tables.arrow import arrow_schema, codes_of, column_array, numpy_of
from analysis.tables.schema import TABLES
from dissectors.vectors import kernels

__all__ = [
    "address_number",
    "address_text",
    "row_with_addresses",
    "text_schema",
    "with_addresses",
    "with_numbers",
]

TEXT = pa.dictionary(pa.int32(), pa.string())
LONG, SHORT = 16, 4
SHORT_END = 0x10000
DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)


def address_text(value: int, size: int = 0) -> str:
    """An address as hex digits; as many as it needs where `size` is 0: 4 of a short address, else 16.

    >>> address_text(0x1A2B, 4), address_text(0x1A2B, 16), address_text(0x1A2B), address_text(0x0022080000000001)
    ('1a2b', '0000000000001a2b', '1a2b', '0022080000000001')
    """
    return f"{value:0{size or (SHORT if value < SHORT_END else LONG)}x}"


def address_number(text: str) -> int | None:
    """An address of up to 16 hex digits, with or without marks between them and 0x before; None for anything else.

    >>> address_number("00:22:08:00-00-00-00-01"), address_number("0x1a2b"), address_number("gas meter")
    (9578945301184513, 6699, None)
    """
    digits = re.sub(r"[:\-\s]|^0[xX]", "", text)
    return int(digits, 16) if re.fullmatch(r"[0-9a-fA-F]{1,16}", digits) else None


@cache
def _addresses(table: str) -> dict[str, str]:
    """Kind of each address column that is held as a number."""
    return {c.name: c.address for c in TABLES[table] if c.address and c.type.startswith("uint")}


@cache
def text_schema(table: str) -> Any:
    """The `pyarrow.Schema` of a table with text addresses."""
    schema = arrow_schema(table)
    for name in _addresses(table):
        place = schema.get_field_index(name)
        schema = schema.set(place, schema.field(place).with_type(TEXT))
    return schema


def with_addresses(table: str, content: Any) -> Any:
    """An Arrow batch or table with its address columns as text; what is text already stays.

    Args:
        table: name of the table whose columns it has, or some of them.
    """
    arrays, fields = list(content.columns), list(content.schema)
    names = content.schema.names
    for name, kind in _addresses(table).items():
        if name not in names or not pa.types.is_integer(fields[names.index(name)].type):
            continue
        place = names.index(name)
        modes = arrays[names.index(kind)] if kind in names else None
        arrays[place] = _text_column(arrays[place], kind, modes)
        fields[place] = fields[place].with_type(TEXT)
    return type(content).from_arrays(arrays, schema=pa.schema(fields, metadata=content.schema.metadata))


def _text_column(column: Any, kind: str, modes: Any) -> Any:
    if not isinstance(column, pa.ChunkedArray):
        return _texts(column, kind, modes)
    chunks = column.chunks
    parts = [None] * len(chunks) if modes is None else modes.chunks
    if modes is not None and [len(part) for part in modes.chunks] != [len(chunk) for chunk in chunks]:
        chunks = [pa.concat_arrays(chunks)]
        parts = [pa.concat_arrays(modes.unify_dictionaries().chunks)]
    found = [_texts(chunk, kind, part) for chunk, part in zip(chunks, parts, strict=True)]
    return pa.chunked_array(found, TEXT)


def _texts(array: Any, kind: str, modes: Any) -> Any:
    coded = kernels.coded(array)
    values = numpy_of(coded.dictionary)[0].astype(np.uint64)
    if kind in ("eui64", "short"):
        return pa.DictionaryArray.from_arrays(
            coded.indices, _hex_texts(values, LONG if kind == "eui64" else SHORT)
        )
    short = values < SHORT_END
    if modes is not None and short.any():
        codes, valid = numpy_of(coded.indices)
        extended = codes_of(modes, ("extended",)) & valid
        if short[codes[extended]].any():  # an EUI-64 that begins with zeroes is no short address
            sizes = np.where(extended, LONG, SHORT).tolist()
            pairs = zip(array.to_pylist(), sizes, strict=True)
            return column_array(
                [None if value is None else address_text(value, size) for value, size in pairs], TEXT
            )
    return pa.DictionaryArray.from_arrays(coded.indices, _hex_texts(values, np.where(short, SHORT, LONG)))


def _hex_texts(values: npt.NDArray[np.uint64], size: int | npt.NDArray[np.int64]) -> Any:
    """Each value in so many hex digits, as an Arrow array of texts."""
    sizes = np.broadcast_to(np.asarray(size), len(values))
    octets = values.astype(">u8").view(np.uint8).reshape(-1, 8)
    digits = DIGITS[np.stack([octets >> 4, octets & 15], axis=2).reshape(-1, LONG)]
    written = digits[np.arange(LONG) >= LONG - sizes[:, None]]
    offsets = np.zeros(len(values) + 1, np.int32)
    np.cumsum(sizes, out=offsets[1:])
    return pa.Array.from_buffers(
        pa.string(), len(values), [None, pa.py_buffer(offsets), pa.py_buffer(written)]
    )


def with_numbers(table: str, content: Any) -> Any:
    """A DataFrame or Arrow table with addresses that are text as numbers, as rules want them; numbers stay.

    Categories of a DataFrame are plain texts then: pandas groups by them in their order, and rules want that of the rows.

    Raises:
        ValueError: a text that is no address, with its column.
    """
    if not hasattr(content, "schema"):  # a DataFrame: pandas is there already
        import pandas as pd

        text = [
            n
            for n in _addresses(table)
            if n in content and not pd.api.types.is_numeric_dtype(content[n].dtype)
        ]
        new = {name: _numbers(name, content[name]) for name in text}
        for name, type_ in content.dtypes.items():
            if name not in new and isinstance(type_, pd.CategoricalDtype):
                new[str(name)] = content[name].astype(pd.ArrowDtype(pa.string()))
        return content.assign(**new) if new else content
    for name in _addresses(table):
        place = content.schema.get_field_index(name)
        if place < 0 or pa.types.is_integer(content.schema.field(place).type):
            continue
        kind = arrow_schema(table).field(name)
        numbers = pa.array(_numbers(name, content.column(place).to_pandas()), kind.type, from_pandas=True)
        content = content.set_column(place, kind, numbers)
    return content


def _numbers(name: str, column: Any) -> Any:
    """A pandas column of addresses as UInt64; each distinct text is read once."""
    import pandas as pd  # not before a rule or a frame asks

    codes, words = pd.factorize(column)
    values = [address_number(word) if isinstance(word, str) else int(word) for word in words]
    if None in values:
        raise ValueError(f"{name}: {words[values.index(None)]!r} is no address of hex digits")
    known = np.array([*values, 0], np.uint64)
    return pd.Series(pd.arrays.IntegerArray(known[codes], codes < 0), index=column.index)


def row_with_addresses(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """A row of plain values with its addresses as text.

    >>> row_with_addresses("devices", {"eui64": 0x0022080000000001, "short": 0, "frames": 7})
    {'eui64': '0022080000000001', 'short': '0000', 'frames': 7}
    """
    out = dict(row)
    for name, kind in _addresses(table).items():
        value = out.get(name)
        if isinstance(value, int):
            size = {"eui64": LONG, "short": SHORT, "either": 0}.get(kind)
            out[name] = address_text(
                value, (LONG if row.get(kind) == "extended" else SHORT) if size is None else size
            )
    return out

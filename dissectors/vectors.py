"""Building blocks of the column path: octets of many frames read at once.

Strategy: a block of frames is one flat buffer with zero octets at both ends. A layer of a protocol is a
`Span`: for each of its rows, where its octets begin and end in that buffer. A layer reads a header field
of all rows with one gather, checks the bounds before it uses what it read, and passes the rows that it
understood to the next layer as a new `Span`. A gather may read past the end of a row (its neighbour's
octets) but never past the buffer: the padding is wider than any gather.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

__all__ = [
    "PADDING",
    "Columns",
    "Events",
    "OctetArray",
    "RowFields",
    "Span",
    "WordList",
    "aligned",
    "distinct",
    "first_places",
    "highest_before",
    "lookup",
    "padded",
    "sorted_distinct",
    "stable_order",
    "stacked",
    "unique_values",
]

PADDING = 256
"""Zero octets that a buffer has before its first and after its last record."""

Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class OctetArray:
    """Unaligned little-endian reads at many places of one padded buffer.

    >>> o = Octets(np.frombuffer(bytes(PADDING) + b"\\x01\\x02\\x03" + bytes(PADDING), np.uint8))
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


class WordList(list[str]):
    """Words of text columns that only ever grow, and are the same list from block to block."""


class Columns:
    """The columns of one table for a block: values, and which rows have one.

    Text columns hold codes of a vocabulary that the layer publishes (`words`), made per distinct text.
    Masks may be shared between the columns of a layer; whoever changes one column's mask copies it first.
    """

    __slots__ = ("count", "valid", "values", "words")

    def __init__(self, count: int) -> None:
        self.count = count
        self.values: dict[str, npt.NDArray[Any]] = {}
        self.valid: dict[str, Mask] = {}
        self.words: dict[str, Sequence[str]] = {}

    def mask(self, rows: Index) -> Mask:
        """A mask over the block that is true for `rows`."""
        mask = np.zeros(self.count, np.bool_)
        mask[rows] = True
        return mask

    def fill(self, name: str, values: npt.NDArray[Any], mask: Mask) -> None:
        """Set all of column `name`."""
        self.values[name], self.valid[name] = values, mask

    def fill_words(self, name: str, codes: npt.NDArray[Any], words: Sequence[str], mask: Mask) -> None:
        """Set all of text column `name` to ``words[code]``."""
        self.words[name] = words
        self.fill(name, codes.astype(_code_type(words)), mask)

    def put(self, name: str, rows: Index, values: npt.NDArray[Any], mask: Mask | None = None) -> None:
        """Set column `name` of `rows` (in order); `mask` is `mask(rows)` where the caller has it already."""
        if name not in self.values:
            if len(rows) == self.count:
                self.values[name] = values if values.flags.writeable else values.copy()
                self.valid[name] = self.mask(rows) if mask is None else mask
                return
            self.values[name] = np.zeros(self.count, values.dtype)
            self.valid[name] = self.mask(rows) if mask is None else mask
        else:
            self.valid[name] = self.valid[name] | (self.mask(rows) if mask is None else mask)
        self.values[name][rows] = values

    def put_words(
        self,
        name: str,
        rows: Index,
        codes: npt.NDArray[Any] | int,
        words: Sequence[str],
        mask: Mask | None = None,
    ) -> None:
        """Set text column `name` of `rows` to ``words[code]``."""
        self.words[name] = words
        type_ = _code_type(words)
        filled = np.full(len(rows), codes, type_) if isinstance(codes, int) else codes.astype(type_)
        self.put(name, rows, filled, mask)

    def cut(self, count: int) -> None:
        """Forget all rows from `count` on."""
        self.count = count
        self.values = {name: values[:count] for name, values in self.values.items()}
        self.valid = {name: mask[:count] for name, mask in self.valid.items()}

    def take(self, order: Index) -> Columns:
        """The rows in another order."""
        import pyarrow as pa

        from dissectors import kernels

        out = Columns(len(order))
        index = pa.Array.from_buffers(
            pa.int64(), len(order), [None, pa.py_buffer(np.ascontiguousarray(order))]
        )
        for name, values in self.values.items():
            arrow = isinstance(values, pa.Array)
            out.values[name] = kernels.take(values, index) if arrow else values[order]
        out.valid = {name: mask[order] for name, mask in self.valid.items()}
        out.words = dict(self.words)
        return out


def _code_type(words: Sequence[str]) -> type[np.int8 | np.int32]:
    """Of codes: an octet does for few words that do not grow."""
    return np.int8 if isinstance(words, tuple) and len(words) < 128 else np.int32


def stacked(parts: Sequence[Columns]) -> Columns:
    """The rows of several tables, one after the other."""
    import pyarrow as pa

    if len(parts) == 1:
        return parts[0]
    out = Columns(sum(part.count for part in parts))
    for name in dict.fromkeys(name for part in parts for name in part.values):
        some = [part.values.get(name) for part in parts]
        if any(isinstance(values, pa.Array) for values in some):
            out.values[name] = pa.concat_arrays(some)
            continue
        out.words[name] = [word for part in parts for word in part.words.get(name, ())]
        shift, pieces, masks = 0, [], []
        like = next(values.dtype for values in some if values is not None)
        like = np.dtype(np.int32) if out.words[name] else like
        for part, values in zip(parts, some, strict=True):
            pieces.append(
                np.zeros(part.count, like) if values is None else values.astype(like) + like.type(shift)
            )
            masks.append(np.zeros(part.count, np.bool_) if values is None else part.valid[name])
            shift += len(part.words.get(name, ()))
        out.values[name], out.valid[name] = np.concatenate(pieces), np.concatenate(masks)
        if not out.words[name]:
            del out.words[name]
    return out


def aligned(size: int) -> int:
    """`size` octets in whole lines of the CPU's cache, which Arrow wants columns to begin with."""
    return -(-size // 64) * 64


def padded(records: list[bytes]) -> tuple[npt.NDArray[np.uint8], Index, Index]:
    """One padded buffer of `records`, with the offset and end of each."""
    lengths = np.fromiter(map(len, records), np.int64, len(records))
    end = np.cumsum(lengths) + PADDING
    data = np.frombuffer(b"".join((bytes(PADDING), *records, bytes(PADDING))), np.uint8)
    return data, end - lengths, end


def lookup(table: dict[int, int], keys: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.uint64], Mask]:
    """`table` asked for every key: the values (0 where there is none), and whether there was one.

    Each distinct key is asked once.
    """
    unique, inverse = distinct(keys)
    found = [table.get(int(key)) for key in unique]
    values = np.array([v or 0 for v in found], np.uint64)
    known = np.array([v is not None for v in found], np.bool_)
    return values[inverse], known[inverse]


def distinct(keys: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], Index]:
    """The distinct keys, and for each element which of them it is: near numbers ascending, others in the
    order in which they are met."""
    if len(keys) == 0 or (keys[0] == keys[-1] and (keys == keys[0]).all()):  # often there is only one
        return keys[:1], np.zeros(len(keys), np.int64)
    least = keys.min()
    span = int(keys.max()) - int(least) + 1
    if span <= NEAR:
        return _distinct_near(keys, least, span)
    import pyarrow as pa  # its hash table is seven times faster here than numpy's sorting

    from dissectors.kernels import coded

    data = np.ascontiguousarray(keys)
    plain = pa.Array.from_buffers(pa.from_numpy_dtype(data.dtype), len(data), [None, pa.py_buffer(data)])
    found = coded(plain)
    unique = np.frombuffer(found.dictionary.buffers()[1], data.dtype, len(found.dictionary))
    return unique, np.frombuffer(found.indices.buffers()[1], np.int32, len(data)).astype(np.int64)


def unique_values(values: npt.NDArray[Any]) -> list[Any]:
    """The distinct values as Python numbers, the least first (`numpy.unique` imports `numpy.ma`: 10 ms)."""
    return sorted(distinct(values)[0].tolist())


def sorted_distinct(keys: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], Index]:
    """The distinct keys, the least first, and for each element which of them it is."""
    unique, which = distinct(keys)
    order = np.argsort(unique)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return unique[order], place[which]


def first_places(which: Index, count: int) -> Index:
    """For each of `count` numbers the place of its first element in `which`; 0 where there is none."""
    first = np.zeros(count, np.int64)
    first[which[::-1]] = np.arange(len(which) - 1, -1, -1)
    return first


NEAR = 1 << 16
"""Keys that are no further from each other are told apart by a table."""


def _distinct_near(keys: npt.NDArray[Any], least: Any, span: int) -> tuple[npt.NDArray[Any], Index]:
    # Unsigned keys may be too large for a signed number, and signed ones wrap when the least is taken from them.
    places = (keys - least).astype(np.int64, copy=False) if least > 0 else keys.astype(np.int64) - int(least)
    seen = np.zeros(span, np.bool_)
    seen[places] = True
    unique = np.flatnonzero(seen)
    place = np.empty(span, np.int64)
    place[unique] = np.arange(len(unique))
    return unique.astype(keys.dtype) + least, place.take(places)


def stable_order(keys: npt.NDArray[Any]) -> Index:
    """The order that sorts `keys`, equal ones as they come; of small numbers by their digits (six times faster)."""
    if len(keys) and int(keys.min()) >= 0 and int(keys.max()) < 1 << 16:
        keys = keys.astype(np.uint16)
    return np.argsort(keys, kind="stable")


class Events:
    """Events of many keys, to be asked for the last one of a key before a place.

    They come in the order of their places; keys are below 2**32, places below 2**31.
    """

    __slots__ = ("_key", "_order", "_stamp")

    def __init__(self, key: npt.NDArray[np.int64], at: npt.NDArray[np.int64]) -> None:
        self._order = stable_order(key)
        self._key = key[self._order]
        self._stamp = (self._key << 31) | at[self._order]

    def last_before(self, key: npt.NDArray[np.int64], at: npt.NDArray[np.int64]) -> Index:
        """For each question (key, at): the index of the last event of that key before place `at`, or -1."""
        if len(self._key) == 0:
            return np.full(len(key), -1, np.int64)
        found = np.searchsorted(self._stamp, (key << 31) | at, side="left") - 1
        hit = (found >= 0) & (self._key[found] == key)
        return np.where(hit, self._order[found], -1)


def highest_before(
    group: Index, value: npt.NDArray[np.uint32], base: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """For each element the highest value of the same group before it, `base[group]` included.

    `base` has one entry a group, -1 where there was none; groups are below 2**30.
    """
    order = stable_order(group)
    group_of = group[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = group_of[1:] != group_of[:-1]
    start = np.flatnonzero(first)
    # One running maximum serves all groups: a later group's values lie above every earlier group's.
    lift = group_of << 33
    level = value[order].astype(np.int64) + 1
    shifted = np.empty_like(level)
    shifted[1:] = level[:-1]
    shifted[start] = base[group_of[start]] + 1
    found = np.maximum.accumulate(lift + shifted) - lift - 1
    out: npt.NDArray[np.int64] = np.empty_like(found)
    out[order] = found
    return out

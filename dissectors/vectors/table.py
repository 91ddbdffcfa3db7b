"""The columns of a table while a block of frames is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dissectors.vectors.octets import Index, Mask

__all__ = ["Columns", "WordList", "aligned", "stacked"]


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

        from dissectors.vectors import kernels

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

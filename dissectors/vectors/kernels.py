"""Arrow's kernels by name, for code that a whole process waits for.

`pyarrow.compute` makes a Python function of every kernel when it is imported, which costs more than
decoding ten thousand frames; the methods of arrays (`take`, `cast` ...) import it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

try:
    from pyarrow._compute import CastOptions, JoinOptions, call_function
except ImportError:  # another layout of pyarrow: slower, the same
    from pyarrow.compute import CastOptions, JoinOptions, call_function
from pyarrow import string

__all__ = ["as_text", "chosen", "coded", "joined", "take"]


def take(array: Any, index: Any) -> Any:
    """The elements of an Arrow array at the places `index` (an Arrow array of integers)."""
    return call_function("take", [array, index])


def coded(array: Any) -> Any:
    """An Arrow array as a dictionary of its distinct elements, in the order in which they are met."""
    return call_function("dictionary_encode", [array])


def as_text(array: Any) -> Any:
    """The elements of an Arrow array of numbers, in decimal."""
    return call_function("cast", [array], CastOptions.safe(string()))


def chosen(array: Any, yes: Any, no: Any) -> Any:
    """The Arrow scalar `yes` where an Arrow array of truth values is true, and `no` where it is false."""
    return call_function("if_else", [array, yes, no])


def joined(parts: Sequence[Any], separator: Any, nulls: Literal["emit_null", "skip", "replace"]) -> Any:
    """Texts of several Arrow arrays (or scalars) as one text an element, `separator` (a scalar) between them.

    A part that is null makes the whole text null, is left out, or counts as no text, as `nulls` says.
    """
    return call_function("binary_join_element_wise", [*parts, separator], JoinOptions(nulls))

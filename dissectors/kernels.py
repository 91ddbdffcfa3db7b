"""Arrow's kernels by name, for code that a whole process waits for.

`pyarrow.compute` makes a Python function of every kernel when it is imported, which costs more than
decoding ten thousand frames; the methods of arrays (`take`, `cast` ...) import it too.
"""

from __future__ import annotations

from typing import Any

try:
    from pyarrow._compute import CastOptions, call_function
except ImportError:  # another layout of pyarrow: slower, the same
    from pyarrow.compute import CastOptions, call_function
from pyarrow import string

__all__ = ["as_text", "coded", "take"]


def take(array: Any, index: Any) -> Any:
    """The elements of an Arrow array at the places `index` (an Arrow array of integers)."""
    return call_function("take", [array, index])


def coded(array: Any) -> Any:
    """An Arrow array as a dictionary of its distinct elements, in the order in which they are met."""
    return call_function("dictionary_encode", [array])


def as_text(array: Any) -> Any:
    """The elements of an Arrow array of numbers, in decimal."""
    return call_function("cast", [array], CastOptions.safe(string()))

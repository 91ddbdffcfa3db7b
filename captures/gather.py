"""Unaligned integers out of an octet array, many at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["gather"]


def gather(data: npt.NDArray[np.uint8], index: npt.NDArray[np.int64], dtype: str) -> npt.NDArray[Any]:
    """The `dtype` value that starts at each of `index` (which must leave it room).

    >>> gather(np.arange(8, dtype=np.uint8), np.array([0, 3]), "<u2").tolist()
    [256, 1027]
    """
    width = np.dtype(dtype).itemsize
    view: npt.NDArray[Any] = np.ndarray(len(data) - width + 1, dtype, data, strides=(1,))
    return view[index]

"""Fields of the commands in a block, by frame: read where an exchange needs them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.tables.arrow import codes_of, numpy_of

__all__ = ["STATUSES", "Fields"]

STATUSES = ("status", "tunnel_status")
"""Fields that say whether a request was granted: 0 is success (ZCL 2.6.3, ZDP 2.4.5, ZSE D.6.2.5.2)."""


class Fields:
    """The batch of `commands` of a block, looked up by frame."""

    def __init__(self, commands: Any) -> None:
        self._commands = commands

    @cached_property
    def _frames(self) -> npt.NDArray[np.uint64]:
        frames: npt.NDArray[np.uint64] = numpy_of(self._commands.column("frame"))[0]
        return frames

    def of(self, frame: int) -> Mapping[str, tuple[int, str]]:
        """Fields that are whole numbers, with what they mean."""
        if self._commands is None or not len(self._commands):
            return {}
        low, high = np.searchsorted(self._frames, [frame, frame + 1]).tolist()
        rows = self._commands.slice(low, high - low)
        out: dict[str, tuple[int, str]] = {}
        columns = (rows.column(name).to_pylist() for name in ("field", "number", "meaning"))
        for name, number, meaning in zip(*columns, strict=True):
            if name is not None and number is not None and number == int(number):
                out.setdefault(name, (int(number), meaning or ""))
        return out

    @cached_property
    def statuses(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
        """Frames that say a status, in order, and the rows that say it."""
        if self._commands is None or not len(self._commands):
            return np.zeros(0, np.uint64), np.zeros(0, np.int64)
        rows = np.flatnonzero(codes_of(self._commands.column("field"), STATUSES))
        return self._frames[rows], rows

    def status(self, row: int) -> tuple[int, str]:
        """A status, and what it is called."""
        number, meaning = (self._commands.column(name)[row].as_py() for name in ("number", "meaning"))
        return int(number or 0), meaning or ""

"""The texts of the packet list, column by column: of one row when it is drawn, of all at once when they are searched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from analysis.tables.row_form import RowForm

__all__ = ["Cells", "Moments", "Numbers", "Seconds", "Words"]

Mask = npt.NDArray[np.bool_]


class Cells(Protocol):
    """A column of the list."""

    def text(self, place: int) -> str:
        """The text of one packet."""

    def holding(self, wanted: str) -> Mask:
        """Which packets have a text that holds `wanted`, which has no capital letters."""


class Words:
    """Texts of which many packets have the same: `codes` says which of `texts` each has; negative for none."""

    def __init__(self, codes: npt.NDArray[np.int64], texts: Sequence[str]) -> None:
        self.codes, self.texts = codes, texts

    def text(self, place: int) -> str:
        return self.texts[self.codes[place]] if self.codes[place] >= 0 else ""

    def holding(self, wanted: str) -> Mask:
        fits = np.array([wanted in text.casefold() for text in self.texts] + [not wanted], np.bool_)
        return fits[self.codes]  # the last one is that of -1


class Numbers:
    """Whole numbers."""

    def __init__(self, values: npt.NDArray[np.int64]) -> None:
        self.values = values

    def text(self, place: int) -> str:
        return str(int(self.values[place]))

    def holding(self, wanted: str) -> Mask:
        if wanted and not wanted.isdecimal():
            return np.zeros(len(self.values), np.bool_)
        return _found(self.values.astype(np.str_), wanted)


class Moments:
    """Times, in nanoseconds since 1970, as texts of a form; negative for none."""

    def __init__(self, values: npt.NDArray[np.int64], form: RowForm) -> None:
        self.values, self._form = values, form

    def text(self, place: int) -> str:
        return self._form.time(int(self.values[place])) if self.values[place] >= 0 else ""

    def holding(self, wanted: str) -> Mask:
        return np.array(
            [wanted in self.text(place).casefold() for place in range(len(self.values))], np.bool_
        )


class Seconds:
    """Nanoseconds as seconds with six decimals."""

    def __init__(self, values: npt.NDArray[np.int64]) -> None:
        self.values = values

    def text(self, place: int) -> str:
        return f"{int(self.values[place]) / 1e9:.6f}"

    def holding(self, wanted: str) -> Mask:
        if not set(wanted) <= set("-.0123456789"):
            return np.zeros(len(self.values), np.bool_)
        return _found(np.char.mod("%.6f", self.values / 1e9), wanted)


def _found(texts: Any, wanted: str) -> Mask:
    found: Mask = np.char.find(texts, wanted) >= 0
    return found

"""What stands for numbers and columns in the sentences of declared rules (`analysis.rules.judgement`)."""

from __future__ import annotations

from typing import Any

from analysis.features.judging import plural

__all__ = ["NAMED", "Count", "Number", "Values"]

NAMED, VALUES = 4, 12  # so many wrong fields, so many different values are named in a sentence, at most


class Count(int):
    """A number in a sentence: ``{bad}`` is "3 frames", ``{bad:command}`` "3 commands", ``{all:d}`` "3"."""

    noun = "frame"

    def __format__(self, form: str) -> str:
        if not form or (form.isalpha() and len(form) > 1) or " " in form:
            return plural(int(self), form or self.noun)
        return format(int(self), form)


class Number(Count):
    """A number that stands alone where nothing else is said."""

    def __format__(self, form: str) -> str:
        return super().__format__(form) if form else str(int(self))


class Values:
    """What a column holds in some rows, in a sentence: its different values in order."""

    def __init__(self, column: Any) -> None:
        self.values = sorted(column.dropna().unique())

    def __format__(self, form: str) -> str:
        shown = [format(value, form) for value in self.values[:VALUES]]
        return ", ".join(shown) + (" ..." if len(self.values) > VALUES else "") if shown else "unknown"

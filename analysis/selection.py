"""Some rows of a wide table, its columns cut out only when they are asked for.

Strategy: a rule looks at three or four of seventy columns. A boolean mask on a DataFrame copies all of
them; a `Selection` keeps the places of its rows and cuts a column when a rule reads it. What it does not
know itself it hands to the DataFrame of those rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["Groups", "Selection"]


class Selection:
    """Rows of `base` at `places` (all rows when None); reads like a DataFrame."""

    __slots__ = ("_cut", "base", "places")

    def __init__(self, base: pd.DataFrame, places: Any = None) -> None:
        self.base = base
        self.places = places
        self._cut: pd.DataFrame | None = base if places is None else None

    @property
    def frame(self) -> pd.DataFrame:
        """The rows as a DataFrame of all columns."""
        if self._cut is None:
            self._cut = self.base.iloc[self.places]
        return self._cut

    @property
    def index(self) -> pd.Index[Any]:
        return self.base.index if self.places is None else self.base.index[self.places]

    @property
    def empty(self) -> bool:
        return len(self) == 0

    def __len__(self) -> int:
        return len(self.base) if self.places is None else len(self.places)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return self.base[key] if self.places is None else self.base[key].iloc[self.places]
        if isinstance(key, slice):
            places = np.arange(len(self.base)) if self.places is None else self.places
            return Selection(self.base, places[key])
        if isinstance(key, list) and key and isinstance(key[0], str):
            return pd.DataFrame({name: self[name] for name in key})
        chosen = np.flatnonzero(
            key.fillna(False).to_numpy(dtype=bool) if isinstance(key, pd.Series) else np.asarray(key, bool)
        )
        return Selection(self.base, chosen if self.places is None else self.places[chosen])

    def groupby(self, by: Any, **options: Any) -> Groups:
        """Groups in the manner of pandas; each is a `Selection`."""
        keys = by if isinstance(by, list) else [by]
        series = [self[key] if isinstance(key, str) else key for key in keys]
        return Groups(self, series if isinstance(by, list) else series[0], options)

    def drop_duplicates(self, columns: Any, keep: str = "first") -> Selection:
        """The first (or last) row of each value of `columns`."""
        names = [columns] if isinstance(columns, str) else list(columns)
        return self[~self[names].duplicated(keep=keep).to_numpy()]  # type: ignore[no-any-return]

    def head(self, count: int) -> Any:
        return self[:count].frame

    def __getattr__(self, name: str) -> Any:
        return getattr(self.frame, name)


class Groups:
    """The groups of a selection, cut when they are reached."""

    def __init__(self, rows: Selection, keys: Any, options: dict[str, Any]) -> None:
        self.rows, self.keys, self.options = rows, keys, {"observed": True, **options}

    def __iter__(self) -> Iterator[tuple[Any, Selection]]:
        numbers = pd.Series(np.arange(len(self.rows)), index=self.rows.index)
        places = np.arange(len(self.rows.base)) if self.rows.places is None else self.rows.places
        for key, part in numbers.groupby(self.keys, **self.options):
            yield key, Selection(self.rows.base, places[part.to_numpy()])

    def __getitem__(self, column: str) -> Any:
        return self.rows[column].groupby(self.keys, **self.options)

    def size(self) -> Any:
        return self["frame"].size()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rows.frame.groupby(self.keys, **self.options), name)

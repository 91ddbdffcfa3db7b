"""Frames around those that findings name, and the exchanges that they belong to: what ladders of incidents are drawn of.

Strategy: taken from each window while its tables are there, so that the capture need not be read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from analysis.features.view import View
from analysis.tables.addresses import row_with_addresses
from analysis.tables.lazy import numbers_of
from analysis.views.following import SHOWN
from analysis.views.ladder import Ladder, ladder_of

__all__ = ["LadderFrames"]

ROWS = 6000
"""Frames that are kept, at most."""
OF_ONE = 40
"""Frames of one exchange that are kept, at most."""
LONG = ("tunnel",)
"""Exchanges that go on for so long that their other frames tell nothing of the named ones."""
DEEP = 3
"""Steps from an exchange to those around it and in it."""


@dataclass(slots=True)
class LadderFrames:
    """Rows of packets and exchanges, by their numbers."""

    packets: dict[int, dict[str, Any]] = field(default_factory=dict)
    exchanges: dict[int, dict[str, Any]] = field(default_factory=dict)

    def take(self, view: View, named: Iterable[int]) -> None:
        """Keep the frames that are named in this window, and those of the same exchanges."""
        frames = sorted({*named} - self.packets.keys())[: ROWS - len(self.packets)]
        if not frames:
            return
        numbers, known = numbers_of(view.packets["exchange"])
        families = _families(view, numbers[known & _among(view, frames)].tolist())
        self.exchanges.update(families)
        wanted = np.array([*families], dtype=np.uint64)
        places = np.flatnonzero(known & np.isin(numbers, wanted))
        rows = view.packets.iloc[np.sort(places[_first_of_each(numbers[places])])]
        around = {*numbers_of(rows["frame"])[0].tolist(), *frames}
        self._keep(view, sorted(around - self.packets.keys()))

    def _keep(self, view: View, frames: Sequence[int]) -> None:
        columns = [name for name in SHOWN if name != "time"]
        found = view.packets.of_frames(frames[: ROWS - len(self.packets)])
        for row in found[[*columns, "seconds"]].to_dict("records"):
            told = _known(row)
            told["time"] = view.start_ns + round(told.pop("seconds", 0.0) * 1e9)
            self.packets[told["frame"]] = row_with_addresses("packets", told)

    def family(self, frames: Iterable[int], most: int) -> list[int]:
        """Frames of a ladder: those that are named, and as many besides of the same exchanges as `most` allows."""
        named = [frame for frame in dict.fromkeys(frames) if frame in self.packets][:most]
        of_named = {self._root(self.packets[frame].get("exchange")) for frame in named} - {None}
        beside = [
            frame
            for frame, row in self.packets.items()
            if frame not in named and self._root(row.get("exchange")) in of_named
        ]
        middle = named[0] if named else 0
        near = sorted(beside, key=lambda frame: abs(frame - middle))[: most - len(named)]
        return sorted([*named, *near])

    def _root(self, exchange: int | None) -> int | None:
        while exchange in self.exchanges:
            parent = self.exchanges[exchange].get("parent")
            if parent not in self.exchanges:
                break
            exchange = parent
        return exchange

    def ladder(self, title: str, source: str, view: View, frames: Sequence[int], most: int) -> Ladder:
        """The ladder of some frames and those around them."""
        rows = [self.packets[frame] for frame in self.family(frames, most)]
        devices = [row_with_addresses("devices", _known(row)) for row in _devices(view)]
        return ladder_of(title, source, rows, [*self.exchanges.values()], devices, most)


def _first_of_each(numbers: Any) -> Any:
    """Where the first `OF_ONE` of each number stand."""
    order = np.argsort(numbers, kind="stable")
    ranked = numbers[order]
    return order[np.arange(len(order)) - np.searchsorted(ranked, ranked) < OF_ONE]


def _among(view: View, frames: Sequence[int]) -> Any:
    return np.isin(numbers_of(view.packets["frame"])[0], np.array(frames, dtype=np.uint64))


def _families(view: View, numbers: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The exchanges with these numbers, those around them, and what lies in these."""
    if not view.has("exchanges"):
        return {}
    own = numbers_of(view.exchanges["exchange"])[0]
    parents, inside = numbers_of(view.exchanges["parent"])
    long = np.isin(view.exchanges["kind"].astype(str).to_numpy(), LONG)
    chosen = np.isin(own, np.array(numbers, dtype=np.uint64)) & ~long
    for _ in range(DEEP):
        chosen |= np.isin(own, parents[chosen & inside]) & ~long
    for _ in range(DEEP):
        chosen |= inside & np.isin(parents, own[chosen])
    rows = [_known(row) for row in view.exchanges.iloc[np.flatnonzero(chosen)].frame.to_dict("records")]
    return {row["exchange"]: row_with_addresses("exchanges", row) for row in rows}


def _known(row: dict[Any, Any]) -> dict[str, Any]:
    """A row without what is null; times in nanoseconds since 1970."""
    return {
        str(name): value.value if isinstance(value, pd.Timestamp) else value
        for name, value in row.items()
        if not pd.isna(value)
    }


def _devices(view: View) -> list[dict[Any, Any]]:
    found: list[dict[Any, Any]] = view.tables["devices"].to_dict("records")
    return found

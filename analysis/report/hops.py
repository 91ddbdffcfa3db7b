"""Who sent to whom over one radio hop, who is whose parent, and what was relayed: counted window by window."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analysis.features.identifiers import MAC_COMMANDS
from analysis.features.repeats import repeats
from analysis.features.view import Frame, View
from analysis.tables.lazy import mask, numbers_of

__all__ = ["Hops", "LinkCount", "counted"]

LEVELS = 256  # a signal strength is one octet
ASKS_PARENT = [MAC_COMMANDS["Association Request"], MAC_COMMANDS["Data Request"]]
"""MAC commands that a device sends to its parent, or to who is to become it (IEEE 802.15.4-2011 clauses 5.3.1, 5.3.4)."""


@dataclass(slots=True)
class LinkCount:
    """Frames over one hop, how many of them were retries, and how often each signal strength came."""

    frames: int = 0
    retries: int = 0
    levels: Frame = field(default_factory=lambda: np.zeros(LEVELS, np.int64))

    @property
    def level(self) -> float | None:
        """The median signal strength in dBm; None where none is known."""
        upto = np.cumsum(self.levels)
        if not upto[-1]:
            return None
        low, high = np.searchsorted(upto, [(upto[-1] - 1) // 2, upto[-1] // 2], side="right")
        return float(low + high) / 2 - LEVELS // 2

    def take(self, rows: Frame) -> None:
        """Count frames of the hop."""
        self.frames += len(rows)
        self.retries += int(rows["retry"].sum())
        levels, known = numbers_of(rows["rssi"])
        self.levels += np.bincount(levels[known].astype(int) + LEVELS // 2, minlength=LEVELS)


@dataclass(slots=True)
class Hops:
    """The counts.

    Attributes:
        sent: good frames by sender.
        links: by sender and receiver of a hop.
        parents: by station, whom it asked last for frames or for its association.
        routes: frames that another than their origin sent, by origin, target and who sent them.
    """

    sent: Counter[int] = field(default_factory=Counter)
    links: dict[tuple[int, int], LinkCount] = field(default_factory=dict)
    parents: dict[int, int] = field(default_factory=dict)
    routes: Counter[tuple[int, int, int]] = field(default_factory=Counter)

    def take(self, view: View, packets: Frame) -> None:
        """Count `packets`, which are those of `view` that a window judges."""
        wrong = mask(packets["fcs_ok"] == False)  # noqa: E712
        good = packets[~wrong]
        self.sent.update(counted(good, "sender"))
        first, last = (int(packets["frame"].iloc[place]) for place in (0, -1)) if len(packets) else (1, 0)
        hops = repeats(view)
        numbers = numbers_of(hops["frame"])[0]
        hops = hops[~mask(hops["heard"]) & (numbers >= first) & (numbers <= last)]
        for pair, part in hops.groupby(["sender", "receiver"], sort=False):
            self.links.setdefault(pair, LinkCount()).take(part)
        asked = good.only(mac_command=ASKS_PARENT)
        for (child, parent), _ in asked.groupby(["sender", "receiver"], sort=False):
            self.parents[int(child)] = int(parent)
        self._relayed(good)

    def _relayed(self, good: Frame) -> None:
        """Count what stations passed on for others."""
        ends = [numbers_of(good[name]) for name in ("origin", "sender", "target")]
        (origin, _), (sender, _), _ = ends
        known = ends[0][1] & ends[1][1] & ends[2][1]
        rows = good[known & (origin != sender)]
        for (source, target, through), part in rows.groupby(["origin", "target", "sender"], sort=False):
            self.routes[int(source), int(target), int(through)] += len(part)


def counted(rows: Frame, name: str) -> dict[Any, int]:
    """How many rows have each value of a column."""
    codes, keys = rows.codes(name)
    codes = codes[codes >= 0]
    counts = np.bincount(codes, minlength=len(keys)).tolist()
    return {key: n for key, n in zip(keys, counts, strict=True) if n}

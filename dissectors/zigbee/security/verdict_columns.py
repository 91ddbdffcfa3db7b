"""Verdicts on many sealed frames, NWK and APS alike: opened, a key missing, or the integrity code wrong.

The rule is that of `dissectors.security.candidates`, as it stood when each frame passed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dissectors.context import HanContext
from dissectors.keyring import Key
from dissectors.security.candidates import Candidates
from dissectors.security.key_proofs import KeyProofs
from dissectors.vectors import Index, Mask, distinct, first_places, unique_values
from dissectors.zigbee.security.opening_columns import OpenedFrames

__all__ = ["BAD_MIC", "NONE", "NO_KEY", "OK", "REPLAY", "VERDICTS", "Proofs", "judge"]

VERDICTS = ("none", "ok", "no_key", "bad_mic", "replay")
NONE, OK, NO_KEY, BAD_MIC, REPLAY = range(5)
NEVER = 1 << 40
"""Later than any row."""


@dataclass(slots=True, eq=False, repr=False)
class Proofs:
    """What became of sealed frames, and which keys they prove.

    Attributes:
        rows: the frames' rows in the block.
        group: place of each frame's group in `groups`.
        opened: their plain texts; `opened.key` points into the group's keys.
        verdict: code of `VERDICTS`, replays not told yet.
    """

    rows: Index
    group: Index
    groups: Sequence[Candidates]
    opened: OpenedFrames
    verdict: npt.NDArray[np.uint8]
    _news: list[tuple[int, tuple[int, int]]] | None = None
    _pairs: tuple[list[tuple[int, int]], Index] | None = None

    def _used(self) -> tuple[list[tuple[int, int]], Index]:
        """The distinct pairs of group and key that opened frames, and for each opened frame which one."""
        if self._pairs is None:
            good = np.flatnonzero(self.opened.ok)
            key = self.opened.key[good].astype(np.int64)
            width = int(key.max(initial=0)) + 1
            pairs, which = distinct(self.group[good] * width + key)
            self._pairs = [divmod(pair, width) for pair in pairs.tolist()], which
        return self._pairs

    def keys(self) -> tuple[list[Key], Index]:
        """The distinct keys that opened frames, and for each opened frame (in order) which one."""
        pairs, which = self._used()
        return [self.groups[group].keys[key] for group, key in pairs], which

    def publish_before(self, context: HanContext, row: int) -> None:
        """Remember the keys that opened frames of rows before `row`."""
        proven = context.state(KeyProofs).proven
        if self._news is None:
            pairs, which = self._used()
            first = self.rows[self.opened.ok][first_places(which, len(pairs))]
            self._news = sorted(zip(first.tolist(), pairs, strict=True), reverse=True)
        while self._news and self._news[-1][0] < row:
            place, key = self._news.pop()[1]
            group = self.groups[place]
            proven.add((group.name, group.keys[key].value))


def judge(
    rows: Index, opened: OpenedFrames, group: Index, groups: Sequence[Candidates], context: HanContext
) -> Proofs:
    """Say what is to be said of frames that were opened with the keys of their groups, or stayed shut."""
    verdict = np.where(opened.ok, OK, NO_KEY).astype(np.uint8)
    shut = np.flatnonzero(~opened.ok)
    if len(shut):
        since = np.full(len(groups), NEVER, np.int64)
        for number in unique_values(group[shut]):
            since[number] = _proven_since(rows, opened, group == number, groups[number], context)
        verdict[shut[rows[shut] > since[group[shut]]]] = BAD_MIC
    return Proofs(rows, group, groups, opened, verdict)


def _proven_since(
    rows: Index, opened: OpenedFrames, frames: Mask, group: Candidates, context: HanContext
) -> int:
    """The row since which an eligible key of this group is proven; -1: before the block."""
    if group.proves_fault(context.state(KeyProofs)):
        return -1
    places = np.array([i for i, key in enumerate(group.keys) if key.value in group.eligible], np.int64)
    good = np.flatnonzero(frames & opened.ok & np.isin(opened.key, places))
    return int(rows[good[0]]) if len(good) else NEVER

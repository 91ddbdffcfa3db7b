"""Verdicts on many sealed frames, NWK and APS alike: opened, a key missing, or the integrity code wrong.

The rule is that of `dissectors.security.candidates`, as it stood when each frame passed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dissectors.model.context import HanContext
from dissectors.model.keyring import Key
from dissectors.security.candidates import Candidates
from dissectors.security.key_proofs import KeyProofs
from dissectors.security.verdicts import BAD_MIC, NO_KEY, OK
from dissectors.vectors import Index, Mask, Timeline, distinct, first_places
from dissectors.zigbee.security.opening_columns import OpenedFrames

__all__ = ["Proofs", "judge"]


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
    _pairs: tuple[list[tuple[int, int]], Index] | None = None
    _timeline: Timeline | None = None

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

    def timeline(self) -> Timeline:
        """When each key first opened a frame of each group: by group, the places of keys in it."""
        if self._timeline is None:
            pairs, which = self._used()
            first = self.rows[self.opened.ok][first_places(which, len(pairs))]
            order = np.argsort(first, kind="stable")
            group, key = np.array(pairs, np.int64).reshape(-1, 2)[order].T
            self._timeline = Timeline(group, first[order], key)
        return self._timeline

    def proven_before(self, group: Index, row: Index) -> Mask:
        """Whether an eligible key of a group had opened a frame of the block before `row`."""
        proofs = self.timeline()
        pairs = zip(proofs.key.tolist(), proofs.value.tolist(), strict=True)
        eligible = [self.groups[one].keys[key].value in self.groups[one].eligible for one, key in pairs]
        some = np.array(eligible, np.bool_)
        return Timeline(proofs.key[some], proofs.row[some], proofs.value[some]).last_before(group, row) >= 0

    def publish_before(self, context: HanContext, row: int) -> None:
        """Remember the keys that opened frames of rows before `row`."""
        timeline = self.timeline()
        for place in timeline.advance(row):
            group = self.groups[int(timeline.key[place])]
            key = group.keys[int(timeline.value[place])]
            context.state(KeyProofs).proven.add((group.name, key.value))


def judge(
    rows: Index, opened: OpenedFrames, group: Index, groups: Sequence[Candidates], context: HanContext
) -> Proofs:
    """Say what is to be said of frames that were opened with the keys of their groups, or stayed shut."""
    verdict = np.where(opened.ok, OK, NO_KEY).astype(np.uint8)
    found = Proofs(rows, group, groups, opened, verdict)
    shut = np.flatnonzero(~opened.ok)
    if len(shut):
        proofs = context.state(KeyProofs)
        numbers, which = distinct(group[shut])
        proven = np.array([groups[number].proves_fault(proofs) for number in numbers.tolist()], np.bool_)
        fault = proven[which] | found.proven_before(group[shut], rows[shut])
        verdict[shut[fault]] = BAD_MIC
    return found

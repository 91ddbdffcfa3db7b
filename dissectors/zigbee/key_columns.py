"""Which key opens which of many sealed frames.

Strategy: frames are grouped by what the keyring looks at (PAN and key sequence number, or the pair of
devices), so that it is asked once a group. The key that opened a group last is tried first; where none is
known, the candidates are tried on a few frames. Groups with the same first key are opened together. What is
still shut then is tried with every other candidate, because its MIC may be bad, or its key another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dissectors.keyring import Key
from dissectors.vectors import PADDING, Index, Mask, Octets, Span, stable_order
from dissectors.zigbee.ccm_batch import MIC, Sealed, open_all

__all__ = ["Opened", "Openings", "open_groups"]

PROBES = 4
"""Frames of a group on which unknown keys are tried first."""


@dataclass(slots=True)
class Openings:
    """Which key opened the frames of a group last, by group: kept from block to block."""

    hits: dict[tuple[object, ...], bytes] = field(default_factory=dict)


@dataclass(slots=True)
class Opened:
    """Plain texts, one row a frame, and what opened them.

    Attributes:
        octets: a padded buffer of the plain texts; rows that did not open hold zeros.
        offset: where each frame's plain text begins in it.
        ok: whether the MIC fits under some key.
        key: place of that key in the group's candidates; -1 where none fits.
    """

    octets: Octets
    offset: Index
    ok: Mask
    key: npt.NDArray[np.int32]

    def span(self, rows: Index, sealed: Sealed) -> Span:
        """The plain texts as the layer above takes them."""
        return Span(rows, self.offset, self.offset + (sealed.end - sealed.text - MIC))


def open_groups(
    sealed: Sealed,
    group: Index,
    names: Sequence[tuple[object, ...]],
    candidates: Sequence[Sequence[Key]],
    memory: Openings,
) -> Opened:
    """Open all frames; `candidates` are the keys of each group, the best first, `names` what a group is."""
    work = _Work(
        sealed,
        [np.zeros(PADDING, np.uint8)],
        PADDING,
        np.full(len(sealed), PADDING, np.int64),
        np.zeros(len(sealed), np.bool_),
        np.full(len(sealed), -1, np.int32),
    )
    order = stable_order(group)
    bounds = np.searchsorted(group[order], np.arange(len(names) + 1))
    members = [order[bounds[i] : bounds[i + 1]] for i in range(len(names))]
    tried = _open_likely(work, members, names, candidates, memory)
    for number, keys in enumerate(candidates):
        _open_rest(work, members[number], keys, tried[number])
    # What stays shut is all zeros: as much room as the longest text needs, and the padding behind everything.
    longest = int((sealed.end - sealed.text).max(initial=0))
    work.offset[~work.ok] = work.size
    octets = Octets(np.concatenate([*work.pieces, np.zeros(longest + PADDING, np.uint8)]))
    return Opened(octets, work.offset, work.ok, work.key)


@dataclass(slots=True)
class _Work:
    sealed: Sealed
    pieces: list[npt.NDArray[np.uint8]]
    size: int
    offset: Index
    ok: Mask
    key: npt.NDArray[np.int32]

    def attempt(self, frames: Index, key: bytes, place: npt.NDArray[np.int32]) -> bool:
        """Try one key, which has that place in the group of each frame; whether it opened any."""
        plain = open_all(self.sealed.where(frames), key)
        hit = frames[plain.ok]
        if len(hit):
            self.pieces += plain.pieces
            self.offset[hit] = self.size + plain.place[plain.ok]
            self.size += plain.size
            self.ok[hit] = True
            self.key[hit] = place[plain.ok]
        return bool(len(hit))


def _open_likely(
    work: _Work,
    members: Sequence[Index],
    names: Sequence[tuple[object, ...]],
    candidates: Sequence[Sequence[Key]],
    memory: Openings,
) -> list[set[bytes]]:
    """Try one key on each group, and groups with the same key together; which key each group has tried."""
    tried: list[set[bytes]] = [set() for _ in members]
    by_key: dict[bytes, list[int]] = {}
    for number, keys in enumerate(candidates):
        if len(members[number]) and len(keys):
            value = memory.hits.get(names[number])
            if value is None or all(key.value != value for key in keys):
                likely = 0 if len(keys) == 1 else _probe(work, members[number][:PROBES], keys)
                value = None if likely is None else keys[likely].value
            if value is not None:
                by_key.setdefault(value, []).append(number)
    for value, numbers in by_key.items():
        places = [next(i for i, k in enumerate(candidates[n]) if k.value == value) for n in numbers]
        frames = np.concatenate([members[n] for n in numbers])
        place = np.repeat(np.array(places, np.int32), [len(members[n]) for n in numbers])
        left = ~work.ok[frames]
        work.attempt(frames[left], value, place[left])
        for number in numbers:
            tried[number].add(value)
            if work.ok[members[number]].any():
                memory.hits[names[number]] = value
    return tried


def _open_rest(work: _Work, frames: Index, keys: Sequence[Key], tried: set[bytes]) -> None:
    """Try every other key on the frames of a group that are still shut."""
    for place, key in enumerate(keys):
        if key.value in tried:
            continue
        frames = frames[~work.ok[frames]]
        if not len(frames):
            return
        tried.add(key.value)
        work.attempt(frames, key.value, np.full(len(frames), place, np.int32))


def _probe(work: _Work, frames: Index, keys: Sequence[Key]) -> int | None:
    """The first key that opens one of a few frames."""
    tried: set[bytes] = set()
    for place, key in enumerate(keys):
        some = np.full(len(frames), place, np.int32)
        if key.value not in tried and work.attempt(frames, key.value, some):
            return place
        tried.add(key.value)
    return None

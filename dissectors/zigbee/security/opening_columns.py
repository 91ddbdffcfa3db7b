"""Which key opens which of many sealed frames.

Strategy: frames are grouped by what the keyring looks at (PAN and key sequence number, or the pair of
devices), so that it is asked once a group. The key that opened a group last is tried first; where none is
known, the candidates are tried on a few frames. Groups with the same first key are opened together. What is
still shut then is tried with every other candidate, because its MIC may be bad, or its key another one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from dissectors.crypto.ccm_batch import MIC, Sealed, first_opening, open_all
from dissectors.model.context import HanContext
from dissectors.security.candidates import Candidates, Openings
from dissectors.vectors import PADDING, Index, Mask, OctetArray, Span, unique_values

__all__ = ["OpenedFrames", "open_groups"]

PROBES = 4
"""Frames of a group on which unknown keys are tried first."""
ALONE = 512
"""Frames from which on those of one key are opened alone."""


@dataclass(slots=True, eq=False, repr=False)
class OpenedFrames:
    """Plain texts, one row a frame, and what opened them.

    Attributes:
        octets: a padded buffer of the plain texts; rows that did not open hold zeros.
        offset: where each frame's plain text begins in it.
        ok: whether the MIC fits under some key.
        key: place of that key in the group's candidates; -1 where none fits.
    """

    octets: OctetArray
    offset: Index
    ok: Mask
    key: npt.NDArray[np.int32]

    def span(self, rows: Index, sealed: Sealed) -> Span:
        """The plain texts as the layer above takes them."""
        return Span(rows, self.offset, self.offset + (sealed.end - sealed.text - MIC))


def open_groups(
    sealed: Sealed,
    group: Index,
    groups: Sequence[Candidates],
    context: HanContext,
) -> OpenedFrames:
    """Open all frames with the candidates of their groups; `group` is the place of each frame's group."""
    work = _Work(
        sealed,
        [np.zeros(PADDING, np.uint8)],
        PADDING,
        np.full(len(sealed), PADDING, np.int64),
        np.zeros(len(sealed), np.bool_),
        np.full(len(sealed), -1, np.int32),
    )
    tried = _open_likely(work, group, groups, context.state(Openings))
    if not work.ok.all():
        for number in unique_values(group[~work.ok]):
            _open_rest(work, np.flatnonzero(group == number), groups[number], tried[number])
    # What stays shut is all zeros: as much room as the longest text needs, and the padding behind everything.
    longest = int((sealed.end - sealed.text).max(initial=0))
    work.offset[~work.ok] = work.size
    octets = OctetArray(np.concatenate([*work.pieces, np.zeros(longest + PADDING, np.uint8)]))
    return OpenedFrames(octets, work.offset, work.ok, work.key)


@dataclass(slots=True, eq=False, repr=False)
class _Work:
    sealed: Sealed
    pieces: list[npt.NDArray[np.uint8]]
    size: int
    offset: Index
    ok: Mask
    key: npt.NDArray[np.int32]
    openers: dict[bytes, AESCCM] = field(default_factory=dict)

    def openers_of(self, keys: Sequence[bytes]) -> list[AESCCM]:
        """What opens single frames with each of these keys."""
        held = self.openers
        for key in keys:
            if key not in held:
                held[key] = AESCCM(key, tag_length=MIC)
        return [held[key] for key in keys]

    def attempt(
        self, frames: Index | None, keys: Sequence[bytes], which: Index, place: npt.NDArray[np.int32]
    ) -> None:
        """Try a key on each of some frames (None: on all), in the group of which it has that place; `which` as in
        `open_all`."""
        plain = open_all(self.sealed, keys, which, frames)
        if frames is None:
            frames = np.arange(len(self.ok))
        if not plain.ok.all():
            frames, place = frames[plain.ok], place[plain.ok]
            plain.place = plain.place[plain.ok]
        if len(frames):
            self.pieces += plain.pieces
            self.offset[frames] = self.size + plain.place
            self.size += plain.size
            self.ok[frames] = True
            self.key[frames] = place


def _open_likely(
    work: _Work, group: Index, groups: Sequence[Candidates], openings: Openings
) -> list[set[bytes]]:
    """Try one key on each group, and groups with the same key together; which keys each group has tried."""
    likely: list[bytes | None] = []
    used: set[bytes] = set()
    for number, one in enumerate(groups):
        value = openings.hits.get(one.name)
        if one.ciphers and value not in one.ciphers:
            value = one.ciphers[0] if len(one.ciphers) == 1 else _probe(work, group, number, one, used)
        if value is not None:
            used.add(value)
        likely.append(value if one.ciphers else None)
    tried = [set[bytes]() if value is None else {value} for value in likely]
    places = np.array(
        [-1 if v is None else groups[n].ciphers.index(v) for n, v in enumerate(likely)], np.int32
    )
    values = list(dict.fromkeys(value for value in likely if value is not None))
    which = np.array([-1 if value is None else values.index(value) for value in likely], np.int64)
    mine = which[group]
    order = np.argsort(mine, kind="stable")
    bounds = np.searchsorted(mine[order], np.arange(len(values) + 1)).tolist()
    for first, last in _together(bounds):
        frames = None
        if len(values) > 1 or which.min() < 0:
            frames = order[bounds[first] : bounds[last]]
        asked = mine - first if frames is None else mine[frames] - first
        work.attempt(frames, values[first:last], asked, places[group if frames is None else group[frames]])
    opened = np.zeros(len(groups), np.bool_)
    opened[group[work.ok]] = True
    for number in np.flatnonzero(opened).tolist():
        hit = likely[number]
        if hit is not None:
            openings.hits[groups[number].name] = hit
    return tried


def _together(bounds: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Keys that are tried at once, from one to before another; `bounds` says where the frames of each begin and end. One
    with many frames is tried alone, which saves the sorting of blocks by key."""
    first = 0
    for number in range(len(bounds) - 1):
        if bounds[number + 1] - bounds[number] >= ALONE:
            if first < number:
                yield first, number
            yield number, number + 1
            first = number + 1
    if first < len(bounds) - 1:
        yield first, len(bounds) - 1


def _open_rest(work: _Work, frames: Index, candidates: Candidates, tried: set[bytes]) -> None:
    """Try every other key on the frames of a group that are still shut."""
    if len(frames) <= PROBES:
        others = [place for place, cipher in enumerate(candidates.ciphers) if cipher not in tried]
        openers = work.openers_of([candidates.ciphers[place] for place in others])
        for frame in frames[:, None]:
            found = first_opening(work.sealed, frame, openers)
            if found is not None:
                place = others[found]
                work.attempt(
                    frame, (candidates.ciphers[place],), np.zeros(1, np.int64), np.full(1, place, np.int32)
                )
        return
    for place, cipher in enumerate(candidates.ciphers):
        if cipher in tried:
            continue
        frames = frames[~work.ok[frames]]
        if not len(frames):
            return
        tried.add(cipher)
        which = np.zeros(len(frames), np.int64)
        work.attempt(frames, (cipher,), which, np.full(len(frames), place, np.int32))


def _probe(work: _Work, group: Index, number: int, candidates: Candidates, used: set[bytes]) -> bytes | None:
    """The first key that opens one of a few frames of a group; keys that other groups use come last."""
    values = sorted(dict.fromkeys(candidates.ciphers), key=lambda value: value in used)
    frames = np.flatnonzero(group == number)[:PROBES]
    place = first_opening(work.sealed, frames, work.openers_of(values))
    return None if place is None else values[place]

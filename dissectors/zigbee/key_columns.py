"""Which key opens which of many sealed frames.

Strategy: frames are grouped by what the keyring looks at (PAN and key sequence number, or the pair of
devices), so that it is asked once a group. The key that opened a group last is tried first on it. Where
none is known, the candidates are tried on a few frames, and the one that fits goes over the whole group. What
is still shut then is tried with every other candidate, because its MIC may be bad, or its key another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dissectors.keyring import Key
from dissectors.vectors import PADDING, Index, Mask, Octets, Span
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
    widest = int((sealed.end - sealed.text - MIC).max(initial=1))
    width = (widest + 15) // 16 * 16
    buffer = np.zeros(len(sealed) * width + 2 * PADDING, np.uint8)
    plain = buffer[PADDING : PADDING + len(sealed) * width].reshape(len(sealed), width)
    work = _Work(sealed, plain, np.zeros(len(sealed), np.bool_), np.full(len(sealed), -1, np.int32))
    order = np.argsort(group, kind="stable")
    bounds = np.searchsorted(group[order], np.arange(len(names) + 1))
    for number, keys in enumerate(candidates):
        frames = order[bounds[number] : bounds[number + 1]]
        if len(frames) and len(keys):
            _open_group(work, frames, keys, names[number], memory)
    offset = PADDING + width * np.arange(len(sealed), dtype=np.int64)
    return Opened(Octets(buffer), offset, work.ok, work.key)


@dataclass(slots=True)
class _Work:
    sealed: Sealed
    plain: npt.NDArray[np.uint8]
    ok: Mask
    key: npt.NDArray[np.int32]

    def attempt(self, frames: Index, keys: Sequence[Key], place: int) -> bool:
        """Try one key; whether it opened any of `frames`."""
        text, ok = open_all(self.sealed.where(frames), keys[place].value)
        hit = frames[ok]
        self.plain[hit, : text.shape[1]] = text[ok]
        self.ok[hit] = True
        self.key[hit] = place
        return bool(len(hit))


def _open_group(
    work: _Work, frames: Index, keys: Sequence[Key], name: tuple[object, ...], memory: Openings
) -> None:
    last = memory.hits.get(name)
    first = next((i for i, key in enumerate(keys) if key.value == last), None)
    tried: set[bytes] = set()
    if first is None and len(keys) == 1:
        first = 0
    if first is None:
        first = _probe(work, frames[:PROBES], keys)
    if first is not None:
        if work.attempt(frames[~work.ok[frames]], keys, first):
            memory.hits[name] = keys[first].value
        tried.add(keys[first].value)
    for place, key in enumerate(keys):
        frames = frames[~work.ok[frames]]
        if not len(frames):
            return
        if key.value not in tried:
            tried.add(key.value)
            work.attempt(frames, keys, place)


def _probe(work: _Work, frames: Index, keys: Sequence[Key]) -> int | None:
    """The first key that opens one of a few frames."""
    tried: set[bytes] = set()
    for place, key in enumerate(keys):
        if key.value not in tried and work.attempt(frames, keys, place):
            return place
        tried.add(key.value)
    return None

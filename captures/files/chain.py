"""The chain of record lengths that runs through a capture file, followed without a step in Python a record.

Strategy: places whose octets look like a record header are found in the whole window at once. Where a
candidate's length leads to the next candidate, it is a link; the chain takes whole runs of links, and steps
singly over records that do not look like any (cut by the snap length, blocks of other types). The candidates
in between, inside frames, are on no chain from its beginning. So the result is that of stepping from record
to record, whatever the frames hold.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from captures.block import BLOCK_FRAMES
from captures.files.source import Window

__all__ = ["Chain", "follow", "packet_blocks", "pcap_headers"]

Places = npt.NDArray[np.int64]
Octets = npt.NDArray[np.uint8]

PIECE = 1 << 16
"""Octets that are looked at at a time."""
STEPS = 1024
"""After so many interruptions in one window, stepping from record to record is as fast."""
MARGIN = 65_536
"""Octets that are looked through beyond those that a block's records should take."""
FEW = 64
"""Records that are looked for behind a place where the chain was interrupted; ever more, as long as it holds."""


@dataclass(slots=True, eq=False, repr=False)
class Chain:
    """The chain of records of one file, followed from window to window.

    Attributes:
        find: places in an array, from one to another, that look like headers, and where their lengths lead.
        step: octets of the record at a place of the window, as its header says; 0 for what cannot be one.
        header: octets of a header.
        mean: octets of a record, about.
        ragged: it is interrupted too often to be taken in runs.
        most: records that are looked for at a time.
    """

    find: Callable[[Octets, int, int], tuple[Places, Places]]
    step: Callable[[int], int]
    header: int
    mean: float
    ragged: bool = False
    most: int = BLOCK_FRAMES

    def interrupted(self) -> None:
        """The chain ended at damage: no more than a little is looked through behind it, else much would be in vain."""
        self.most = FEW

    @property
    def recovering(self) -> bool:
        """It was interrupted a short while ago: fewer records are looked for than a block takes."""
        return self.most < BLOCK_FRAMES

    def starts(self, window: Window) -> Places:
        """Where the next records start, as many as a block takes, as far as their headers are in the window."""
        last, most = window.end - self.header, min(self.most, BLOCK_FRAMES)
        self.most = min(8 * most, BLOCK_FRAMES)
        if not self.ragged:
            reach = min(
                window.end, window.begin + int(1.1 * self.mean * most) + MARGIN * most // BLOCK_FRAMES
            )
            candidates, following = self.find(window.octets, window.begin, reach)
            stop = min(last, reach - self.header)
            found = follow(candidates, following, window.begin, stop, most, self.step)
            if found is not None:
                if len(found) > 1:
                    self.mean = float(found[-1] - found[0]) / (len(found) - 1)
                return found
            self.ragged = True
        return walk(window.begin, last, most, self.step)


def follow(
    candidates: Places, following: Places, begin: int, last: int, most: int, step: Callable[[int], int]
) -> Places | None:
    """The first `most` places of the chain from `begin` up to `last`; None when it is interrupted too often.

    Args:
        candidates: places that look like headers, ascending.
        following: where the length of each of them leads.
        step: octets of the record at a place that is no candidate; 0 where the chain ends.
    """
    broken = np.flatnonzero(candidates[1:] != following[:-1]).tolist()
    broken.append(len(candidates) - 1)
    pieces: list[Places] = []
    at, count = begin, 0
    for _ in range(STEPS):
        if at > last or count >= most:
            found = np.concatenate(pieces) if pieces else np.zeros(0, np.int64)
            return found[: min(most, int(np.searchsorted(found, last, side="right")))]
        place = int(np.searchsorted(candidates, at))
        if place < len(candidates) and candidates[place] == at:
            stop = broken[bisect_left(broken, place)]
            pieces.append(candidates[place : stop + 1])
            at = int(following[stop])
        else:
            pieces.append(np.array([at]))
            length = step(at)
            at = at + length if length > 0 else last + 1
        count += len(pieces[-1])
    return None


def walk(begin: int, last: int, most: int, step: Callable[[int], int]) -> Places:
    """What `follow` finds, one record at a time."""
    found: list[int] = []
    at = begin
    while at <= last and len(found) < most:
        found.append(at)
        length = step(at)
        at = at + length if length > 0 else last + 1
    return np.array(found, np.int64)


def pcap_headers(octets: Octets, begin: int, end: int, header: int, little: bool) -> tuple[Places, Places]:
    """Places in ``octets[begin:end]`` that look like pcap record headers, and where their lengths lead.

    Captured and original length are equal and below 65,536; `header` is the size of a record header.
    """
    low, high, zero = (8, 9, 10) if little else (11, 10, 8)

    def look(data: Octets, count: int) -> npt.NDArray[np.bool_]:
        zeros = data == 0
        zeros = zeros[:-1] & zeros[1:]
        found: npt.NDArray[np.bool_] = data[low : low + count] == data[low + 4 : low + 4 + count]
        found &= data[high : high + count] == data[high + 4 : high + 4 + count]
        found &= zeros[zero : zero + count]
        found &= zeros[zero + 4 : zero + 4 + count]
        return found

    places = _places(octets, begin, end, 16, look)
    # A header whose length has one octet looks like one a place too early (a place too late: big endian) as well.
    beside = np.diff(places) == 1
    kept = np.append(~beside, True) if little else np.append(True, ~beside)
    places = places[kept[: len(places)]]
    length = octets[places + low] | octets[places + high].astype(np.int64) << 8
    return places, places + length + header


def packet_blocks(octets: Octets, begin: int, end: int, little: bool) -> tuple[Places, Places]:
    """Places in ``octets[begin:end]`` that look like enhanced packet blocks of pcapng, and where they lead."""
    kind, low, high, zero = (0, 4, 5, 6) if little else (3, 7, 6, 4)
    rest = 1 - kind // 3  # the other octets of the block type

    def look(data: Octets, count: int) -> npt.NDArray[np.bool_]:
        zeros = data == 0
        zeros = zeros[:-1] & zeros[1:]
        found: npt.NDArray[np.bool_] = data[kind : kind + count] == 6
        found &= zeros[rest : rest + count] & zeros[rest + 1 : rest + 1 + count]
        found &= zeros[zero : zero + count]
        return found

    places = _places(octets, begin, end, 12, look)
    length = octets[places + low] | octets[places + high].astype(np.int64) << 8
    sound = length >= 12
    return places[sound], (places + length)[sound]


def _places(
    octets: Octets,
    begin: int,
    end: int,
    width: int,
    look: Callable[[Octets, int], npt.NDArray[np.bool_]],
) -> Places:
    """Where `look` finds a header of `width` octets, a piece after the other: what it makes stays in the cache."""
    found = [np.zeros(0, np.int64)]
    for start in range(begin, end - width + 1, PIECE):
        count = min(PIECE, end - width + 1 - start)
        found.append(np.flatnonzero(look(octets[start : start + count + width - 1], count)) + start)
    return np.concatenate(found)

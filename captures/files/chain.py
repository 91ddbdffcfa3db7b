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

import numpy as np
import numpy.typing as npt

__all__ = ["follow", "packet_blocks", "pcap_headers"]

Places = npt.NDArray[np.int64]

STEPS = 1024
"""After so many interruptions in one window, stepping from record to record is as fast."""


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


def pcap_headers(
    octets: npt.NDArray[np.uint8], begin: int, end: int, header: int, little: bool
) -> tuple[Places, Places]:
    """Places in ``octets[begin:end]`` that look like pcap record headers, and where their lengths lead.

    Captured and original length are equal and below 256; `header` is the size of a record header.
    """
    data = octets[begin:end]
    if len(data) < 16:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    count = len(data) - 15
    low, zero = (8, 9) if little else (11, 8)
    zeros = data == 0
    zeros = zeros[:-2] & zeros[1:-1] & zeros[2:]
    found = data[low : low + count] == data[low + 4 : low + 4 + count]
    found &= zeros[zero : zero + count]
    found &= zeros[zero + 4 : zero + 4 + count]
    places = np.flatnonzero(found)
    length = data[places + low].astype(np.int64)
    places += begin
    return places, places + length + header


def packet_blocks(octets: npt.NDArray[np.uint8], begin: int, end: int, little: bool) -> tuple[Places, Places]:
    """Places in ``octets[begin:end]`` that look like enhanced packet blocks of pcapng, and where they lead."""
    data = octets[begin:end]
    if len(data) < 12:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    count = len(data) - 11
    kind, low, high, zero = (0, 4, 5, 6) if little else (3, 7, 6, 4)
    zeros = data == 0
    zeros = zeros[:-1] & zeros[1:]
    found = data[kind : kind + count] == 6
    found &= zeros[1 - kind // 3 : 1 - kind // 3 + count]
    found &= zeros[2 - kind // 3 : 2 - kind // 3 + count]
    found &= zeros[zero : zero + count]
    places = np.flatnonzero(found)
    length = data[places + low] | data[places + high].astype(np.int64) << 8
    places = places[length >= 12] + begin
    return places, places + length[length >= 12]

"""What a sniffer leaves around the frames of one interface: the PHR before, octets behind the check sequence.

Link types 195 and 230 promise the frame alone. Chips hand it over behind its PHY header (PHR, IEEE 802.15.4-2015,
12.1.3 and 19.2.4: the length of the frame with its check sequence), and many follow it by octets of their own (link
quality, energy, status). Strategy: the PHR stands in a fixed distance to the length of the record, whatever the
frame; no frame control field does, unless all frames are alike. Where they are, or where there is one, the check
sequence of what follows decides, or, where none is kept, that the record reads as no frame and what follows does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from captures.fcs import remainders
from captures.gather import gather
from captures.plausible import plausible_starts

__all__ = ["LOOKED_AT", "Framing", "find_framing"]

LOOKED_AT = 64
MOST_BEHIND = 8
"""Octets behind the check sequence that are looked for."""
NEARLY_ALL = 0.9
Lengths = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Framing:
    """Octets of the PHR before each frame, octets behind it, and whether its check sequence is left out.

    Attributes:
        before: 0, 1, or 2 (SUN PHYs).
        behind: octets after the check sequence.
        unchecked: the PHR counts a check sequence that is not there.
    """

    before: int = 0
    behind: int = 0
    unchecked: bool = False

    def text(self) -> str:
        """What it is, in words; empty for the frame alone."""
        said = []
        if self.before:
            said.append(f"a PHY header of {self.before} octet{'s' * (self.before > 1)} before each frame")
        if self.behind:
            said.append(f"{self.behind} octet{'s' * (self.behind > 1)} of the sniffer's own behind it")
        return ", ".join(said)


def find_framing(data: npt.NDArray[np.uint8], offset: Lengths, length: npt.NDArray[np.int32]) -> Framing:
    """The framing of whole records ``data[offset : offset + length]``, the first `LOOKED_AT` of which are looked at."""
    offset, length = offset[:LOOKED_AT], length[:LOOKED_AT]
    keep = length >= 4
    offset, length = offset[keep], length[keep]
    if not len(offset) or _passing(data, offset, length, 0) > 0.02 * len(offset):
        return Framing()
    for before in (1, 2):
        found = _behind_phr(data, offset, length, before)
        if found is not None:
            return found
    for behind in range(1, MOST_BEHIND + 1):
        if _passing(data, offset, length, behind) >= max(0.5 * len(offset), 1):
            return Framing(behind=behind)
    return Framing()


def _behind_phr(
    data: npt.NDArray[np.uint8], offset: Lengths, length: npt.NDArray[np.int32], before: int
) -> Framing | None:
    """The framing with a PHR of `before` octets; None when the records have none."""
    if before == 1:
        told = data[offset].astype(np.int64) & 0x7F
    else:  # reserved bits, FCS type, whitening, then 11 bits of length
        word = gather(data, offset, ">u2").astype(np.int64)
        told = np.where(word & 0x6000 == 0, word & 0x7FF, 0)
    more = length - before - told
    distance = int(np.bincount(np.clip(more, -3, MOST_BEHIND + 1) + 3).argmax()) - 3
    mine = (more == distance) & (told >= 3)
    if distance not in (-2, *range(MOST_BEHIND + 1)) or np.count_nonzero(mine) < NEARLY_ALL * len(told):
        return None
    start, size = offset[mine] + before, (length[mine] - before).astype(np.int32)
    if len(set(told[mine].tolist())) < 2 and not _alike(
        data, offset[mine], length[mine], start, size, distance
    ):
        return None
    if distance == -2:
        return Framing(before, unchecked=True)
    whole = distance > 0 and _passing(data, start, size, 0) >= 0.5 * len(start)
    return Framing(before, 0 if whole else distance)


def _alike(
    data: npt.NDArray[np.uint8],
    offset: Lengths,
    length: npt.NDArray[np.int32],
    start: Lengths,
    size: npt.NDArray[np.int32],
    distance: int,
) -> bool:
    """Whether records of one length have a PHR: what follows passes the check, or reads as a frame and they do not."""
    if distance >= 0 and max(_passing(data, start, size, d) for d in {0, distance}) >= 0.5 * len(start):
        return True
    bare, behind = plausible_starts(data, offset, length), plausible_starts(data, start, size)
    return bool(behind.all() and not bare.any())


def _passing(data: npt.NDArray[np.uint8], offset: Lengths, length: npt.NDArray[np.int32], behind: int) -> int:
    """How many pass the check when `behind` octets are left off at the end; blank ones do not count."""
    size = np.maximum(length - behind, 0).astype(np.int32)
    last = gather(data, np.maximum(offset + size - 2, 0), "<u2")
    good = (remainders(data, offset, size) == 0) & (size >= 5) & (last != 0) & (last != 0xFFFF)
    return int(np.count_nonzero(good))

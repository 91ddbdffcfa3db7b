"""The frame check sequences of IEEE 802.15.4 (clause 7.2.10), for one frame and for many at once.

FCS-16: CRC-16 of ITU-T, generator x^16 + x^12 + x^5 + 1, bits reflected, start 0, no final inversion.
FCS-32: the CRC-32 of Ethernet, over frames shorter than 4 octets with zeros added.

Strategy for many: since the remainder starts at zero, octets of zero before a frame change nothing, and
the remainder over a frame with its right FCS is zero. So frames are read from their end in words of eight
octets, the first word masked, and the remainder runs through a table of all 16-bit states: two octets a step.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from captures.gather import gather
from dissectors.crypto import crc16
from dissectors.ieee802154 import fcs

__all__ = ["fcs16", "fcs32", "remainders"]

BATCH = 16_384
"""Frames at a time: what is gathered for them stays in the CPU's cache."""


@cache
def _table() -> npt.NDArray[np.uint16]:
    """The remainder after two octets, by the exclusive or of remainder and octets."""
    state = np.arange(65_536, dtype=np.uint16)
    for _ in range(16):
        state = (state >> np.uint16(1)) ^ ((state & np.uint16(1)) * np.uint16(0x8408))
    return state


def remainders(
    data: npt.NDArray[np.uint8], offset: npt.NDArray[np.int64], length: npt.NDArray[np.int32]
) -> npt.NDArray[np.uint16]:
    """CRC-16 over each ``data[offset : offset + length]``; zero where the last two octets are its FCS.

    `data` needs 8 octets before the first frame (blocks have `captures.block.PADDING`).
    """
    out = np.zeros(len(offset), np.uint16)
    for start in range(0, len(offset), BATCH):
        part = slice(start, start + BATCH)
        out[part] = _remainders(data, offset[part], length[part])
    return out


def _remainders(
    data: npt.NDArray[np.uint8], offset: npt.NDArray[np.int64], length: npt.NDArray[np.int32]
) -> npt.NDArray[np.uint16]:
    table = _table()
    words = ((length + 7) >> 3).astype(np.uint16)
    order = np.argsort(-words.astype(np.int16), kind="stable")
    words, end = words[order], (offset + length)[order]
    surplus = ((words.astype(np.int64) << 3) - length[order]) << 3
    state = np.zeros(len(order), np.uint16)
    most = int(words[0]) if len(words) else 0
    active = np.searchsorted(-words.astype(np.int32), -np.arange(most + 1), side="right")
    for step in range(most, 0, -1):
        count = int(active[step])
        word = gather(data, end[:count] - 8 * step, "<u8")
        first = slice(int(active[step + 1]) if step < most else 0, count)
        shift = surplus[first].astype(np.uint64)
        word[first] = (word[first] >> shift) << shift
        quarters = word.view(np.uint16).reshape(-1, 4)
        now = state[:count]
        for quarter in range(4):
            now = table.take(now ^ quarters[:, quarter])
        state[:count] = now
    out = np.empty_like(state)
    out[order] = state
    return out


def fcs16(octets: bytes) -> bytes:
    """The two FCS octets of a frame.

    >>> fcs16(bytes.fromhex("02006f")).hex()
    '492e'
    """
    return crc16(octets).to_bytes(2, "little")


def fcs32(octets: bytes) -> bytes:
    """The four FCS octets of a frame of a PHY with long check sequences."""
    return fcs.fcs32(octets).to_bytes(4, "little")

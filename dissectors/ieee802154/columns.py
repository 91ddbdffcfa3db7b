"""IEEE 802.15.4 headers of many frames at once: frame versions 0 and 1, without MAC security.

Strategy: the 16-bit frame control field alone decides where everything lies, so one table of 65536 entries
replaces all branching on address modes. What the table calls 0 (frame version 2 and 3, MAC security,
reserved types and modes) leaves the vector path.

Source: IEEE 802.15.4-2011 clause 5.2.1 (general frame format), 5.2.2 and 5.3 (frame types, commands).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from dissectors.vectors import Columns, Index, Mask, Octets, Span

__all__ = ["MAC_TYPES", "MODES", "Headers", "Shapes", "read_headers"]

MAC_TYPES = ("beacon", "data", "ack", "command", "reserved", "multipurpose", "fragment", "extended")
MODES = ("none", "short", "extended")
SECURITY = ("none", "ok", "no_key", "bad_mic", "replay")

BEACON, DATA, ACK, COMMAND = range(4)
FCF_ACK_SHAPES = 0x8EC8  # security, PAN ID compression, reserved bit 7.. and address modes: none in an Ack


@dataclass(frozen=True, slots=True)
class Shapes:
    """Where the fields of a MAC header lie, by frame control field."""

    length: npt.NDArray[np.uint8]  # octets of the header; 0: not for the vector path
    dst_mode: npt.NDArray[np.uint8]  # code of MODES
    src_mode: npt.NDArray[np.uint8]
    dst_at: npt.NDArray[np.uint8]
    src_at: npt.NDArray[np.uint8]
    src_pan_at: npt.NDArray[np.uint8]  # of the destination PAN ID where that one serves both


@cache
def shapes() -> Shapes:
    """The table over all 65536 frame control fields."""
    fcf = np.arange(65536, dtype=np.uint32)
    kind, version = fcf & 7, (fcf >> 12) & 3
    modes = np.array([0, 255, 1, 2], np.uint8)
    sizes = np.array([0, 0, 2, 8], np.uint8)
    dst, src = (fcf >> 10) & 3, (fcf >> 14) & 3
    compressed = (fcf & 0x40) != 0
    dst_pan = np.where(dst > 0, 2, 0)
    src_pan = np.where((src > 0) & ~compressed, 2, 0)
    dst_at = 3 + dst_pan
    src_pan_at = dst_at + sizes[dst]
    src_at = src_pan_at + src_pan
    length = src_at + sizes[src]
    read = (kind <= COMMAND) & (version <= 1) & ((fcf & 8) == 0) & (dst != 1) & (src != 1)
    read &= ~compressed | ((dst > 0) & (src > 0))
    read &= np.where(kind == ACK, (dst == 0) & (src == 0), (dst > 0) | (src > 0))
    return Shapes(
        np.where(read, length, 0).astype(np.uint8),
        modes[dst],
        modes[src],
        dst_at.astype(np.uint8),
        src_at.astype(np.uint8),
        np.where(compressed | (src == 0), 3, src_pan_at).astype(np.uint8),
    )


@dataclass(slots=True)
class Headers:
    """What the MAC headers said, one entry a row of `span`, which begins after the header."""

    span: Span
    kind: npt.NDArray[np.uint8]
    fcf: npt.NDArray[np.uint16]
    src_mode: npt.NDArray[np.uint8]
    dst_mode: npt.NDArray[np.uint8]
    src: npt.NDArray[np.uint64]
    dst: npt.NDArray[np.uint64]
    pan: npt.NDArray[np.uint16]  # destination PAN ID, or the source's where there is no destination

    def where(self, chosen: Mask | Index) -> Headers:
        """The chosen rows."""
        return Headers(
            self.span.where(chosen),
            self.kind[chosen],
            self.fcf[chosen],
            self.src_mode[chosen],
            self.dst_mode[chosen],
            self.src[chosen],
            self.dst[chosen],
            self.pan[chosen],
        )


def read_headers(octets: Octets, frames: Span, out: Columns) -> Headers:
    """Read the headers of `frames` (trailers excluded) into `out`; rows not read are not in the result."""
    table = shapes()
    frames = frames.where(frames.length >= 3)
    word = octets.u32(frames.offset)
    fcf = (word & 0xFFFF).astype(np.uint16)
    length = table.length.take(fcf)
    kind = (fcf & 7).astype(np.uint8)
    read = (length > 0) & (length <= frames.length) & ((kind != ACK) | (frames.length == 3))
    if not read.all():
        frames, word, fcf, length, kind = frames.where(read), word[read], fcf[read], length[read], kind[read]
    everyone = out.mask(frames.rows)
    out.put_words("mac_type", frames.rows, kind, MAC_TYPES, everyone)
    out.put("mac_seq", frames.rows, (word >> 16).astype(np.uint8), everyone)
    out.put_words("mac_security", frames.rows, 0, SECURITY, everyone)
    src_mode, dst_mode = table.src_mode.take(fcf), table.dst_mode.take(fcf)
    out.put_words("mac_dst_mode", frames.rows, dst_mode, MODES, everyone)
    out.put_words("mac_src_mode", frames.rows, src_mode, MODES, everyone)
    addressed = np.flatnonzero(kind != ACK)
    return Headers(
        frames.where(addressed).after(length[addressed].astype(np.int64)),
        kind[addressed],
        fcf[addressed],
        src_mode[addressed],
        dst_mode[addressed],
        *_addresses(octets, frames.where(addressed), fcf[addressed], out),
    )


def _addresses(
    octets: Octets, frames: Span, fcf: npt.NDArray[np.uint16], out: Columns
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64], npt.NDArray[np.uint16]]:
    """Source, destination and PAN ID of the rows, put into `out`."""
    table = shapes()
    found = []
    pans = []
    for side in ("dst", "src"):
        mode = (table.dst_mode if side == "dst" else table.src_mode).take(fcf)
        at = frames.offset + (table.dst_at if side == "dst" else table.src_at).take(fcf)
        pan = octets.u16(frames.offset + (3 if side == "dst" else table.src_pan_at.take(fcf)))
        address = octets.u64(at)
        address[mode == 1] &= np.uint64(0xFFFF)
        address[mode == 0] = 0
        pan[mode == 0] = 0
        has = mode > 0
        if has.all():
            mask = out.mask(frames.rows)
            out.put(f"mac_{side}", frames.rows, address, mask)
            out.put(f"mac_{side}_pan", frames.rows, pan, mask)
        else:
            mask = out.mask(frames.rows[has])
            out.put(f"mac_{side}", frames.rows[has], address[has], mask)
            out.put(f"mac_{side}_pan", frames.rows[has], pan[has], mask)
        found.append(address)
        pans.append((pan, has))
    (dst_pan, has_dst), (src_pan, _) = pans
    return found[1], found[0], np.where(has_dst, dst_pan, src_pan)

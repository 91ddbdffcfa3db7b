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

from dissectors.vectors import Columns, Index, Mask, Octets, RowFields, Span

__all__ = [
    "MAC_TYPES",
    "MODES",
    "Headers",
    "Shapes",
    "read_bare_commands",
    "read_headers",
    "read_plain_beacons",
]

MAC_TYPES = ("beacon", "data", "ack", "command", "reserved", "multipurpose", "fragment", "extended")
MODES = ("none", "short", "extended")
SECURITY = ("none", "ok", "no_key", "bad_mic", "replay")

BEACON, DATA, ACK, COMMAND = range(4)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
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


@dataclass(eq=False, repr=False)
class Headers(RowFields):
    """What the MAC headers said, one entry a row of `span`, which begins after the header.

    `pan` is the PAN that the frame belongs to: the destination's, unless that is the broadcast PAN ID.
    """

    span: Span
    kind: npt.NDArray[np.uint8]
    seq: npt.NDArray[np.uint8]
    src_mode: npt.NDArray[np.uint8]
    dst_mode: npt.NDArray[np.uint8]
    src: npt.NDArray[np.uint64]
    dst: npt.NDArray[np.uint64]
    pan: npt.NDArray[np.uint16]

    @property
    def src_short(self) -> npt.NDArray[np.int32]:
        """The source's short address, -1 where it has none."""
        short: npt.NDArray[np.int32] = np.where(self.src_mode == 1, self.src & np.uint64(0xFFFF), 0).astype(
            np.int32
        )
        short[self.src_mode != 1] = -1
        return short

    @property
    def broadcast(self) -> Mask:
        """Which frames go to the broadcast short address."""
        mask: Mask = (self.dst_mode == 1) & (self.dst == 0xFFFF)
        return mask


def read_headers(octets: Octets, frames: Span, out: Columns) -> Headers:
    """Read the headers of `frames` (trailers excluded) into `out`; rows not read are not in the result."""
    table = shapes()
    long = frames.length >= 3
    if not long.all():
        frames = frames.where(long)
    word = octets.u32(frames.offset)
    fcf = (word & 0xFFFF).astype(np.uint16)
    length = table.length.take(fcf)
    read = (length > 0) & (length <= frames.length) & (((fcf & 7) != ACK) | (frames.length == 3))
    if not read.all():
        frames, word, fcf, length = frames.where(read), word[read], fcf[read], length[read]
    kind, seq = (fcf & 7).astype(np.uint8), (word >> 16).astype(np.uint8)
    src_mode, dst_mode = table.src_mode.take(fcf), table.dst_mode.take(fcf)
    everyone = out.mask(frames.rows)
    out.put_words("mac_type", frames.rows, kind, MAC_TYPES, everyone)
    out.put("mac_seq", frames.rows, seq, everyone)
    out.put_words("mac_security", frames.rows, 0, SECURITY, everyone)
    out.put_words("mac_dst_mode", frames.rows, dst_mode, MODES, everyone)
    out.put_words("mac_src_mode", frames.rows, src_mode, MODES, everyone)
    out.put("mac_ack_request", frames.rows, (fcf & 0x20) != 0, everyone)
    out.put("mac_pending", frames.rows, (fcf & 0x10) != 0, everyone)
    src, dst, pan = _addresses(octets, frames, fcf, out)
    return Headers(frames.after(length.astype(np.int64)), kind, seq, src_mode, dst_mode, src, dst, pan)


def _addresses(
    octets: Octets, frames: Span, fcf: npt.NDArray[np.uint16], out: Columns
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64], npt.NDArray[np.uint16]]:
    """Source, destination and PAN ID of the rows, put into `out`."""
    table = shapes()
    found: dict[str, npt.NDArray[np.uint64]] = {}
    pans: dict[str, npt.NDArray[np.uint16]] = {}
    for side, modes, places in (("dst", table.dst_mode, table.dst_at), ("src", table.src_mode, table.src_at)):
        has = np.flatnonzero(modes.take(fcf))
        some, control = frames.where(has), fcf[has]
        pan = octets.u16(some.offset + (3 if side == "dst" else table.src_pan_at.take(control)))
        address = octets.u64(some.offset + places.take(control))
        address[modes.take(control) == 1] &= np.uint64(0xFFFF)
        mask = out.mask(some.rows)
        out.put(f"mac_{side}", some.rows, address, mask)
        out.put(f"mac_{side}_pan", some.rows, pan, mask)
        found[side], pans[side] = np.zeros(len(frames), np.uint64), np.full(len(frames), 0xFFFF, np.uint16)
        found[side][has], pans[side][has] = address, pan
    has_src = table.src_mode.take(fcf) > 0
    return found["src"], found["dst"], np.where((pans["dst"] == 0xFFFF) & has_src, pans["src"], pans["dst"])


BARE_COMMANDS = np.isin(np.arange(256), [4, 5, 6, 7])
"""Which commands carry nothing: data request, PAN ID conflict, orphan notification, beacon request."""


def read_bare_commands(octets: Octets, headers: Headers, out: Columns) -> tuple[Index, npt.NDArray[np.uint8]]:
    """MAC commands without fields: their rows and identifiers, put into `out`."""
    span = headers.span.where(np.flatnonzero((headers.kind == COMMAND) & (headers.span.length == 1)))
    command = octets.u8(span.offset)
    bare = BARE_COMMANDS.take(command)
    rows, command = span.rows[bare], command[bare]
    out.put("mac_command", rows, command)
    return rows, command


PLAIN_BEACON = 4
"""Octets of superframe, GTS and pending address fields when nothing is granted and nobody waits."""


def read_plain_beacons(octets: Octets, headers: Headers, out: Columns) -> Span:
    """Beacons without GTS and pending addresses: what follows those fields. Nothing is put but the rows'
    association permit; rows that the layer above refuses leave the vector path whole.
    """
    span = headers.span.where(
        np.flatnonzero((headers.kind == BEACON) & (headers.span.length >= PLAIN_BEACON))
    )
    word = octets.u32(span.offset)
    plain = ((word >> 16) & 0x07) == 0
    plain &= ((word >> 24) & 0x77) == 0
    span, word = span.where(plain), word[plain]
    out.put("beacon_permit", span.rows, (word & 0x8000) != 0)
    return span.after(PLAIN_BEACON)

"""IEEE 802.15.4 headers of many frames at once: frame versions 0 and 1, without MAC security.

Strategy: the header is read by its shape (`dissectors.layout.shapes`), so that its one declaration serves here, too.
Frame versions 2 and 3, MAC security, reserved types and modes leave the vector path.

Source: IEEE 802.15.4-2011 clause 5.2.1 (general frame format), 5.2.2 and 5.3 (frame types, commands).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from dissectors.ieee802154.headers import SHORT, MacHeader
from dissectors.layout.shapes import shapes_of
from dissectors.security.verdicts import NONE, VERDICTS
from dissectors.vectors import Columns, Index, Mask, OctetArray, RowFields, Span

__all__ = ["Headers", "read_bare_commands", "read_headers", "read_plain_beacons"]

BEACON, DATA, ACK, COMMAND = range(4)


@cache
def read_by_columns() -> Mask:
    """By frame control field, whether frames that begin with it are read here."""
    fcf = np.arange(65536, dtype=np.uint32)
    kind, version = fcf & 7, (fcf >> 12) & 3
    dst, src = (fcf >> 10) & 3, (fcf >> 14) & 3
    compressed = (fcf & 0x40) != 0
    read = (kind <= COMMAND) & (version <= 1) & ((fcf & 8) == 0) & (dst != 1) & (src != 1)
    read &= ~compressed | ((dst > 0) & (src > 0))
    read &= np.where(kind == ACK, (dst == 0) & (src == 0), (dst > 0) | (src > 0))
    mask: Mask = read
    return mask


@dataclass(eq=False, repr=False)
class Headers(RowFields):
    """What the MAC headers said, one entry a row of `span`, which begins after the header.

    `pan` is the PAN that the frame belongs to: the destination's, unless that is the broadcast PAN ID; address modes
    are those of the header (2 short, 3 extended).
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
        short: npt.NDArray[np.int32] = (self.src & np.uint64(0xFFFF)).astype(np.int32)
        short[self.src_mode != SHORT] = -1
        return short

    @property
    def broadcast(self) -> Mask:
        """Which frames go to the broadcast short address."""
        mask: Mask = (self.dst_mode == SHORT) & (self.dst == 0xFFFF)
        return mask


def read_headers(octets: OctetArray, frames: Span, out: Columns) -> Headers:
    """Read the headers of `frames` (trailers excluded) into `out`; rows not read are not in the result."""
    fcf = octets.u16(frames.offset)
    size = frames.length
    read = read_by_columns().take(fcf) & (size >= 3) & (((fcf & 7) != ACK) | (size == 3))
    if not read.all():
        frames, fcf = frames.where(read), fcf[read]
    header = shapes_of(MacHeader).read(octets, frames, fcf)
    header.put(out)
    rows = header.span.rows
    out.put_words("mac_security", rows, NONE, VERDICTS)
    pan, own = header.values("dst_pan", "src_pan").copy(), header.values("src_pan", "dst_pan")
    far = (pan == 0xFFFF) & header.has("src_short", "src_eui64")
    pan[far] = own[far]
    pan[~header.has("dst_pan", "src_pan")] = 0xFFFF
    return Headers(
        header.after,
        header.bit("frame_type"),
        header.values("sequence"),
        header.bit("src_mode"),
        header.bit("dst_mode"),
        header.values("src_short", "src_eui64"),
        header.values("dst_short", "dst_eui64"),
        pan,
    )


BARE_COMMANDS = np.isin(np.arange(256), [4, 5, 6, 7])
"""Which commands carry nothing: data request, PAN ID conflict, orphan notification, beacon request."""


def read_bare_commands(
    octets: OctetArray, headers: Headers, out: Columns
) -> tuple[Index, npt.NDArray[np.uint8]]:
    """MAC commands without fields: their rows and identifiers, put into `out`."""
    span = headers.span.where(np.flatnonzero((headers.kind == COMMAND) & (headers.span.length == 1)))
    command = octets.u8(span.offset)
    bare = BARE_COMMANDS.take(command)
    rows, command = span.rows[bare], command[bare]
    out.put("mac_command", rows, command)
    return rows, command


PLAIN_BEACON = 4
"""Octets of superframe, GTS and pending address fields when nothing is granted and nobody waits."""


def read_plain_beacons(octets: OctetArray, headers: Headers, out: Columns) -> Span:
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

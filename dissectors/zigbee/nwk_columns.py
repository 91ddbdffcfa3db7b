"""ZigBee NWK headers of many frames at once.

Strategy: as in the MAC, the frame control field decides the geometry; a source route's length is read from
its relay count. Unsecured and multicast frames, unknown versions, and security headers that no ZigBee network
of this kind sends (another level, another key, no extended nonce) leave the vector path.

Source: ZigBee specification (05-3474) clauses 3.3 (NWK frame format) and 4.5.1 (auxiliary header).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dissectors.vectors import Columns, Index, Mask, Octets, RowFields, Span
from dissectors.zigbee.ccm_batch import MIC

__all__ = ["NWK_TYPES", "NwkHeaders", "read_nwk"]

NWK_TYPES = ("data", "command", "inter-pan", "green-power")
SECURITY = ("none", "ok", "no_key", "bad_mic", "replay")

AUX_OCTETS = 14
"""Security control, frame counter, EUI-64, key sequence number."""

VERSION_2 = 2 << 2
MULTICAST, SECURED, SOURCE_ROUTE, DST_EUI64, SRC_EUI64 = 1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12
RESERVED = 0xC000
DISCOVER_ODD = 0x80
"""Route discovery values 2 and 3, which version 2 does not have."""

# Security controls that are read: the network key, an extended nonce, and level bits that mean level 5.
CONTROLS = np.isin(np.arange(256), [0x28, 0x2C, 0x2D])


@dataclass(eq=False, repr=False)
class NwkHeaders(RowFields):
    """What the NWK headers said, one entry a row of `span`, which begins after both headers."""

    span: Span
    header: Index  # where the NWK header begins
    pan: npt.NDArray[np.uint16]
    fcf: npt.NDArray[np.uint16]
    src: npt.NDArray[np.uint16]
    dst: npt.NDArray[np.uint16]
    seq: npt.NDArray[np.uint8]
    src_eui64: npt.NDArray[np.uint64]  # 0 where the header has none
    dst_eui64: npt.NDArray[np.uint64]
    sender: npt.NDArray[np.uint64]  # EUI-64 of the auxiliary header, 0 in unsecured frames
    counter: npt.NDArray[np.uint32]
    key_seq: npt.NDArray[np.uint8]

    @property
    def with_src(self) -> Mask:
        """Which headers name the source's EUI-64."""
        mask: Mask = (self.fcf & SRC_EUI64) != 0
        return mask

    @property
    def with_dst(self) -> Mask:
        """Which headers name the destination's EUI-64."""
        mask: Mask = (self.fcf & DST_EUI64) != 0
        return mask

    @property
    def secured(self) -> Mask:
        """Which rows have an auxiliary header."""
        mask: Mask = (self.fcf & SECURED) != 0
        return mask

    @property
    def command(self) -> Mask:
        """Which rows are NWK commands; the others are data."""
        mask: Mask = (self.fcf & 3) == 1
        return mask


def read_nwk(octets: Octets, payloads: Span, pan: npt.NDArray[np.uint16]) -> NwkHeaders:
    """Read the NWK headers of MAC payloads; rows not read are not in the result.

    Nothing is put into the table yet: whether the payload is ZigBee at all may be known only later.
    """
    chosen = np.flatnonzero(payloads.length >= 8)
    payloads, pan = payloads.where(chosen), pan[chosen]
    word = octets.u64(payloads.offset)
    fcf = (word & np.uint64(0xFFFF)).astype(np.uint16)
    length = _lengths(octets, payloads, fcf)
    fits = (fcf & 0x3C) == VERSION_2
    fits &= ((fcf & 3) <= 1) & ((fcf & (MULTICAST | RESERVED | DISCOVER_ODD)) == 0) & ((fcf & SECURED) != 0)
    # Two headers that `dissectors.evidence` does not believe without more evidence.
    bare = (fcf & (DST_EUI64 | SRC_EUI64)) == 0
    radius = (word >> np.uint64(48)).astype(np.uint8)
    same = (word >> np.uint64(32)).astype(np.uint16) == (word >> np.uint64(16)).astype(np.uint16)
    fits &= ~bare | (radius != 0) | ~same
    aux = np.full(len(fcf), AUX_OCTETS, np.int64)
    fits &= length + aux + MIC <= payloads.length
    control = octets.u8(payloads.offset + np.where(fits, length, 0))
    fits &= CONTROLS.take(control)
    chosen = np.flatnonzero(fits)
    if len(chosen) < len(fits):
        payloads, pan, word, fcf = payloads.where(chosen), pan[chosen], word[chosen], fcf[chosen]
        length, aux = length[chosen], aux[chosen]
    return _headers(octets, payloads, pan, word, fcf, length, aux)


def _lengths(octets: Octets, payloads: Span, fcf: npt.NDArray[np.uint16]) -> Index:
    """Octets of each NWK header."""
    at = 8 + 8 * ((fcf & DST_EUI64) != 0).astype(np.int64) + 8 * ((fcf & SRC_EUI64) != 0)
    routed = np.flatnonzero((fcf & SOURCE_ROUTE) != 0)
    length = at.copy()
    if len(routed):
        relays = octets.u8((payloads.offset + at)[routed])
        length[routed] += 2 + 2 * relays.astype(np.int64)
    out: Index = length
    return out


def _headers(
    octets: Octets,
    payloads: Span,
    pan: npt.NDArray[np.uint16],
    word: npt.NDArray[np.uint64],
    fcf: npt.NDArray[np.uint16],
    length: Index,
    aux: Index,
) -> NwkHeaders:
    secured = np.flatnonzero(aux)
    control_at = (payloads.offset + length)[secured]
    zeros = np.zeros(len(fcf), np.uint64)
    sender, counter, key_seq = zeros.copy(), zeros.astype(np.uint32), zeros.astype(np.uint8)
    sender[secured] = octets.u64(control_at + 5)
    counter[secured] = octets.u32(control_at + 1)
    key_seq[secured] = octets.u8(control_at + 13)
    with_dst = (fcf & DST_EUI64) != 0
    with_src = (fcf & SRC_EUI64) != 0
    src_eui64, dst_eui64 = zeros.copy(), zeros
    dst_eui64[with_dst] = octets.u64(payloads.offset[with_dst] + 8)
    src_eui64[with_src] = octets.u64(payloads.offset[with_src] + 8 + 8 * with_dst[with_src])
    return NwkHeaders(
        payloads.after(length + aux),
        payloads.offset,
        pan,
        fcf,
        (word >> np.uint64(32)).astype(np.uint16),
        (word >> np.uint64(16)).astype(np.uint16),
        (word >> np.uint64(56)).astype(np.uint8),
        src_eui64,
        dst_eui64,
        sender,
        counter,
        key_seq,
    )


def put_nwk(octets: Octets, headers: NwkHeaders, out: Columns) -> None:
    """The header's columns, without the addresses that only the address map knows and without verdicts."""
    rows = headers.span.rows
    mask = out.mask(rows)
    tail = octets.u16(headers.header + 6)
    out.put_words("nwk_type", rows, headers.fcf & 3, NWK_TYPES, mask)
    out.put("nwk_src", rows, headers.src, mask)
    out.put("nwk_dst", rows, headers.dst, mask)
    out.put("nwk_radius", rows, tail.astype(np.uint8), mask)
    out.put("nwk_seq", rows, (tail >> 8).astype(np.uint8), mask)
    secured = headers.secured
    rows = rows[secured]
    mask = out.mask(rows)
    out.put("nwk_counter", rows, headers.counter[secured], mask)
    out.put("nwk_key_seq", rows, headers.key_seq[secured], mask)
    out.put("nwk_sender", rows, headers.sender[secured], mask)

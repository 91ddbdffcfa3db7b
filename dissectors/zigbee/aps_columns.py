"""ZigBee APS headers of many frames at once: data and acknowledgement frames.

APS commands and inter-PAN frames leave the vector path.

Source: ZigBee specification (05-3474) clauses 2.2.5 (APS frame format) and 4.5.1 (auxiliary header).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dissectors.vectors import Columns, Index, Mask, Octets, RowFields, Span
from dissectors.zigbee.ccm_batch import MIC

__all__ = ["APS_TYPES", "ApsHeaders", "put_aps", "read_aps"]

APS_TYPES = ("data", "command", "ack", "inter-pan")

DATA, ACK = 0, 2
ACK_FORMAT, SECURED, ACK_REQUEST, EXTENDED = 0x10, 0x20, 0x40, 0x80
UNICAST, BROADCAST, GROUP = 0, 2, 3
CONTROL_NONCE = 0x20
# Security controls that are read: the link key, and level bits that mean level 5.
CONTROLS = np.isin(np.arange(256) & ~CONTROL_NONCE, [0x00, 0x04, 0x05])


@dataclass(eq=False, repr=False)
class ApsHeaders(RowFields):
    """What the APS headers said, one entry a row of `span`, which begins after header and auxiliary header.

    `index` is the row's place in the NWK layer's result.
    """

    span: Span
    header: Index
    control_at: Index  # the auxiliary header, where there is one
    index: Index
    control: npt.NDArray[np.uint8]  # APS frame control
    dst_endpoint: npt.NDArray[np.uint8]
    src_endpoint: npt.NDArray[np.uint8]
    cluster: npt.NDArray[np.uint16]
    profile: npt.NDArray[np.uint16]
    aps_counter: npt.NDArray[np.uint8]
    fragment: npt.NDArray[np.uint8]  # 0: whole; 1: the first block; else: a later one
    block: npt.NDArray[np.uint8]  # number of blocks in the first one, its own number in later ones
    counter: npt.NDArray[np.uint32]
    sender: npt.NDArray[np.uint64]  # EUI-64 of the auxiliary header, 0 where it has none

    @property
    def secured(self) -> Mask:
        """Which rows have an auxiliary header."""
        mask: Mask = (self.control & SECURED) != 0
        return mask

    @property
    def acknowledgement(self) -> Mask:
        """Which rows are acknowledgements; the others are data."""
        mask: Mask = (self.control & 3) == ACK
        return mask

    @property
    def grouped(self) -> Mask:
        """Which rows go to a group: they have no destination endpoint."""
        mask: Mask = (self.control & 0x0C) == GROUP << 2
        return mask

    @property
    def bare(self) -> Mask:
        """Acknowledgements of APS commands: a counter and no addressing."""
        mask: Mask = (self.control & (3 | ACK_FORMAT)) == ACK | ACK_FORMAT
        return mask


def read_aps(octets: Octets, payloads: Span, index: Index) -> ApsHeaders:
    """Read the APS headers of NWK payloads; rows not read are not in the result."""
    word = octets.u64(payloads.offset)
    control = (word & np.uint64(0xFF)).astype(np.uint8)
    kind, delivery = control & 3, (control >> 2) & 3
    group = ((delivery == GROUP) & (kind == DATA)).astype(np.int64)
    bare = (kind == ACK) & ((control & ACK_FORMAT) != 0)
    length = np.where(bare, 2, 8 + group)
    extension, fragment = _extensions(octets, payloads.offset + length, control)
    fits = ((kind == DATA) & (delivery != 1) & ((control & ACK_FORMAT) == 0)) | (
        (kind == ACK) & (delivery == UNICAST)
    )
    whole = length + extension
    fits &= whole <= payloads.length
    secured = (control & SECURED) != 0
    control_at = payloads.offset + whole
    aux_control = octets.u8(control_at)
    aux = np.where(secured, 5 + 8 * ((aux_control & CONTROL_NONCE) != 0), 0)
    fits &= ~secured | CONTROLS.take(aux_control)
    fits &= whole + aux + MIC * secured <= payloads.length
    chosen = np.flatnonzero(fits)
    if len(chosen) < len(fits):
        payloads, index, word, control = payloads.where(chosen), index[chosen], word[chosen], control[chosen]
        group, bare, length, aux = group[chosen], bare[chosen], length[chosen], aux[chosen]
        control_at, fragment, secured = control_at[chosen], fragment[chosen], secured[chosen]
    return _headers(
        octets, payloads, index, word, control, group, bare, length, aux, control_at, fragment, secured
    )


def _extensions(
    octets: Octets, at: Index, control: npt.NDArray[np.uint8]
) -> tuple[Index, npt.NDArray[np.uint8]]:
    """Octets of the extended headers, and what they say of fragmentation (clause 2.2.5.1.8)."""
    size, fragment = np.zeros(len(at), np.int64), np.zeros(len(at), np.uint8)
    extended = np.flatnonzero((control & EXTENDED) != 0)
    if len(extended):
        kind = octets.u8(at[extended]) & 3
        acknowledged = (control[extended] & 3) == ACK
        fragment[extended] = kind
        size[extended] = 1 + (kind != 0) * (1 + acknowledged.astype(np.int64))
    return size, fragment


def _headers(
    octets: Octets,
    payloads: Span,
    index: Index,
    word: npt.NDArray[np.uint64],
    control: npt.NDArray[np.uint8],
    group: Index,
    bare: Mask,
    length: Index,
    aux: Index,
    control_at: Index,
    fragment: npt.NDArray[np.uint8],
    secured: Mask,
) -> ApsHeaders:
    # After frame control: destination endpoint (or a 2-octet group), cluster, profile, source endpoint,
    # counter.
    shifted = word >> (np.uint64(16) + np.uint64(8) * group.astype(np.uint64))
    dst_endpoint = np.where(bare | (group > 0), 0, (word >> np.uint64(8)) & np.uint64(0xFF))
    cluster = shifted.astype(np.uint16)
    profile = octets.u16(payloads.offset + 4 + group)
    src_endpoint = octets.u8(payloads.offset + 6 + group)
    for values in (cluster, profile, src_endpoint):
        values[bare] = 0
    counter = np.zeros(len(control), np.uint32)
    sender = np.zeros(len(control), np.uint64)
    counter[secured] = octets.u32(control_at[secured] + 1)
    named = aux > 5
    sender[named] = octets.u64(control_at[named] + 5)
    return ApsHeaders(
        payloads.after(control_at - payloads.offset + aux),
        payloads.offset,
        control_at,
        index,
        control,
        dst_endpoint.astype(np.uint8),
        src_endpoint,
        cluster,
        profile,
        octets.u8(payloads.offset + length - 1),
        fragment,
        np.where(fragment != 0, octets.u8(payloads.offset + length + 1), 0).astype(np.uint8),
        counter,
        sender,
    )


def put_aps(headers: ApsHeaders, out: Columns) -> None:
    """The header's columns, without verdicts."""
    rows = headers.span.rows
    mask = out.mask(rows)
    out.put_words("aps_type", rows, headers.control & 3, APS_TYPES, mask)
    out.put("aps_counter", rows, headers.aps_counter, mask)
    out.put("aps_ack_request", rows, (headers.control & ACK_REQUEST) != 0, mask)
    addressed = ~headers.bare
    if not addressed.all():
        headers = headers.where(addressed)
        rows = headers.span.rows
        mask = out.mask(rows)
    out.put("aps_profile", rows, headers.profile, mask)
    out.put("aps_cluster", rows, headers.cluster, mask)
    out.put("aps_src_endpoint", rows, headers.src_endpoint, mask)
    single = ~headers.grouped
    if not single.all():
        rows = rows[single]
        mask = out.mask(rows)
    out.put("aps_dst_endpoint", rows, headers.dst_endpoint[single], mask)

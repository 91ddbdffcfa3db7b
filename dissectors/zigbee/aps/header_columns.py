"""ZigBee APS headers of many frames at once: data and acknowledgement frames.

APS commands and inter-PAN frames leave the vector path.

Source: ZigBee specification (05-3474) clauses 2.2.5 (APS frame format) and 4.5.1 (auxiliary header).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from dissectors.crypto.ccm_batch import MIC
from dissectors.layout.shapes import Shaped, shapes_of
from dissectors.vectors import Index, Mask, OctetArray, RowFields, Span
from dissectors.zigbee.aps.headers import ACK, DATA, GROUP, INDIRECT, UNICAST, ApsHeader
from dissectors.zigbee.nwk.headers import AuxHeader

__all__ = ["ApsHeaders", "read_aps"]

ACK_FORMAT, SECURED = 0x10, 0x20
CONTROL_NONCE = 0x20
# Security controls that are read: the link key, and level bits that mean level 5.
CONTROLS = np.isin(np.arange(256) & ~CONTROL_NONCE, [0x00, 0x04, 0x05])


@cache
def read_by_columns() -> Mask:
    """By frame control octet, whether frames that begin with it are read here."""
    control = np.arange(256)
    kind, delivery = control & 3, (control >> 2) & 3
    data = (kind == DATA) & (delivery != INDIRECT) & ((control & ACK_FORMAT) == 0)
    read: Mask = data | ((kind == ACK) & (delivery == UNICAST))
    return read


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


def read_aps(octets: OctetArray, payloads: Span, index: Index) -> tuple[ApsHeaders, Shaped]:
    """Read the APS and auxiliary headers of NWK payloads; rows not read are not in the result."""
    chosen = np.flatnonzero((payloads.length > 0) & read_by_columns().take(octets.u8(payloads.offset)))
    # Rows are places until all is read.
    numbered = Span(chosen, payloads.offset[chosen], payloads.end[chosen])
    aps = shapes_of(ApsHeader).read(octets, numbered)
    secured = aps.bit("security") != 0
    behind = aps.after
    control = octets.u8(np.minimum(behind.offset, behind.end))
    fits = ~secured | CONTROLS.take(control)
    sealed = np.flatnonzero(secured & fits)
    aux = shapes_of(AuxHeader).read(octets, Span(sealed, behind.offset[sealed], behind.end[sealed] - MIC))
    fits[sealed] = False
    fits[aux.span.rows] = True
    counter, sender = np.zeros(len(fits), np.uint32), np.zeros(len(fits), np.uint64)
    length = aps.length.copy()
    counter[aux.span.rows], sender[aux.span.rows] = aux.values("frame_counter"), aux.values("source")
    length[aux.span.rows] += aux.length
    if not fits.all():
        chosen = np.flatnonzero(fits)
        aps, length, counter, sender = aps.where(chosen), length[chosen], counter[chosen], sender[chosen]
    places = aps.span.rows
    aps.span = Span(payloads.rows[places], aps.span.offset, aps.span.end)
    headers = ApsHeaders(
        aps.span.after(length),
        aps.span.offset,
        aps.after.offset,
        index[places],
        aps.values("frame_control"),
        aps.values("dst_endpoint"),
        aps.values("src_endpoint"),
        aps.values("cluster"),
        aps.values("profile"),
        aps.values("counter"),
        aps.bit("fragmentation"),
        aps.values("block"),
        counter,
        sender,
    )
    return headers, aps

"""ZigBee NWK headers of many frames at once.

Strategy: as in the MAC, the headers are read by their shape. Unsecured and multicast frames, unknown versions, and
security headers that no ZigBee network of this kind sends (another level, another key, no extended nonce) leave the
vector path.

Source: ZigBee specification (05-3474) clauses 3.3 (NWK frame format) and 4.5.1 (auxiliary header).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from dissectors.crypto.ccm_batch import MIC
from dissectors.ieee802154.payload_protocol import zigbee_addresses, zigbee_control
from dissectors.layout.shapes import Shaped, shapes_of
from dissectors.vectors import Columns, Index, Mask, OctetArray, RowFields, Span
from dissectors.zigbee.nwk.headers import AuxHeader, NwkHeader

__all__ = ["AUX_OCTETS", "NwkHeaders", "put_nwk", "read_nwk"]

AUX_OCTETS = 14
"""Security control, frame counter, EUI-64, key sequence number."""

VERSION_2 = 2 << 2
MULTICAST, SECURED, DST_EUI64, SRC_EUI64 = 1 << 8, 1 << 9, 1 << 11, 1 << 12

# Security controls that are read: the network key, an extended nonce, and level bits that mean level 5.
CONTROLS = np.isin(np.arange(256), [0x28, 0x2C, 0x2D])


@cache
def read_by_columns() -> Mask:
    """By frame control field, whether frames that begin with it are read here."""
    fcf = np.arange(65536)
    read: Mask = zigbee_control(fcf) & ((fcf & 0x3C) == VERSION_2)
    read &= (fcf & (SECURED | MULTICAST)) == SECURED
    return read


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
    def command(self) -> Mask:
        """Which rows are NWK commands; the others are data."""
        mask: Mask = (self.fcf & 3) == 1
        return mask


def read_nwk(
    octets: OctetArray, payloads: Span, pan: npt.NDArray[np.uint16]
) -> tuple[NwkHeaders, tuple[Shaped, Shaped]]:
    """Read the NWK and auxiliary headers of MAC payloads; rows not read are not in the result.

    Nothing is put into the table yet: whether the payload is ZigBee at all may be known only later.
    """
    fcf = octets.u16(payloads.offset)
    chosen = np.flatnonzero(read_by_columns().take(fcf) & (payloads.length >= 8))
    network = shapes_of(NwkHeader).read(octets, payloads.where(chosen), fcf[chosen])
    evidence = [network.values(name) for name in ("frame_control", "dst", "src", "radius")]
    fits = zigbee_addresses(*evidence)
    control = octets.u8(np.minimum(network.after.offset, network.span.end))
    network = network.where(np.flatnonzero(fits & CONTROLS.take(control)))
    behind = network.after
    aux = shapes_of(AuxHeader).read(octets, Span(np.arange(len(behind)), behind.offset, behind.end - MIC))
    network = network.where(aux.span.rows) if len(aux.span) < len(behind) else network
    rows = network.span.rows
    headers = NwkHeaders(
        Span(rows, aux.after.offset, network.span.end),
        network.span.offset,
        pan[np.searchsorted(payloads.rows, rows)],
        network.values("frame_control"),
        network.values("src"),
        network.values("dst"),
        network.values("sequence"),
        network.values("src_eui64"),
        network.values("dst_eui64"),
        aux.values("source"),
        aux.values("frame_counter"),
        aux.values("key_sequence"),
    )
    aux.span.rows = rows
    return headers, (network, aux)


def put_nwk(shaped: tuple[Shaped, Shaped], headers: NwkHeaders, out: Columns) -> None:
    """The headers' columns, without the addresses that only the address map knows and without verdicts."""
    for layer in shaped:
        layer.put(out)
    out.put("nwk_sender", headers.span.rows, headers.sender)

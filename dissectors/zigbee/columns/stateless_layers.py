"""The layers of a block that need no state: MAC, NWK, NWK security opened, and the headers of the APS.

Strategy: all that is here follows from the octets and the keys held, whatever frames passed before. So it can be
made ahead of the rest of the decode, by another process too (`analysis.pipeline.prefetch`); what depends on the frames
before (verdicts, owners of addresses, counters, link keys) is `dissectors.zigbee.columns.read`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dissectors.crypto.ccm_batch import MIC, Sealed
from dissectors.ieee802154.header_columns import (
    ACK,
    DATA,
    Headers,
    read_bare_commands,
    read_headers,
    read_plain_beacons,
)
from dissectors.ieee802154.payload_protocol import ZIGBEE_BEACON_OCTETS, zigbee_beacon
from dissectors.model.context import HanContext
from dissectors.vectors import Columns, Index, OctetArray, Span, distinct
from dissectors.zigbee.aps.header_columns import ApsHeaders, read_aps
from dissectors.zigbee.nwk.header_columns import AUX_OCTETS, NwkHeaders, put_nwk, read_nwk
from dissectors.zigbee.security.candidates import KnownCandidates, NetworkCandidates
from dissectors.zigbee.security.opening_columns import OpenedFrames, open_groups

__all__ = ["StatelessLayers", "read_stateless_layers"]

BROADCAST = 0x100
"""No MAC sequence number."""


@dataclass(eq=False, repr=False)
class StatelessLayers:
    """What was read of the stateless layers.

    Attributes:
        octets: of the block.
        out: the columns that these layers fill.
        acks, beacons: rows of acknowledgements, and of ZigBee beacons.
        bare, bare_command: rows of MAC commands that carry nothing, and their identifiers.
        nwk: the NWK headers of secured frames.
        hop: short address of the MAC source of each of them, -1 where it has none.
        mark: MAC sequence number of each of them, `BROADCAST` for those that are sent again under another one.
        digest: integrity code of each of them, as sent.
        groups: secured frames of one PAN and key sequence number, with the keys that came into question.
        group: place of each secured frame's group in `groups`.
        opened: plain texts of the secured frames.
        commands, commands_at: opened NWK commands, and their places in `nwk`.
        applications: APS headers of opened data frames; their `index` points into `applications_at`.
        applications_at: places of the opened data frames in `nwk`.
    """

    octets: OctetArray
    out: Columns
    acks: Index
    beacons: Index
    bare: Index
    bare_command: npt.NDArray[np.uint8]
    nwk: NwkHeaders
    hop: npt.NDArray[np.int32]
    mark: npt.NDArray[np.uint32]
    digest: npt.NDArray[np.uint32]
    groups: list[NetworkCandidates]
    group: Index
    opened: OpenedFrames
    commands: Span
    commands_at: Index
    applications: ApsHeaders
    applications_at: Index

    def holds(self, context: HanContext) -> bool:
        """Whether the keys that came into question are those that would do so now."""
        return self.groups == networks([one.name for one in self.groups], context)


def read_stateless_layers(octets: OctetArray, span: Span, count: int, context: HanContext) -> StatelessLayers:
    """Read the stateless layers of the frames of `span` (trailers excluded, check sequence not bad).

    Args:
        octets: of the block.
        span: its radio frames.
        count: rows of the block.
        context: is asked for keys, and remembers which key opened what (`Openings`); nothing else is changed.
    """
    out = Columns(count)
    mac = read_headers(octets, span, out)
    bare, bare_command = read_bare_commands(octets, mac, out)
    beacons = _zigbee_beacons(octets, mac, out)
    network = mac.where(np.flatnonzero((mac.kind == DATA) & (mac.src_mode > 0)))
    nwk, shaped = read_nwk(octets, network.span, network.pan)
    network = network.where(np.searchsorted(network.span.rows, nwk.span.rows))
    groups, group, opened = _open(octets, nwk, context)
    digest = octets.u32(nwk.span.end - MIC)
    if len(nwk.span):
        put_nwk(shaped, nwk, out)
        out.put("nwk_digest", nwk.span.rows, digest)
    good = np.flatnonzero(opened.ok)
    begin = opened.offset[good]
    plain = Span(nwk.span.rows[good], begin, begin + nwk.span.length[good] - MIC)
    command = nwk.command[good]
    applications, aps = read_aps(opened.octets, plain.where(~command), np.arange(int((~command).sum())))
    if len(applications.span):
        aps.put(out)
    mark = np.where(network.broadcast, np.uint32(BROADCAST), network.seq.astype(np.uint32))
    acks = mac.span.rows[mac.kind == ACK]
    return StatelessLayers(
        octets, out, acks, beacons, bare, bare_command, nwk, network.src_short, mark, digest, groups, group,
        opened, plain.where(command), good[command], applications, good[~command],
    )  # fmt: skip


def networks(names: Iterable[tuple[Any, ...]], context: HanContext) -> list[NetworkCandidates]:
    """The candidates of networks, by PAN and key sequence number."""
    known = context.state(KnownCandidates)
    return [known.network(context, *name) for name in names]


def _open(
    octets: OctetArray, nwk: NwkHeaders, context: HanContext
) -> tuple[list[NetworkCandidates], Index, OpenedFrames]:
    """The groups of NWK frames that share a key, the group of each frame, and what was opened."""
    unique, group = distinct((nwk.pan.astype(np.uint32) << np.uint32(8)) | nwk.key_seq)
    groups = networks([(key >> 8, key & 0xFF) for key in unique.tolist()], context)
    text = nwk.span.offset
    sealed = Sealed(octets, nwk.header, text - AUX_OCTETS, text, nwk.span.end, nwk.sender, nwk.counter)
    return groups, group, open_groups(sealed, group, groups, context)


def _zigbee_beacons(octets: OctetArray, mac: Headers, out: Columns) -> Index:
    """Rows of ZigBee beacons, their extended PAN IDs put into `out`."""
    payload = read_plain_beacons(octets, mac, out)
    zigbee = zigbee_beacon(octets.u8(payload.offset), octets.u8(payload.offset + 1))
    payload = payload.where(zigbee & (payload.length == ZIGBEE_BEACON_OCTETS))
    out.put("beacon_epid", payload.rows, octets.u64(payload.offset + 3))
    return payload.rows

"""The APS layer of many frames at once: opened, judged, remembered; data goes up to the ZCL."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dissectors.crypto.ccm_batch import MIC, Sealed
from dissectors.model.context import HanContext
from dissectors.model.keyring import Key
from dissectors.security.candidates import Candidates
from dissectors.security.counter_columns import CounterUses, counter_uses
from dissectors.security.counters import aps_scope
from dissectors.security.verdicts import NO_KEY, NONE, VERDICTS
from dissectors.vectors import Index, Mask, OctetArray, Span, distinct, first_places, unique_values
from dissectors.zigbee.aps.header_columns import ApsHeaders
from dissectors.zigbee.aps.open_payloads import OpenPayloads
from dissectors.zigbee.columns.frames import Frames, NwkAddresses
from dissectors.zigbee.columns.zcl_frames import read_zcl_frames
from dissectors.zigbee.security.candidates import (
    KEY_IDS,
    LINK,
    UNKNOWN_SOURCE,
    KnownCandidates,
    paired_senders,
)
from dissectors.zigbee.security.opening import APS as SECURED
from dissectors.zigbee.security.opening_columns import OpenedFrames, open_groups
from dissectors.zigbee.security.recording_columns import record_many
from dissectors.zigbee.security.verdict_columns import Proofs, judge

__all__ = ["read_applications"]

APS = "ZigBee APS"
ZDP_PROFILE = 0x0000
PEER = 8
"""Octets of a scope that name the peer (`dissectors.security.counters.aps_scope`)."""


def read_applications(frames: Frames, octets: OctetArray, aps: ApsHeaders, ends: NwkAddresses) -> None:
    """Read APS data and acknowledgements, whose headers were read; `aps.index` points into `ends`."""
    if not len(aps.span):
        return
    rows = aps.span.rows
    frames.out.put_words("aps_security", rows, NONE, VERDICTS)
    readable = ~aps.secured
    sealed = np.flatnonzero(aps.secured)
    if len(sealed):
        opened = _open(frames, octets, aps.where(sealed), ends)
        aps.span = _in_place(octets, aps.span, sealed, opened)
        readable[sealed] = opened.ok
    acks = readable & aps.acknowledgement & (aps.span.length == 0)
    frames.finish(rows[acks], APS, ["APS ack"])
    whole = readable & ~aps.acknowledgement & (aps.fragment == 0)
    data = np.flatnonzero(whole & (aps.profile != ZDP_PROFILE))
    if len(data):
        chosen = aps.where(data)
        read_zcl_frames(frames, octets, chosen, ends.where(chosen.index))
    rest = np.flatnonzero(readable & ~frames.done[rows])
    if len(rest):
        chosen = aps.where(rest)
        frames.payloads = OpenPayloads(octets, chosen, ends.where(chosen.index))


def _open(frames: Frames, octets: OctetArray, aps: ApsHeaders, ends: NwkAddresses) -> OpenedFrames:
    """Open secured APS frames and put their columns; those without a known sender stay shut."""
    ends = ends.where(aps.index)
    own = octets.u8(aps.control_at) & 0x20 != 0
    sender = np.where(own, aps.sender, ends.src_eui64)
    known = own | ends.has_src
    rows = aps.span.rows
    digest = octets.u32(aps.span.end - MIC)
    mask = frames.out.mask(rows)
    frames.out.put_words("aps_key_id", rows, 0, (KEY_IDS[LINK],), mask)
    frames.out.put("aps_frame_counter", rows, aps.counter, mask)
    frames.out.put("aps_digest", rows, digest, mask)
    frames.out.put("aps_sender", rows[known], sender[known])
    sealed = Sealed(octets, aps.header, aps.control_at, aps.span.offset, aps.span.end, sender, aps.counter)
    group, groups = _groups(sender, known, ends, frames.context)
    opened = open_groups(sealed, group, groups, frames.context)
    proofs = judge(rows, opened, group, groups, frames.context)
    uses = _counters(frames, aps, proofs, ends, sender, digest)
    shut = record_many(frames, SECURED, proofs, uses)
    _finish_unopened(frames, aps, proofs, shut, known)
    return opened


def _counters(
    frames: Frames,
    aps: ApsHeaders,
    proofs: Proofs,
    ends: NwkAddresses,
    sender: npt.NDArray[np.uint64],
    digest: npt.NDArray[np.uint32],
) -> CounterUses | None:
    """The frame counters of opened frames."""
    good = np.flatnonzero(proofs.opened.ok)
    if not len(good):
        return None
    keys, key = proofs.keys()
    return counter_uses(
        SECURED.counters,
        [aps_scope(one.value, LINK, 0)[:-PEER] for one in keys],
        key,
        sender[good],
        aps.span.rows[good],
        (frames.number, frames.time_ns),
        aps.counter[good],
        digest[good],
        np.zeros(len(good), np.uint32),
        _peers(keys, key, sender[good], ends.where(good)),
    )


def _groups(
    sender: npt.NDArray[np.uint64], known: Mask, ends: NwkAddresses, context: HanContext
) -> tuple[Index, list[Candidates]]:
    """Pairs of devices; frames whose sender is unknown are a group without keys."""
    _, source = distinct(np.where(known, sender, 0))
    targets, target = distinct(np.where(ends.has_dst, ends.dst_eui64, 0))
    flags = known.astype(np.int64) | ends.has_dst.astype(np.int64) << 1
    _, group = distinct((source * len(targets) + target) << 2 | flags)
    first = first_places(group, int(group.max(initial=-1)) + 1)
    groups: list[Candidates] = []
    candidates = context.state(KnownCandidates)
    for frame in first.tolist():
        receiver = int(ends.dst_eui64[frame]) if ends.has_dst[frame] else None
        found = candidates.link(context, int(sender[frame]), receiver) if known[frame] else UNKNOWN_SOURCE
        groups.append(found)
    return group, groups


def _peers(
    keys: Sequence[Key], key: Index, sender: npt.NDArray[np.uint64], ends: NwkAddresses
) -> npt.NDArray[np.uint64]:
    """Who shares each outgoing counter with its sender (as `dissectors.zigbee.security.candidates.peer_of`)."""
    pairs = np.array([one.devices or (0, 0) for one in keys], np.uint64).reshape(-1, 2)
    paired = np.array([one.devices is not None for one in keys], np.bool_)[key]
    first, second = pairs[key, 0], pairs[key, 1]
    other = np.where(sender == first, second, first)
    return np.where(paired & ((sender == first) | (sender == second)), other, ends.destination)


def _finish_unopened(frames: Frames, aps: ApsHeaders, proofs: Proofs, shut: Index, known: Mask) -> None:
    """Frames that did not open end here; but those whose sender may be guessed, which the one-frame path does."""
    if next(paired_senders(frames.context.keyring, None), None) is None:
        known = np.ones(len(known), np.bool_)
    shut = shut[known[shut]]
    texts = ["APS data, encrypted", "APS ack, encrypted"]
    frames.finish(aps.span.rows[shut], APS, texts, aps.acknowledgement[shut].astype(np.int64))
    frames.add_missing_link_key(aps.span.rows[(proofs.verdict == NO_KEY) & known])


def _in_place(octets: OctetArray, span: Span, sealed: Index, opened: OpenedFrames) -> Span:
    """Write the opened texts over the sealed ones, so that all payloads lie in one buffer."""
    end = span.end.copy()
    end[sealed] -= MIC
    good = np.flatnonzero(opened.ok)
    at, size = span.offset[sealed[good]], (end - span.offset)[sealed[good]]
    for length in unique_values(size):
        same = np.flatnonzero(size == length)
        if length:
            octets.write(at[same], opened.octets.rows(opened.offset[good[same]], length))
    return Span(span.rows, span.offset, end)

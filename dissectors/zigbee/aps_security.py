"""The APS layer of many frames at once: opened, judged, remembered; data goes up to the ZCL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt

from dissectors.context import HanContext
from dissectors.counter_columns import counter_uses
from dissectors.counters import RELAY_NS, aps_scope
from dissectors.crypto.ccm_batch import MIC, Sealed
from dissectors.key_proofs import KeyChanges
from dissectors.keyring import Key
from dissectors.vectors import Index, Mask, OctetArray, Span, distinct, first_places, unique_values
from dissectors.zigbee.aps_columns import ApsHeaders
from dissectors.zigbee.frames import Frames, NwkAddresses
from dissectors.zigbee.key_columns import OpenedFrames
from dissectors.zigbee.payloads import OpenPayloads
from dissectors.zigbee.proofs import (
    CODE_DOES_NOT_MATCH,
    UNKNOWN_SOURCE,
    install_code_keys,
    link_reason,
    pair_name,
    paired_senders,
)
from dissectors.zigbee.security_columns import (
    BAD_MIC,
    NO_KEY,
    NONE,
    VERDICTS,
    Group,
    Proofs,
    judge,
    open_sealed,
)
from dissectors.zigbee.zcl_columns import read_zcl_frames

__all__ = ["read_applications"]

APS = "ZigBee APS"
ZDP_PROFILE = 0x0000
LINK = 0
"""Identifier of the link key in an auxiliary header."""
KEY_NAMES = ("link",)
PEER = 8
"""Octets of a scope that name the peer (`dissectors.counters.aps_scope`)."""


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
    frames.out.put_words("aps_key_id", rows, 0, ("link",), mask)
    frames.out.put("aps_frame_counter", rows, aps.counter, mask)
    frames.out.put("aps_digest", rows, digest, mask)
    frames.out.put("aps_sender", rows[known], sender[known])
    sealed = Sealed(octets, aps.header, aps.control_at, aps.span.offset, aps.span.end, sender, aps.counter)
    group, groups = _groups(sender, known, ends, frames.context)
    opened = open_sealed(sealed, group, groups, frames.context)
    proofs = judge(rows, opened, group, groups, frames.context)
    frames.proofs.append(proofs)
    frames.opened_layers[rows[proofs.opened.ok]] += 1
    good = np.flatnonzero(proofs.opened.ok)
    if len(good):
        keys, key = proofs.keys()
        peer = _peers(keys, key, sender[good], ends.where(good))
        scopes = [aps_scope(one.value, LINK, 0)[:-PEER] for one in keys]
        times = (frames.number, frames.time_ns)
        mark = np.zeros(len(good), np.uint32)
        uses = counter_uses(
            "aps", scopes, key, sender[good], rows[good], times, aps.counter[good], digest[good], mark, peer
        )
        frames.uses.append(uses)
        frames.mark_replays(uses, RELAY_NS, proofs, good)
    frames.put_security("aps", proofs)
    frames.put_reasons("aps", proofs, partial(_reason, frames.context, groups))
    _finish_shut(frames, aps, proofs, known)
    return proofs.opened


def _groups(
    sender: npt.NDArray[np.uint64], known: Mask, ends: NwkAddresses, context: HanContext
) -> tuple[Index, list[Group]]:
    """Pairs of devices; frames whose sender is unknown are a group without keys."""
    _, source = distinct(np.where(known, sender, 0))
    targets, target = distinct(np.where(ends.has_dst, ends.dst_eui64, 0))
    flags = known.astype(np.int64) | ends.has_dst.astype(np.int64) << 1
    _, group = distinct((source * len(targets) + target) << 2 | flags)
    first = first_places(group, int(group.max(initial=-1)) + 1)
    groups = []
    pairs = context.state(Pairs)
    for frame in first.tolist():
        receiver = int(ends.dst_eui64[frame]) if ends.has_dst[frame] else None
        groups.append(pairs.of(int(sender[frame]), receiver, context) if known[frame] else NOBODY)
    return group, groups


NOBODY = Group((), (), frozenset(), False)


@dataclass(slots=True, eq=False, repr=False)
class Pairs:
    """Groups of pairs of devices, kept as long as no key is learnt (in the context)."""

    revision: tuple[int, ...] = ()
    groups: dict[tuple[int, int | None], Group] = field(default_factory=dict)

    def of(self, source: int, destination: int | None, context: HanContext) -> Group:
        """The group of one pair."""
        ring = context.keyring
        changes = context.state(KeyChanges).revision
        revision = (ring.revision, len(ring.keys), len(ring.install_codes), changes)
        if revision != self.revision or len(self.groups) > 1 << 16:
            self.groups.clear()
            self.revision = revision
        found = self.groups.get((source, destination))
        if found is None:
            found = self.groups[source, destination] = _group(source, destination, context)
        return found


def _group(source: int, destination: int | None, context: HanContext) -> Group:
    keys: list[Key] = []
    seen: set[bytes] = set()
    ring = context.keyring
    for key in [*ring.link_keys(source, destination), *install_code_keys(ring, source, destination)]:
        if key.value not in seen:
            seen.add(key.value)
            keys.append(key)
    return Group(pair_name(context, source, destination, LINK), keys, frozenset(seen), False)


def _peers(
    keys: Sequence[Key], key: Index, sender: npt.NDArray[np.uint64], ends: NwkAddresses
) -> npt.NDArray[np.uint64]:
    """Who shares each outgoing counter with its sender (as `dissectors.zigbee.proofs.peer_of`)."""
    pairs = np.array([one.devices or (0, 0) for one in keys], np.uint64).reshape(-1, 2)
    paired = np.array([one.devices is not None for one in keys], np.bool_)[key]
    first, second = pairs[key, 0], pairs[key, 1]
    other = np.where(sender == first, second, first)
    return np.where(paired & ((sender == first) | (sender == second)), other, ends.destination)


def _reason(context: HanContext, groups: Sequence[Group], number: int, proven: bool) -> str:
    """Why frames of a group stay shut."""
    one = groups[number]
    if one is NOBODY:
        return UNKNOWN_SOURCE
    ends, key_id, change = one.name
    paired = any(key.devices is not None and set(key.devices) == set(ends) for key in one.keys)
    said = context.state(KeyChanges).description_of(ends, change)
    return link_reason(KEY_NAMES[key_id], len(one.keys), proven, said, paired)


def _finish_shut(frames: Frames, aps: ApsHeaders, proofs: Proofs, known: Mask) -> None:
    """Frames that did not open end here; but those whose sender may be guessed, which the one-frame path does."""
    if next(paired_senders(frames.context.keyring, None), None) is None:
        known = np.ones(len(known), np.bool_)
    shut = np.flatnonzero(~proofs.opened.ok & known)
    texts = ["APS data, encrypted", "APS ack, encrypted"]
    frames.finish(aps.span.rows[shut], APS, texts, aps.acknowledgement[shut].astype(np.int64))
    for row in aps.span.rows[proofs.verdict == BAD_MIC].tolist():
        frames.issues.setdefault(row, CODE_DOES_NOT_MATCH)
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

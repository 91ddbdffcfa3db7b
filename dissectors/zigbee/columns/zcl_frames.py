"""ZCL frames of many rows at once: what of the general commands becomes columns and attribute rows.

Commands that are lists of attribute records, the default response, and cluster commands of fixed fields are
read here; a frame of any other kind, or one that does not end where its records end, leaves the vector path.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache

import numpy as np

from dissectors.vectors import Index, Mask, OctetArray, distinct
from dissectors.zcl import catalogue
from dissectors.zcl.columns.attributes import (
    Spec,
    ZclFrames,
    attribute_rows,
    specs_of,
    values_of,
)
from dissectors.zcl.columns.commands import Plan, command_rows, plans_of
from dissectors.zcl.columns.headers import Records, ZclHeaders, read_records, read_zcl
from dissectors.zcl.columns.scales import Owners, ScaleObservations, scaled
from dissectors.zcl.columns.values import RenderedValues, integers, signed
from dissectors.zcl.general import GENERAL
from dissectors.zcl.header import DIRECTIONS
from dissectors.zcl.meanings import label_of
from dissectors.zcl.summaries import PROTOCOL, line, records_text
from dissectors.zigbee.aps.header_columns import ApsHeaders
from dissectors.zigbee.columns.frames import Frames, NwkAddresses

__all__ = ["read_zcl_frames"]

DEFAULT_RESPONSE = 0x0B
GROUPED = 0x100  # stands where an endpoint stands: a group has none
INTEGERS = frozenset({"uint", "int", "data", "bitmap", "enum", "attribute", "cluster", "utc", "date"})
"""Kinds of values that are whole numbers to the one-frame path."""


def read_zcl_frames(frames: Frames, octets: OctetArray, aps: ApsHeaders, ends: NwkAddresses) -> None:
    """Read ZCL frames out of APS data (`ends`: one entry a frame)."""
    zcl, shaped = read_zcl(octets, aps.span, np.arange(len(aps.span)))
    if not len(zcl.span):
        return
    if len(zcl.index) < len(aps.span):
        aps, ends = aps.where(zcl.index), ends.where(zcl.index)
    facts = _facts(zcl, aps, ends)
    records, whole = read_records(octets, zcl)
    specs, spec = specs_of(facts, records)
    whole &= ~_odd(records, specs, spec, len(whole))
    keep = whole[records.index]
    if not keep.all():
        records, spec = records.where(keep), spec[keep]
    default = zcl.general & (zcl.command == DEFAULT_RESPONSE) & (zcl.span.length == 2)
    specific = np.flatnonzero((zcl.control & 3) == 1)
    plans, which, planned = plans_of(facts, zcl.span.length, specific)
    read = whole | default
    read[planned] = True
    shaped.where(np.flatnonzero(read)).put(frames.out)
    _put_commands(frames, octets, zcl, facts, plans, which, planned)
    _put_default_responses(frames, octets, zcl, facts, np.flatnonzero(default))
    _put_records(frames, zcl, facts, np.flatnonzero(whole), records, specs, spec)
    _attributes(frames, octets, facts, records, specs, spec, _owners(facts, aps, ends))


def _facts(zcl: ZclHeaders, aps: ApsHeaders, ends: NwkAddresses) -> ZclFrames:
    """Sender, receiver and cluster of each frame; a group has no EUI-64."""
    to_client = (zcl.control & 8) != 0
    target = np.where(aps.grouped, ends.dst, ends.destination)
    manufacturer = np.where(zcl.control & 4, zcl.manufacturer.astype(np.int32), -1)
    endpoint = np.where(to_client, aps.src_endpoint, aps.dst_endpoint)
    served = to_client | ~aps.grouped
    return ZclFrames(
        zcl.span.rows,
        ends.source,
        target,
        endpoint,
        served,
        aps.cluster,
        manufacturer.astype(np.int32),
        to_client,
        zcl.command,
    )


def _owners(facts: ZclFrames, aps: ApsHeaders, ends: NwkAddresses) -> Owners:
    """Who owns the server side: EUI-64, or PAN and short address while that is unknown."""
    count = len(facts.rows)
    to_client, grouped = facts.to_client, aps.grouped
    pan = ends.pan.astype(np.uint64) << np.uint64(16)
    has_dst = ends.has_dst & ~grouped
    # First the sources of the frames, then their destinations.
    known = np.concatenate([ends.has_src, has_dst])
    address = np.concatenate(
        [
            np.where(ends.has_src, ends.src_eui64, pan | ends.src),
            np.where(has_dst, ends.dst_eui64, pan | ends.dst),
        ]
    )
    values, which = distinct(address)
    both, device = distinct((which << 1) | known)
    devices: list[Hashable] = [
        int(values[b >> 1]) if b & 1 else (int(values[b >> 1]) >> 16, int(values[b >> 1]) & 0xFFFF)
        for b in both.tolist()
    ]
    source = (device[:count] << 9) | aps.src_endpoint
    target = (device[count:] << 9) | np.where(grouped, np.int64(GROUPED), aps.dst_endpoint)
    # A server that answers is a source, and has its destination for a peer; one that is asked is a destination.
    peered = np.flatnonzero(to_client & ~grouped)
    pairs, at = distinct(np.concatenate([np.where(to_client, source, target), target[peered]]))
    endpoints = [(devices[p >> 9], None if p & 0x1FF == GROUPED else p & 0x1FF) for p in pairs.tolist()]
    peer = np.full(count, -1, np.int64)
    peer[peered] = at[count:]
    return Owners(np.where(to_client, device[:count], device[count:]), at[:count], peer, devices, endpoints)


def _odd(records: Records, specs: list[Spec], spec: Index, frames: int) -> Mask:
    """Frames that set scaling with something that is no plain number: left to the one-frame path."""
    odd = np.zeros(frames, np.bool_)
    kinds = [one.kind.kind if one.kind and one.sets_scale else "uint" for one in specs]
    strange = np.array([kind not in INTEGERS for kind in kinds], np.bool_)
    odd[records.index[strange[spec]]] = True
    return odd


def _put_commands(
    frames: Frames,
    octets: OctetArray,
    zcl: ZclHeaders,
    facts: ZclFrames,
    plans: list[Plan],
    which: Index,
    planned: Index,
) -> None:
    """Summary, status and command rows of cluster commands."""
    if not len(planned):
        return
    at = zcl.span.offset[planned]
    place = np.array([-1 if plan.status_at is None else plan.status_at for plan in plans], np.int64)[which]
    has = place >= 0
    frames.out.put("zcl_status", facts.rows[planned][has], octets.u8((at + place)[has]))
    frames.finish(facts.rows[planned], PROTOCOL, [plan.summary for plan in plans], which)
    if "commands" in frames.tables:
        phrases = frames.context.state(RenderedValues)
        frames.command_parts.append(command_rows(octets, facts, at, plans, which, planned, phrases))


def _put_default_responses(
    frames: Frames, octets: OctetArray, zcl: ZclHeaders, facts: ZclFrames, chosen: Index
) -> None:
    rows, at = facts.rows[chosen], zcl.span.offset[chosen]
    word = octets.u16(at)  # command, and its status
    frames.out.put("zcl_status", rows, (word >> 8).astype(np.uint8))
    unique, which = distinct(facts.context[chosen] << 16 | word)
    texts = [
        _default_response(int(facts.contexts[k >> 16]), k & 0xFF, k >> 8 & 0xFF) for k in unique.tolist()
    ]
    frames.finish(rows, PROTOCOL, texts, which)


@lru_cache(maxsize=1 << 16)
def _default_response(context: int, command: int, status: int) -> str:
    cluster, manufacturer, to_client = unpack(context)
    direction = DIRECTIONS[not to_client]  # the answered command went the other way
    known = catalogue.command(cluster, direction, command, manufacturer)
    general = GENERAL.get(command)
    answered = " or ".join(([known.name] if known else []) + ([general.name] if general else []))
    parts = [answered or str(command), label_of("Status", status) or str(status)]
    name = catalogue.cluster(cluster, manufacturer).name
    return line(name, GENERAL[DEFAULT_RESPONSE].name, DEFAULT_RESPONSE, " to " + ", ".join(parts))


def unpack(context: int) -> tuple[int, int | None, bool]:
    """Cluster, manufacturer code and direction (to the client?) of `ZclFrames.context`."""
    manufacturer = (context >> 1 & 0x1FFFF) - 1
    return context >> 18, None if manufacturer < 0 else manufacturer, bool(context & 1)


def _put_records(
    frames: Frames,
    zcl: ZclHeaders,
    facts: ZclFrames,
    chosen: Index,
    records: Records,
    specs: list[Spec],
    spec: Index,
) -> None:
    """First attribute, first status and summary of the frames that are lists of records."""
    every = np.bincount(records.index, minlength=len(facts.rows))
    count = every[chosen]
    some = np.flatnonzero(count)
    at = (np.cumsum(every) - every)[chosen[some]]  # records stand in the order of their frames
    rows = facts.rows[chosen]
    frames.out.put("zcl_attribute", rows[some], records.identifier[at])
    status = records.status[at]
    told = status >= 0
    frames.out.put("zcl_status", rows[some[told]], status[told].astype(np.uint8))
    shape = np.zeros(len(chosen), np.int64)
    shape[some] = (spec[at] + 1) << 8 | np.maximum(status, 0)
    parts = (facts.context[chosen] << 8 | zcl.command[chosen]) << 8 | np.minimum(count, 255)
    unique, which = distinct(parts << 32 | shape)
    texts = []
    for key in unique.tolist():
        one = specs[(key >> 8 & 0xFFFFFF) - 1] if key & 0xFFFFFF00 else None
        context = int(facts.contexts[key >> 48])
        texts.append(_list(context, key >> 40 & 0xFF, key >> 32 & 0xFF, one, key & 0xFF))
    frames.finish(rows, PROTOCOL, texts, which)


@lru_cache(maxsize=1 << 16)
def _list(context: int, command: int, count: int, first: Spec | None, status: int) -> str:
    cluster, manufacturer, _ = unpack(context)
    detail = ""
    if first is not None:
        name = first.known.name if first.known else f"0x{first.attribute:04X}"
        detail = records_text(name, (label_of("Status", status) or str(status)) if status else "", count)
    return line(catalogue.cluster(cluster, manufacturer).name, GENERAL[command].name, command, detail)


def _attributes(
    frames: Frames,
    octets: OctetArray,
    facts: ZclFrames,
    records: Records,
    specs: list[Spec],
    spec: Index,
    owners: Owners,
) -> None:
    """Rows of the attributes table, and what they set of scaling."""
    observed = _scale_observations(octets, facts, records, specs, spec, owners)
    frames.scales.append(observed)
    if "attributes" not in frames.tables or not len(records.index):
        return
    values = values_of(octets, records, specs, spec, frames.context.state(RenderedValues))
    frames.attributes = attribute_rows(facts, records, specs, spec, values)
    found = scaled(values.number, values.numeric, records.index, specs, spec, observed, frames.context)
    told = np.flatnonzero(found.unit >= 0)
    frames.attributes.put("scaled", told, found.value[told])
    frames.attributes.put_words("unit", told, found.unit[told], list(found.units))
    frames.attribute_rows = facts.rows[records.index]


def _scale_observations(
    octets: OctetArray, facts: ZclFrames, records: Records, specs: list[Spec], spec: Index, owners: Owners
) -> ScaleObservations:
    setting = [(s.known.cluster, s.known.id) if s.known and s.sets_scale else None for s in specs]
    keys = sorted({key for key in setting if key})
    if not keys:
        return ScaleObservations(owners, facts.rows)
    of = np.array([keys.index(key) if key else -1 for key in setting], np.int64).take(spec)
    chosen = np.flatnonzero(of >= 0)
    minus = np.array([s.kind is not None and s.kind.kind == "int" for s in specs])
    size = records.size[chosen]
    raw = integers(octets, records.value[chosen], size)
    value = np.where(minus.take(spec[chosen]), signed(raw, size), raw.view(np.int64))
    return ScaleObservations(owners, facts.rows, keys, records.index[chosen], of[chosen], value)

"""End devices: who may sleep, polls, keep-alive."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.features import identifiers
from analysis.features.completeness import completeness
from analysis.features.identifiers import CLUSTERS, MAC_COMMANDS, NWK_COMMANDS, ZDP_COMMANDS
from analysis.features.judging import judge, mask, plural
from analysis.features.polls import POLL
from analysis.features.presence import heard_rows, presences
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.compliance.han_commands import READ, READ_RESPONSE, attributes_of
from analysis.rules.named_rows import Attribute
from analysis.rules.registry import rules_of

rule = rules_of("compliance", "end devices")

ROUTER_COMMANDS = NWK_COMMANDS.some("Route Request", "Route Reply", "Link Status")
KEEP_ALIVE = CLUSTERS["Keep-Alive"]
BASE = identifiers.attribute(KEEP_ALIVE, "TcKeepaliveBase")
ALWAYS_ON = [
    MAC_COMMANDS.field("Association Request", "receiver_on_when_idle"),
    NWK_COMMANDS.field("Rejoin Request", "receiver_on_when_idle"),
    ZDP_COMMANDS.field("Device_annce", "receiver_on_when_idle"),
]


@rule(
    "sleepy-device-routes",
    "A sleeping device routes",
    severity="warning",
    source="GBCS section 10; SMETS2 GSME",
    confidence="recalled",
    merges=("rules:N09", "rules:N25"),
    needs=("packets", "devices"),
    cause="forged command",
    smart_energy=True,
    unseen="frames of a gas meter (role GSME)",
    advice="A gas meter is a sleepy end device: somebody uses its address, or it is not one",
)
def sleepy_device_routes(view: View) -> Iterator[Evidence]:
    """A gas meter runs on a battery: it never sends beacons, link status or route commands."""
    packets = view.good
    rows = packets[mask(packets["sender"].isin(list(view.with_role("GSME"))))]
    routes = mask(rows["nwk_command"].isin(ROUTER_COMMANDS)) | mask(rows["mac_type"] == "beacon")
    yield from judge(view, rows, routes, "{bad} of a router", good="of an end device")


@rule(
    "end-device-polls",
    "A gas meter listens all the time",
    severity="info",
    source="GBCS section 10; SMETS2 GSME",
    confidence="recalled",
    merges=("rules:N09", "rules:N10", "spec:R032", "disapplied:46"),
    needs=("packets", "commands", "devices"),
    smart_energy=True,
    unseen="an association or Device_annce of a gas meter",
    advice="Its capability says that its receiver is always on: not a battery device",
)
def end_device_polls(view: View) -> Iterator[Evidence]:
    """The capability in a join says whether a device sleeps. A gas meter sleeps; a display may, or may
    not."""
    gas = list(view.with_role("GSME"))
    if not gas:
        return
    fields = view.tables["commands"].only(source=gas)
    said = fields[mask(fields["field"].isin(ALWAYS_ON))]
    yield from judge(
        view, said, mask(said["number"] == 1), "{bad} saying that it never sleeps", "source", "as a sleeper"
    )


@rule(
    "sleeper-never-polls",
    "A device that sleeps asks for nothing",
    severity="warning",
    source="IEEE 802.15.4-2011 5.1.6.3, 5.3.4 (indirect transmission); ZigBee PRO 05-3474 3.6.1.4",
    confidence="derived",
    needs=("packets", "commands"),
    cause="silence",
    absent=2,
    unseen="the join of a device that sleeps, and ten minutes with frames of it behind that",
    advice="It was not woken, hangs, or has no parent: wake it with its button, let it join anew",
)
def sleeper_never_polls(
    view: View, *, seconds: float = 600.0, least: int = 3, settled: float = 30.0
) -> Iterator[Evidence]:
    """A device that says when it joins that its receiver is off when it is idle gets what is sent to it only by asking
    for it (MAC data requests). One that goes on to send, and never asks, gets neither answers nor commands."""
    fields = view.tables["commands"]
    said = fields[
        mask(fields["field"].isin(ALWAYS_ON)) & mask(fields["number"] == 0) & mask(fields["source"].notna())
    ]
    heard, polls = heard_rows(view), view.good.only(mac_command=POLL)
    commands = view.good.only(mac_type="command")["seconds"].to_numpy(dtype=float)
    for device, part in said.groupby("source", sort=False):
        since = float(part["seconds"].max()) + settled
        own = heard[mask(heard["sender"] == device) & mask(heard["seconds"] > since)]
        lasts = float(own["seconds"].max()) - since if len(own) else 0.0
        # a sniffer that leaves MAC commands out tells nothing
        if lasts < seconds or len(own) < least or not (commands > 0).any():
            continue
        asked = mask(polls["sender"] == device) & mask(polls["seconds"] > since)
        subject = Subject.device(device)
        if asked.any():
            yield kept(subject, f"{plural(int(asked.sum()), 'poll')} since it joined")
        else:
            text = f"said at frame {int(part['frame'].iloc[-1])} that it sleeps, and sent no poll in {lasts:,.0f} s"
            yield broken(
                subject,
                f"{text}, though {plural(len(own), 'frame')} of it were heard",
                own["frame"].iloc[:200],
            )


@rule(
    "indirect-expired",
    "A sleeping device polls too seldom for its data",
    severity="info",
    source="ZigBee PRO macTransactionPersistenceTime 0x01F4",
    confidence="recalled",
    merges=("rules:N22",),
    cause="silence",
    unseen="polls of a sleeping device",
    advice="A parent holds data for 7.68 s: the child misses what comes between its polls",
)
def indirect_expired(
    view: View, *, seconds: float = 7.68, least: int = 20, share: float = 0.2
) -> Iterator[Evidence]:
    """While a child waits for an answer it must poll at least every 7.68 s. Judged: after the child sent a
    request, the gap to its next poll."""
    packets = view.good
    polls = packets.only(mac_command=POLL)
    asks = packets[mask(packets["aps_type"] == "data") & mask(packets["aps_ack_request"] == True)]  # noqa: E712
    asked = dict(asks.groupby("sender", sort=False).places())
    for child, part in polls.groupby("sender", sort=False):
        if len(part) < least or child not in asked:
            continue
        mine = asks.iloc[asked[child]]
        times = np.append(part["seconds"].to_numpy(dtype=float), np.inf)
        sent = mine["seconds"].to_numpy(dtype=float)
        gap = times[np.searchsorted(times, sent)] - sent
        late = np.isfinite(gap) & (gap > seconds)
        if late.mean() > share:
            yield broken(
                Subject.device(child),
                f"{late.sum()} of {plural(len(sent), 'request')} without a poll in time",
                mine["frame"][late],
            )
        else:
            yield kept(Subject.device(child), f"polls in time after {plural(len(sent), 'request')}")


@rule(
    "keep-alive-cadence",
    "The keep-alive is not kept",
    severity="warning",
    hearing=True,
    source="ZSE 1.2a; ZCL8 3.18.4 (base 10 min, jitter 300 s)",
    confidence="secondary",
    merges=("rules:N08", "spec:R087"),
    needs=(Attribute("Keep-Alive"),),
    cause="silence",
    smart_energy=True,
    unseen="reads of the keep-alive cluster (0x0025) by one device, three or more",
    advice="Three misses start a search for the trust centre: see whether the hub answers",
)
def keep_alive_cadence(
    view: View,
    *,
    base: float = 600.0,
    jitter: float = 300.0,
    least: int = 3,
    misses: int = 3,
    late: float = 30.0,
) -> Iterator[Evidence]:
    """Devices read the keep-alive cluster of the hub every ten minutes plus up to five of jitter, or as the
    hub's attributes say; also one that stops to, although it is heard. A read that was not heard is known by its
    answer. Three reads in a row that the sniffer may not have heard, as often as it misses frames of the device, only
    inform; `late`: seconds that the reads in a row may take."""
    air = completeness(view)
    rows = attributes_of(view, KEEP_ALIVE)
    told = rows[mask(rows["number"].notna()) & mask(rows["attribute"].notna())]
    usual = (base, jitter)
    for source, part in _asked(rows).groupby("source", sort=False):
        base, jitter = _said_by(told[mask(told["source"].isin(part["hub"].unique()))], *usual)
        times = part["seconds"].to_numpy(dtype=float)
        if len(times) < least:
            continue
        gaps = np.diff(times, append=max(_heard_last(view, source), times[-1]))
        long = gaps > misses * (base + jitter) + late
        long[long] = [
            _heard_within(view, source, times[at], times[at] + gaps[at]) for at in np.flatnonzero(long)
        ]
        if long.any():
            frames = part["frame"].to_numpy()[long]
            longest = float(gaps[long].max())
            text = f"gaps of up to {longest:,.0f} s (allowed {base + jitter:,.0f} s)"
            lost = int(np.ceil((longest - late) / (base + jitter))) - 1
            perhaps = air.may_explain_run(source, lost, len(part))
            text += (
                f"; the sniffer misses {air.missed(source):.0%} of its frames, perhaps these too"
                if perhaps
                else ""
            )
            yield broken(Subject.device(source), text, frames, "info" if perhaps else None)
        else:
            yield kept(Subject.device(source), f"every {np.median(gaps):,.0f} s")


def _said_by(told: Frame, base: float, jitter: float) -> tuple[float, float]:
    """Base and jitter in seconds as a hub's attributes say; as given where they do not."""
    for attribute, number in zip(told["attribute"], told["number"], strict=True):
        base, jitter = (number * 60, jitter) if attribute == BASE else (base, number)
    return base, jitter


def _asked(rows: Frame, seconds: float = 10.0) -> Frame:
    """When which device read: one row for each read that was heard, and for each answer whose read was not."""
    columns = ["frame", "seconds", "source", "hub"]
    reads = rows[mask(rows["command"] == READ)][["frame", "seconds", "source", "destination"]]
    answers = rows[mask(rows["command"] == READ_RESPONSE)][["frame", "seconds", "destination", "source"]]
    reads, answers = (one.set_axis(columns, axis=1) for one in (reads, answers))
    both = pd.concat([reads, answers]).dropna().drop_duplicates("frame")
    both = both.sort_values("seconds", kind="stable")
    return both[~mask(both.groupby("source", sort=False)["seconds"].diff() < seconds)]


def _heard_last(view: View, source: int) -> float:
    """When the device was heard last: one that is silent altogether is told by another rule."""
    one = presences(view).get(source)
    return float(one.seconds[-1]) if one is not None else 0.0


def _heard_within(view: View, source: int, start: float, end: float) -> bool:
    """Whether the device was heard in between, and not only at both ends: one that was away reads nothing."""
    one = presences(view).get(source)
    if one is None:
        return True
    inside = one.seconds[(one.seconds > start + 1) & (one.seconds < end - 1)]
    return bool(np.diff(np.r_[start, inside, end]).max() < 0.5 * (end - start))

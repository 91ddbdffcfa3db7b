"""Routers: link status and routes, whether they are real and go on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.features.identifiers import NWK_COMMANDS
from analysis.features.judging import judge, mask, plural, spread
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.compliance.han_commands import field_of
from analysis.rules.expression import c
from analysis.rules.registry import rules_of
from analysis.rules.rows import commands, packets

rule = rules_of("compliance", "routing")

LINK_STATUS, ROUTE_REPLY = NWK_COMMANDS.some("Link Status", "Route Reply")
PATH_COST, NEIGHBOUR = (
    NWK_COMMANDS.field("Route Reply", "path_cost"),
    NWK_COMMANDS.field("Link Status", "neighbour"),
)


@rule(
    "link-status-gap",
    "A router is not heard any more",
    severity="info",
    source="ZigBee PRO nwkLinkStatusPeriod",
    confidence="recalled",
    merges=("rules:N23",),
    cause="silence",
    unseen="Link Status commands over several minutes",
    advice="Loss of power, or out of the sniffer's reach: look for other frames of it",
)
def link_status_gap(
    view: View, *, periods: float = 6.0, least: int = 20, shortest: float = 15.0
) -> Iterator[Evidence]:
    """Routers send Link Status about every 15 s. One that did and then stopped, while the capture goes on,
    is gone."""
    packets = view.good
    rows = packets.only(nwk_command=LINK_STATUS)
    for sender, part in rows.groupby("sender", sort=False):
        times = part["seconds"].to_numpy(dtype=float)
        if len(times) < least:
            continue
        usual = float(np.median(np.diff(times)))
        silent = view.duration - times[-1]
        if silent > periods * max(usual, shortest) and not _heard_after(packets, sender, float(times[-1])):
            text = f"every {usual:.0f} s, then nothing for {silent:,.0f} s (last at frame {int(part['frame'].iloc[-1])})"
            last = (int(sender), float(times[-1]))
            yield broken(Subject.device(sender), text, part["frame"].iloc[-1:], silent=last)
        else:
            yield kept(Subject.device(sender), f"Link Status every {usual:.0f} s")


def _heard_after(packets: Frame, sender: object, seconds: float) -> bool:
    return bool((mask(packets["sender"] == sender) & mask(packets["seconds"] > seconds + 1)).any())


@rule(
    "route-forged",
    "A route reply from a device that is no neighbour",
    severity="info",
    source="ZigBee routing literature",
    confidence="recalled",
    merges=("attacks:A37",),
    cause="imitation",
    needs=(packets.where(c.nwk_command == "Route Reply"), commands.where(c.layer == "nwk")),
    unseen="readable route replies and link status commands",
    advice="A change of the mesh, or somebody who draws traffic to himself",
)
def route_forged(view: View, *, cost: float = 1.0) -> Iterator[Evidence]:
    """A route reply with path cost one claims that the destination is next door. If the destination's link
    status never lists the replier, somebody draws traffic."""
    rows = commands_of(view, ROUTE_REPLY)
    if rows.empty:
        return
    value = field_of(view, rows, PATH_COST)
    claims = rows[mask(value <= cost)]
    links = view.command_rows("nwk", [LINK_STATUS])
    listed = links[mask(links["field"] == NEIGHBOUR)]
    named = {int(n) for n in listed["number"].dropna().unique()}
    shorts = {int(e): int(k & 0xFFFF) for k, e in view.addresses.items()}
    stranger = [shorts.get(int(s or 0), -1) not in named for s in claims["source"].fillna(0)]
    if len(links) and len(claims):
        yield from judge(
            view,
            claims,
            stranger,
            "{bad} of a route with cost one by no neighbour",
            "source",
            "by neighbours",
        )


def commands_of(view: View, command: int) -> Frame:
    """Rows of a NWK command, one per frame."""
    rows = view.command_rows("nwk", [command])
    return rows.drop_duplicates("frame")


@rule(
    "link-status-two-streams",
    "Two streams of link status under one address",
    severity="warning",
    source="ZigBee routing literature",
    confidence="recalled",
    merges=("attacks:A38",),
    needs=(packets.where(c.nwk_command == "Link Status"),),
    cause="imitation",
    unseen="Link Status commands",
    advice="Two transmitters under one short address: compare EUI-64 and signal strength",
)
def link_status_two_streams(view: View, *, times: int = 3, above: int = 500) -> Iterator[Evidence]:
    """Routers tell their neighbours by Link Status. When the Link Status of one short address is secured by
    two EUI-64s in turn, or under two counter sequences, two transmitters share the address."""
    packets = view.good
    rows = packets.only(nwk_command=LINK_STATUS)
    rows = rows[rows.known("nwk_sender")]
    for (pan, short), part in rows.groupby(["pan", "nwk_src"], sort=False):
        senders = part["nwk_sender"]
        swaps = int((senders != senders.shift()).sum()) - 1
        counters = part["nwk_counter"].astype("float64").to_numpy(na_value=np.nan)
        backwards = int((np.diff(counters) < 0).sum())
        subject = Subject.device(int(pan) << 16 | int(short))
        if swaps > 1:
            names = ", ".join(view.label(s) for s in senders.unique())
            yield broken(subject, f"sent by {names} in turn ({spread(part)})", part["frame"])
        elif backwards >= times:
            high = counters > np.nanmedian(counters) + above
            odd = part["frame"][high] if high.any() else part["frame"]
            yield broken(
                subject, f"counters of its link status go back {backwards} times ({spread(part)})", odd
            )
        else:
            yield kept(subject, f"{plural(len(part), 'link status', 'link statuses')} of one device")

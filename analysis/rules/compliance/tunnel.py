"""Tunnels (cluster 0x0704): who opens them, how many, refusals, renewal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from analysis.features.identifiers import enumeration, to_client, to_server
from analysis.features.judging import judge, mask, plural
from analysis.features.view import View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.compliance.han_commands import (
    KEY_ESTABLISHMENT,
    TUNNELING,
    commands,
    field_of,
)
from analysis.rules.registry import rules_of

rule = rules_of("compliance", "tunnel")

REQUEST, CLOSE = to_server(TUNNELING, "Request Tunnel"), to_server(TUNNELING, "Close Tunnel")
ANSWER = to_client(TUNNELING, "Request Tunnel Response")
TUNNEL_STATUS = ANSWER.field("tunnel_status")
GRANTED, BUSY, NO_MORE = enumeration("TunnelingTunnelStatus").some("Success", "Busy", "NoMoreTunnelIds")
CONFIRMED = to_client(KEY_ESTABLISHMENT, "Confirm Key Data Response")
TUNNEL_RULE: dict[str, Any] = {"needs": ("commands",), "cause": "tunnel", "smart_energy": True}


@rule(
    "tunnel-roles",
    "The wrong side opens a tunnel",
    severity="error",
    source="GBCS v0.8 10.2.2.1, 10.2.2.2",
    confidence="text",
    merges=("spec:R047", "disapplied:10"),
    needs=("commands", "devices"),
    cause="tunnel",
    smart_energy=True,
    unseen="a RequestTunnel between devices whose roles are known",
    advice=(
        "The hub opens tunnels to electricity meter, load controller and display; the gas meter opens its own"
    ),
)
def tunnel_roles(view: View) -> Iterator[Evidence]:
    """The hub is the tunnel client of electricity meter, display and load controller; the gas meter is the
    client of the hub. A request the other way round is a fault or a stranger."""
    rows = commands(view, REQUEST)
    asks = rows["source"].map(view.roles)
    asked = rows["destination"].map(view.roles)
    judged = mask(asks.notna()) & mask(asked.notna())
    hub = ["CHF", "GPF", "coordinator"]
    wrong = (mask(asks.isin(hub)) & mask(asked == "GSME")) | (mask(asks.isin(["IHD", "CAD"])))
    yield from judge(
        view, rows[judged], wrong[judged], "{bad} opening a tunnel the wrong way", "source", "the right way"
    )


@rule(
    "tunnel-after-joining",
    "The hub opened no tunnel to a device that joined",
    severity="warning",
    source="GBCS v0.8 10.2.2.1",
    confidence="text",
    merges=("spec:R040",),
    needs=("commands", "devices"),
    cause="tunnel",
    smart_energy=True,
    absent=2,
    unseen="key establishment of an electricity meter, load controller or display, and ten minutes after it",
    advice="Without a tunnel no message reaches the device: see whether the hub knows its type",
)
def tunnel_after_joining(view: View, *, seconds: float = 600.0) -> Iterator[Evidence]:
    """When a device that takes messages through a tunnel has established its key with the hub, the hub opens one."""
    rows = commands(view, CONFIRMED)
    roles = rows["destination"].map(view.roles)
    hub = mask(rows["source"].isin(list(view.hub_addresses())))
    rows = rows[
        mask(roles.isin(["ESME", "HCALCS", "PPMID"])) & hub & mask(rows["seconds"] + seconds < view.duration)
    ]
    asked = commands(view, REQUEST)
    for row in rows.itertuples():
        mine = asked[mask(asked["destination"] == row.destination)]["seconds"]
        if (mask(mine > row.seconds) & mask(mine < row.seconds + seconds)).any():
            yield kept(Subject.device(row.destination), f"has a tunnel after frame {row.frame}")
        else:
            text = f"no RequestTunnel within {seconds:.0f} s of its key establishment"
            yield broken(Subject.device(row.destination), text, [row.frame])


@rule(
    "tunnel-flood",
    "Many requests for tunnels",
    severity="warning",
    source="general: tunnel flooding",
    confidence="secondary",
    merges=("attacks:A29",),
    unseen="RequestTunnel commands",
    advice="A restart, or somebody who takes all tunnels: see the status of the answers",
    **TUNNEL_RULE,
)
def tunnel_flood(view: View, *, requests: int = 5, window: float = 60.0) -> Iterator[Evidence]:
    """More than five requests for a tunnel from one device within a minute. After a restart that may happen
    once; otherwise somebody takes all tunnels, so that messages no longer get through."""
    rows = commands(view, REQUEST)
    for source, part in rows.groupby("source", sort=False):
        seconds = part["seconds"].to_numpy(dtype=float)
        most = int((np.searchsorted(seconds, seconds + window) - np.arange(len(seconds))).max())
        if most > requests:
            yield broken(Subject.device(source), f"{most} requests within {window:.0f} s", part["frame"])
        else:
            yield kept(
                Subject.device(source), f"{plural(len(part), 'request')}, at most {most} in {window:.0f} s"
            )


@rule(
    "tunnel-refused",
    "A tunnel was refused",
    severity="info",
    source="ZSE annex D.6; alert list 0x81BA",
    confidence="derived",
    merges=("rules:G28", "attacks:A29"),
    unseen="RequestTunnelResponse commands",
    advice="Status 1 busy, 2 no more tunnels, 3 protocol not supported, 4 flow control not supported",
    **TUNNEL_RULE,
)
def tunnel_refused(view: View) -> Iterator[Evidence]:
    """The answer to a tunnel request has a status: 0 grants it, anything else refuses it. Without a tunnel
    no GBCS message reaches the device. Refusals are also written to its log."""
    rows = commands(view, ANSWER)
    status = field_of(view, rows, TUNNEL_STATUS)
    yield from judge(
        view,
        rows,
        mask(pd.Series(status, index=rows.index).astype(float) != GRANTED) & mask(status.notna()),
        "{bad} refusing a tunnel",
        "source",
        "granting a tunnel",
    )


@rule(
    "tunnel-busy-retry",
    "A busy tunnel is asked for again at the wrong time",
    severity="warning",
    source="GBCS v0.8 10.2.2.1",
    confidence="text",
    merges=("spec:R043", "disapplied:12"),
    unseen="a RequestTunnelResponse with status busy, and the next request",
    advice="The hub must wait three minutes",
    **TUNNEL_RULE,
)
def tunnel_busy_retry(view: View, *, seconds: float = 180.0, tolerance: float = 30.0) -> Iterator[Evidence]:
    """A device that answers "busy" to a tunnel request is asked again three minutes later. Earlier requests
    keep it busy; later ones delay the messages that wait for it."""
    answers = commands(view, ANSWER)
    answers = answers[mask(field_of(view, answers, TUNNEL_STATUS) == BUSY)]
    asks = commands(view, REQUEST)
    for row in answers.itertuples():
        later = asks[mask(asks["source"] == row.destination) & mask(asks["destination"] == row.source)]
        later = later[mask(later["seconds"] > row.seconds)]
        if later.empty:
            continue
        gap = float(later["seconds"].iloc[0] - row.seconds)
        subject = Subject.device(row.destination)
        if abs(gap - seconds) > tolerance:
            yield broken(subject, f"asked again after {gap:,.0f} s", [row.frame, int(later["frame"].iloc[0])])
        else:
            yield kept(subject, f"asked again after {gap:,.0f} s")


@rule(
    "tunnel-full-close",
    "Tunnels are not closed when there are no more",
    severity="warning",
    source="GBCS v0.8 10.2.2.1",
    confidence="text",
    merges=("spec:R044", "disapplied:13"),
    absent=1,
    unseen="a RequestTunnelResponse with status no more tunnels, and what follows",
    advice="The hub must close all tunnels of that device before it asks again",
    **TUNNEL_RULE,
)
def tunnel_full_close(view: View) -> Iterator[Evidence]:
    """After "no more tunnel identifiers" the hub closes every tunnel of that device and only then asks
    again."""
    answers = commands(view, ANSWER)
    answers = answers[mask(field_of(view, answers, TUNNEL_STATUS) == NO_MORE)]
    sent = commands(view, REQUEST, CLOSE)
    for row in answers.itertuples():
        later = sent[mask(sent["source"] == row.destination) & mask(sent["destination"] == row.source)]
        later = later[mask(later["seconds"] > row.seconds)]
        asked = later[mask(later["command"] == REQUEST.id)]
        if asked.empty:
            continue
        closed = mask(later["command"] == CLOSE.id) & mask(later["seconds"] < asked["seconds"].iloc[0])
        if closed.any():
            yield kept(Subject.device(row.destination), "closed tunnels before it asked again")
        else:
            yield broken(
                Subject.device(row.destination),
                "asked again without closing",
                [row.frame, int(asked["frame"].iloc[0])],
            )


@rule(
    "tunnel-renewal",
    "A tunnel was not renewed in time",
    severity="warning",
    source="GBCS v0.8 10.2.2.1",
    confidence="text",
    merges=("spec:R041", "spec:R042", "disapplied:11"),
    absent=1,
    unseen="more than 65535 s after a RequestTunnelResponse",
    advice="The hub asks for a new tunnel at least every 65535 s",
    **TUNNEL_RULE,
)
def tunnel_renewal(view: View, *, seconds: float = 65535.0, slack: float = 600.0) -> Iterator[Evidence]:
    """The hub renews each of its tunnels before 65535 s have passed since it was granted; a gas meter opens
    its own when it needs one."""
    answers = commands(view, ANSWER)
    answers = answers[~mask(answers["destination"].isin(list(view.with_role("GSME"))))]
    for (server, client), part in answers.groupby(["source", "destination"], sort=False):
        times = np.r_[part["seconds"].to_numpy(dtype=float), view.duration]
        gap = float(np.diff(times).max())
        if view.duration - times[0] < seconds + slack:
            continue
        subject = Subject.pair(client, server)
        if gap > seconds + slack:
            yield broken(subject, f"{gap:,.0f} s without a new tunnel", part["frame"])
        else:
            yield kept(subject, f"renewed at least every {gap:,.0f} s")

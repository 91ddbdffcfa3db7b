"""What goes through tunnels: size, whose tunnel it is, data that nobody takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from analysis.features.identifiers import enumeration, to_client, to_server
from analysis.features.judging import judge, mask, plural
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.compliance.han_commands import TO_CLIENT, TUNNELING, commands, field_of
from analysis.rules.named_rows import ClusterCommands
from analysis.rules.registry import rules_of

rule = rules_of("compliance", "tunnel data")

ANSWER = to_client(TUNNELING, "Request Tunnel Response")
TUNNEL_STATUS = ANSWER.field("tunnel_status")
GRANTED = enumeration("TunnelingTunnelStatus")["Success"]
TUNNEL_RULE: dict[str, Any] = {
    "needs": (ClusterCommands("Tunneling"),),
    "cause": "tunnel",
    "smart_energy": True,
}

DATA_THERE, DATA_BACK = to_server(TUNNELING, "Transfer Data"), to_client(TUNNELING, "Transfer Data")
ERROR_THERE = to_server(TUNNELING, "Transfer Data Error")
ERROR_BACK = to_client(TUNNELING, "Transfer Data Error")
OCTETS, TUNNEL_ID = DATA_THERE.field("data"), DATA_THERE.field("tunnel_id")
NEW_TUNNEL, ERROR = ANSWER.field("tunnel_id"), ERROR_BACK.field("transfer_data_status")
NO_TUNNEL_OF_IT = enumeration("TunnelingTransferDataStatus").some("NoSuchTunnel", "WrongDevice")
DATA = "readable TransferData commands"


def transfers(view: View) -> Frame:
    """TransferData commands of both directions, with their ``tunnel`` identifier and ``data`` in hex digits."""
    return view.once(_transfers).copy(deep=False)


def _transfers(view: View) -> Frame:
    rows = commands(view, DATA_THERE, DATA_BACK)
    octets = field_of(view, rows, OCTETS, text=True).astype(object)
    text = octets.where(octets.notna(), "").astype(str).str.replace(r"^0x|[: -]", "", regex=True)
    return rows.assign(tunnel=field_of(view, rows, TUNNEL_ID), data=text)


def ends_of(rows: Frame) -> list[frozenset[int]]:
    """Both ends of each row as a pair without order."""
    return [
        frozenset((int(a or 0), int(b or 0)))
        for a, b in zip(rows["source"].fillna(0), rows["destination"].fillna(0), strict=True)
    ]


@rule(
    "tunnel-payload-size",
    "More data in a transfer than was agreed",
    severity="error",
    source="GBCS v0.8 10.2.2",
    confidence="text",
    merges=("rules:G29", "spec:R039", "disapplied:9"),
    unseen=DATA,
    advice="Look at the sender's software: large messages travel in blocks",
    **TUNNEL_RULE,
)
def tunnel_payload_size(view: View, *, octets: int = 1500) -> Iterator[Evidence]:
    """One TransferData carries at most the 1500 octets that both sides agreed on. Larger messages travel in
    blocks; more in one piece is refused or cut."""
    rows = transfers(view)
    yield from judge(
        view,
        rows,
        mask(rows["data"].str.len() > 2 * octets),
        f"{{bad}} of more than {octets} octets",
        "source",
    )


@rule(
    "tunnel-id-unknown",
    "Data on a tunnel that was never opened",
    severity="warning",
    source="ZSE annex D.6",
    confidence="recalled",
    merges=("rules:G30", "attacks:A30"),
    absent=1,
    unseen=DATA + " and RequestTunnelResponse commands",
    advice="The tunnel may have been opened before the capture; otherwise see who sends",
    **TUNNEL_RULE,
)
def tunnel_id_unknown(view: View) -> Iterator[Evidence]:
    """Data travels under the identifier that the server gave when it opened the tunnel. Judged are pairs of
    devices that opened a tunnel within the capture."""
    opened = commands(view, ANSWER)
    opened = opened.assign(
        tunnel=field_of(view, opened, NEW_TUNNEL), status=field_of(view, opened, TUNNEL_STATUS)
    )
    opened = opened[mask(opened["status"] == GRANTED)]
    known: dict[frozenset[int], list[tuple[float, float]]] = {}
    for pair, seconds, number in zip(ends_of(opened), opened["seconds"], opened["tunnel"], strict=True):
        known.setdefault(pair, []).append((float(seconds), float(number)))
    rows = transfers(view)
    wrong, judged = [], []
    for pair, seconds, number in zip(ends_of(rows), rows["seconds"], rows["tunnel"], strict=True):
        before = [n for t, n in known.get(pair, []) if t <= seconds]
        judged.append(bool(before))
        wrong.append(bool(before) and number not in before)
    picked = np.array(judged, dtype=bool)
    yield from judge(
        view, rows[picked], np.array(wrong, dtype=bool)[picked], "{bad} under an unknown tunnel", "source"
    )


@rule(
    "tunnel-injection",
    "A stranger sends into somebody's tunnel",
    severity="error",
    source="general: tunnel injection",
    confidence="secondary",
    merges=("attacks:A30",),
    absent=1,
    unseen=DATA + " and RequestTunnelResponse commands",
    advice="Neither side of that tunnel sent it: find the sender by signal strength",
    **TUNNEL_RULE,
)
def tunnel_injection(view: View) -> Iterator[Evidence]:
    """The identifier of an open tunnel is used by a device that is neither of its two ends, towards one of
    them; or two devices exchange data of which none is the hub, and that opened no tunnel. In a GB HAN each
    tunnel has the hub at one end."""
    opened = commands(view, ANSWER)
    opened = opened.assign(
        tunnel=field_of(view, opened, NEW_TUNNEL), status=field_of(view, opened, TUNNEL_STATUS)
    )
    ends = {
        (int(server), float(tunnel)): int(client)
        for server, client, tunnel, status in zip(
            opened["source"].fillna(0),
            opened["destination"].fillna(0),
            opened["tunnel"].fillna(-1),
            opened["status"],
            strict=True,
        )
        if status == GRANTED
    }
    # Identifiers are given out anew once a tunnel is closed, so every pair that opened one counts.
    pairs = set(ends_of(opened[mask(opened["status"] == GRANTED)]))
    rows = transfers(view)
    if rows.empty:
        return
    hubs = view.hub_addresses()
    among = [not pair & hubs and 0 not in pair and pair not in pairs for pair in ends_of(rows)]
    if not ends and not any(among):
        yield from _one_sided(view, rows)
        return
    # An identifier is its server's: of two servers each may have given the same one.
    to_client = mask(rows["direction"] == TO_CLIENT)
    sources, targets = (rows[end].fillna(0).astype("uint64").tolist() for end in ("source", "destination"))
    mine = [
        ends.get((source if back else target, float(tunnel)), peer) != peer
        and frozenset((source, target)) not in pairs
        for source, target, tunnel, back in zip(
            sources, targets, rows["tunnel"].fillna(-1), to_client, strict=True
        )
        for peer in [target if back else source]
    ]
    bad = np.array(mine, dtype=bool) | np.array(among, dtype=bool)
    yield from judge(view, rows, bad, "{bad} into a tunnel of others", "source", "in their own tunnels")


def _one_sided(view: View, rows: Frame) -> Iterator[Evidence]:
    """Without openings in the capture: pairs where one side sends and the other never does, while others
    converse."""
    pairs = pd.Series(["/".join(str(s) for s in sorted(p)) for p in ends_of(rows)], index=rows.index)
    sides = rows["source"].groupby(pairs).nunique()
    first = rows["seconds"].groupby(pairs).min()
    talk = bool((sides > 1).any())
    for pair, number in sides.items():
        part = rows[mask(pairs == pair)]
        subject = Subject.device(part["source"].iloc[0])
        if number == 1 and len(part) >= 2 and first[pair] > 600:
            text = (
                f"{plural(len(part), 'transfer')} that nobody answers, on a tunnel that was not seen before"
            )
            yield broken(subject, text, part["frame"], "warning" if talk or len(part) >= 3 else "info")
        else:
            yield kept(subject, f"{plural(len(part), 'transfer')} in conversation")


@rule(
    "tunnel-data-refused",
    "Data was refused because there is no such tunnel",
    severity="warning",
    source="ZSE annex D.6 (TransferDataError)",
    confidence="secondary",
    merges=("rules:G30", "attacks:A30"),
    unseen=DATA,
    advice="Its sender never opened that tunnel, or it was closed: see who sent the data",
    **TUNNEL_RULE,
)
def tunnel_data_refused(view: View, *, within: float = 5.0) -> Iterator[Evidence]:
    """A TransferDataError says that data came on a tunnel that does not exist, or that belongs to somebody
    else."""
    rows = transfers(view)
    errors = commands(view, ERROR_BACK, ERROR_THERE)
    errors = errors[mask(field_of(view, errors, ERROR).isin(NO_TUNNEL_OF_IT))]
    told: dict[int, list[float]] = {}
    for who, seconds in zip(errors["destination"], errors["seconds"], strict=True):
        if pd.notna(who):
            told.setdefault(int(who), []).append(float(seconds))
    refused = [
        pd.notna(who) and any(s <= t <= s + within for t in told.get(int(who), []))
        for s, who in zip(rows["seconds"], rows["source"], strict=True)
    ]
    yield from judge(view, rows, refused, "{bad} of data that was refused", "source", "taken")

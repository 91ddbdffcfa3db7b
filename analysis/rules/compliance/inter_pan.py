"""Inter-PAN frames: when they may be heard, for what, and touchlink."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.features.identifiers import CLUSTERS, to_server
from analysis.features.judging import judge, mask
from analysis.features.view import View
from analysis.findings.model import Evidence, kept
from analysis.findings.subject import NETWORK
from analysis.rules.expression import c
from analysis.rules.registry import rules_of
from analysis.rules.rows import packets

rule = rules_of("compliance", "inter pan")

KEY_ESTABLISHMENT, TOUCHLINK = CLUSTERS.some("Key Establishment", "ZLL Commissioning")
SCAN = to_server(TOUCHLINK, "Scan Request").id


@rule(
    "inter-pan-window",
    "Inter-PAN traffic when it must be closed",
    severity="warning",
    source="GBCS v0.8.1 10 (page 124)",
    confidence="text",
    merges=("rules:N02", "attacks:A26", "spec:R078", "disapplied:1"),
    smart_energy=True,
    needs=(packets.where((c.nwk_type == "inter-pan") | (c.aps_type == "inter-pan")),),
    unseen="inter-PAN frames, or a Smart Energy network without any over an hour",
    advice="It is open for an hour after power-on of the hub: when was that?",
)
def inter_pan_window(view: View, *, seconds: float = 3600.0) -> Iterator[Evidence]:
    """A hub takes inter-PAN frames (from an installer's hand-held terminal) for 60 minutes from power-on.
    Judged from the hub's first frame in the capture, so a capture that begins later can only show frames
    that are certainly late."""
    packets = view.good
    hub = packets[mask(packets["origin"].isin(list(view.hub_addresses())))]
    rows = packets[mask(packets["nwk_type"] == "inter-pan") | mask(packets["aps_type"] == "inter-pan")]
    if hub.empty or view.span < seconds:
        return
    start = float(hub["seconds"].min())
    if rows.empty:
        yield kept(NETWORK, f"no inter-PAN frame in {view.span:,.0f} s")
        return
    late = mask(rows["seconds"] > start + seconds)
    yield from judge(view, rows, late, "{bad} of inter-PAN more than an hour after the hub was first heard")


@rule(
    "inter-pan-clusters",
    "Inter-PAN traffic of another cluster",
    severity="warning",
    source="GBCS v0.8.1 10 (pages 124, 125)",
    confidence="text",
    merges=("rules:N03", "spec:R079", "spec:R081", "disapplied:1", "disapplied:3"),
    smart_energy=True,
    needs=(packets.where((c.nwk_type == "inter-pan") | (c.aps_type == "inter-pan")),),
    unseen="inter-PAN frames",
    advice="Inter-PAN is for key establishment of a hand-held terminal only: see who sends",
)
def inter_pan_clusters(view: View) -> Iterator[Evidence]:
    """A hand-held terminal first establishes a key over inter-PAN (cluster 0x0800), then hands over its
    install code under that key."""
    packets = view.good
    rows = packets[mask(packets["nwk_type"] == "inter-pan") | mask(packets["aps_type"] == "inter-pan")]
    rows = rows[mask(rows["aps_cluster"].notna())]
    clear = ~mask(rows["aps_cluster"] == KEY_ESTABLISHMENT) & ~mask(
        rows["aps_security"].isin(["ok", "no_key"])
    )
    yield from judge(view, rows, clear, "{bad} in clear on another cluster than key establishment")


@rule(
    "touchlink",
    "Touchlink commissioning nearby",
    severity="warning",
    source="Morgner (2017); Ronen (2017)",
    confidence="secondary",
    merges=("attacks:A25",),
    needs=(packets.where((c.nwk_type == "inter-pan") | (c.aps_type == "inter-pan")),),
    cause="join attack",
    unseen="inter-PAN frames",
    advice="A neighbour's lighting is harmless; frames to a smart metering device are not",
)
def touchlink(view: View) -> Iterator[Evidence]:
    """Touchlink (cluster 0x1000, inter-PAN) can reset lamps or steal them. Smart metering devices do not
    take part. Who only looks for lamps (Scan Request), or speaks to devices of other homes, is a neighbour's remote: that
    informs."""
    packets = view.good
    rows = packets[mask(packets["nwk_type"] == "inter-pan") | mask(packets["aps_type"] == "inter-pan")]
    bad = mask(rows["aps_cluster"] == TOUCHLINK)
    home = [*view.roles, *(eui for key, eui in view.addresses.items() if key >> 16 in view.smart_energy_pans)]
    asks = rows["zcl_command"].notna() & ~mask(rows["zcl_command"] == SCAN)
    theirs = mask(rows["receiver"].isin(home)) | mask(rows["sender"].isin(home))
    grave = bad & (theirs | (mask(asks) & ~mask(rows["mac_dst_mode"] == "extended")))
    who = mask(rows["sender"].isin(rows["sender"][grave].unique()))
    for part, level in ((who, None), (~who, "info")):
        yield from judge(
            view, rows[part], bad[part], "{bad} of touchlink", good="of other inter-PAN", severity=level
        )

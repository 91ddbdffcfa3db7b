"""The network: identity, who manages it, PAN identifier, channels, how many devices."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.features.identifiers import APS_COMMANDS, NWK_COMMANDS, ZDP_COMMANDS
from analysis.features.judging import count, judge, mask, plural
from analysis.features.stations import BROADCAST_PAN
from analysis.features.view import DEVICE_PROFILE, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.expression import c
from analysis.rules.registry import rules_of
from analysis.rules.rows import packets

rule = rules_of("compliance", "network")

MANAGEMENT = ZDP_COMMANDS.some(
    "Mgmt_Leave_req", "Mgmt_Direct_Join_req", "Mgmt_Permit_Joining_req", "Mgmt_NWK_Update_req"
)
TRUST_CENTRE = APS_COMMANDS.some("Remove Device", "Switch Key")
NETWORK_UPDATE = NWK_COMMANDS["Network Update"]
GB_PAGES = {0: range(11, 27), 28: range(0, 27), 29: range(0, 9), 30: range(0, 27)}


@rule(
    "epid-is-hub",
    "The extended PAN ID is not the hub's address",
    severity="info",
    source="GBCS v0.8.1 10 (page 125); GBCS v4.0 use-case annex CCS03",
    confidence="text",
    merges=("rules:N01", "spec:R080", "spec:R130", "disapplied:2", "rules:N07"),
    smart_energy=True,
    needs=(packets.where(c.mac_type == "beacon"),),
    unseen="a beacon, and the hub's EUI-64",
    advice="Right after a hub was exchanged (CCS03 restores the old value); otherwise a second hub",
)
def epid_is_hub(view: View) -> Iterator[Evidence]:
    """The extended PAN ID of a GB network is the EUI-64 of the hub's radio, which is also the gas proxy's
    identifier. Only a hub that took over a network keeps the old value."""
    hubs = {key >> 16: eui for key, eui in view.addresses.items() if key & 0xFFFF == 0}
    beacons = view.good[mask(view.good["mac_type"] == "beacon") & mask(view.good["beacon_epid"].notna())]
    for (pan, epid), part in beacons.groupby(["mac_src_pan", "beacon_epid"], sort=False):
        hub = hubs.get(int(pan))
        if hub is None or int(pan) not in view.smart_energy_pans:
            continue
        subject = Subject.network(pan)
        if int(epid) != hub:
            yield broken(subject, f"extended PAN ID {int(epid):016x}, hub {hub:016x}", part["frame"])
        else:
            yield kept(subject, f"extended PAN ID {int(epid):016x} is the hub's")


@rule(
    "network-update-source",
    "Somebody else than the hub changes the network",
    severity="warning",
    source="ZigBee PRO 05-3474 3.6.1.13",
    confidence="recalled",
    merges=("rules:N12",),
    needs=(packets.where(c.nwk_command == "Network Update"),),
    cause="network change",
    unseen="a NWK Network Update",
    advice="Only the network manager may change PAN identifier or channel: see who sent it",
)
def network_update_source(view: View) -> Iterator[Evidence]:
    """A Network Update moves all devices to another PAN identifier. Only the network manager, which is the
    hub, sends it."""
    packets = view.good
    rows = packets.only(nwk_command=NETWORK_UPDATE)
    bad = ~mask(rows["nwk_src"] == 0)
    yield from judge(
        view, rows, bad, "{bad} with a Network Update from another than 0x0000", "origin", "from the hub"
    )


@rule(
    "pan-id-changes",
    "The PAN identifier changed",
    severity="warning",
    source="Vidgren (2013); KillerBee zbpanidconflictflood",
    confidence="secondary",
    merges=("attacks:A06",),
    needs=(packets.where(c.nwk_command == "Network Update"),),
    cause="network change",
    unseen="a NWK Network Update",
    advice="Once in years is chance; again and again somebody provokes it",
)
def pan_id_changes(view: View, *, per_day: float = 1.0) -> Iterator[Evidence]:
    """The network moved to another PAN identifier. That is the answer to a conflict, and what a conflict
    flood wants."""
    packets = view.good
    rows = packets.only(nwk_command=NETWORK_UPDATE).drop_duplicates(["pan", "nwk_src", "nwk_seq"])
    allowed = max(1.0, per_day * view.span / 86400)
    for pan, part in rows.groupby("pan", sort=False):
        subject = Subject.network(pan)
        if len(part) > allowed:
            yield broken(
                subject, f"{plural(len(part), 'Network Update')} in {view.span:,.0f} s", part["frame"]
            )
        else:
            yield kept(subject, f"{plural(len(part), 'Network Update')}")


@rule(
    "channel-constant",
    "The network is on two channels at one time",
    severity="info",
    source="CHTS / SMETS2 HAN interface",
    confidence="recalled",
    merges=("rules:N14",),
    unseen="frames with their channel",
    advice="A change of channel, or a second network under the same PAN identifier",
)
def channel_constant(view: View, *, least: int = 20, changes: int = 3) -> Iterator[Evidence]:
    """All frames of a PAN come on one channel, but for a change of channel, after which all come on the new
    one."""
    packets = view.good
    rows = packets.only(mac_type="data")
    rows = rows[mask(rows["channel"].notna()) & mask(rows["pan"].notna())]
    rows = rows[mask(rows["pan"] != BROADCAST_PAN)]
    for pan, part in rows.groupby("pan", sort=False):
        channels = part["channel"].to_numpy(dtype=np.int64)
        if len(part) < least:
            continue
        swaps = int(np.count_nonzero(np.diff(channels)))
        names = ", ".join(str(c) for c in np.unique(channels))
        if swaps > changes:
            yield broken(Subject.network(pan), f"on channels {names}, {swaps} changes", part["frame"][:50])
        else:
            yield kept(Subject.network(pan), f"{count(part)} on channel {names}")


@rule(
    "channel-allowed",
    "A channel outside the set for GB",
    severity="warning",
    source="CHTS / SMETS2 HAN interface; ZSE 1.4 14.2.2 as quoted in a stack header",
    confidence="recalled",
    merges=("rules:N14", "rules:N15"),
    smart_energy=True,
    unseen="frames with page and channel",
    advice="Check the sniffer's channel numbers; page 31 is outside the GB band",
)
def channel_allowed(view: View) -> Iterator[Evidence]:
    """At 2.4 GHz (page 0) there are channels 11 to 26; in the sub-GHz bands of GB pages 28 to 30. Another
    page or channel is a wrong setting of the sniffer, or of the network."""
    packets = view.good
    rows = packets[mask(packets["channel"].notna()) & mask(packets["nwk_type"].notna())]
    page = rows["page"].fillna(0).astype("int64")
    wrong = [
        c not in GB_PAGES.get(int(p), ()) for p, c in zip(page, rows["channel"].astype("int64"), strict=True)
    ]
    yield from judge(view, rows, wrong, "{bad} on a channel outside the set", good="on allowed channels")


@rule(
    "device-log-capacity",
    "More devices than the hub's log holds",
    severity="warning",
    source="GBCS v4.0 use-case annex CS14 (devices 0 to 16)",
    confidence="text",
    merges=("rules:A10", "spec:R131"),
    needs=("devices", "packets"),
    smart_energy=True,
    unseen="a Smart Energy network with devices",
    advice="The hub's device log holds sixteen: which of these belong to it?",
)
def device_log_capacity(view: View, *, devices: int = 16) -> Iterator[Evidence]:
    """A hub's device log holds sixteen devices besides its own radio. More joined devices than that cannot
    all belong to this home: some are neighbours, or were replaced."""
    table = view.tables["devices"]
    joined = table[mask(table["join_state"].isin(["keyed", "announced", "key-established"]))]
    joined = joined[mask(joined["pan"].isin(list(view.smart_energy_pans)))]
    for pan, part in joined.groupby("pan", sort=False):
        subject = Subject.network(pan)
        if len(part) > devices + 2:
            yield broken(subject, f"{len(part)} devices joined")
        else:
            yield kept(subject, f"{plural(len(part), 'device')} joined")


@rule(
    "network-management-source",
    "Somebody else than the hub manages the network",
    severity="warning",
    source="GBCS v4.0 use-case annex CCS01, CCS02; ZigBee PRO 05-3474 4.4.9, 2.4.3.3",
    confidence="derived",
    merges=("attacks:A21", "attacks:A23"),
    needs=(packets.where((c.aps_profile == "ZigBee Device Profile") | c.aps_command.known),),
    cause="forged command",
    smart_energy=True,
    unseen="ZDP management commands, or APS commands of the trust centre",
    advice="In a GB HAN only the hub opens, closes and clears the network: see which device it was, and why",
)
def network_management_source(view: View) -> Iterator[Evidence]:
    """Who may join, who must leave and which key is in use is for the trust centre alone. These requests
    (Mgmt_Leave, Mgmt_Permit_Joining, Mgmt_NWK_Update, Remove-Device, Switch-Key) from another device are a
    fault of its software, or an attack from within."""
    packets = view.good
    zdp = mask(packets["aps_profile"] == DEVICE_PROFILE) & mask(packets["aps_cluster"].isin(MANAGEMENT))
    rows = packets[(zdp | mask(packets["aps_command"].isin(TRUST_CENTRE))) & packets.known("origin")]
    strange = ~mask(rows["nwk_src"] == 0)
    yield from judge(view, rows, strange, "{bad} that manage the network", "origin", "of the hub")

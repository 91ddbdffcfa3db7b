"""The network: identity, who manages it, who routes, how often devices are heard, inter-PAN, channels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.compliance.han_commands import field_of
from analysis.findings import Evidence, broken, kept, rule
from analysis.judging import count, judge, mask, plural, spread
from analysis.view import Frame, View

ROUTING = [0x01, 0x02, 0x05, 0x08]
GB_PAGES = {0: range(11, 27), 28: range(0, 27), 29: range(0, 9), 30: range(0, 27)}


@rule(
    "epid-is-hub",
    "The extended PAN ID is not the hub's address",
    severity="info",
    source="GBCS v0.8.1 10 (page 125); GBCS v4.0 use-case annex CCS03",
    confidence="text",
    merges=("rules:N01", "spec:R080", "spec:R130", "disapplied:2", "rules:N07"),
    smart_energy=True,
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
        subject = f"PAN 0x{int(pan):04x}"
        if int(epid) != hub:
            yield broken(subject, f"extended PAN ID {int(epid):016x}, hub {hub:016x}", part["frame"])
        else:
            yield kept(subject, f"extended PAN ID {int(epid):016x} is the hub's")


@rule(
    "inter-pan-window",
    "Inter-PAN traffic when it must be closed",
    severity="warning",
    source="GBCS v0.8.1 10 (page 124)",
    confidence="text",
    merges=("rules:N02", "attacks:A26", "spec:R078", "disapplied:1"),
    smart_energy=True,
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
    if hub.empty or view.duration < seconds:
        return
    start = float(hub["seconds"].min())
    if rows.empty:
        yield kept("network", f"no inter-PAN frame in {view.duration:,.0f} s")
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
    unseen="inter-PAN frames",
    advice="Inter-PAN is for key establishment of a hand-held terminal only: see who sends",
)
def inter_pan_clusters(view: View) -> Iterator[Evidence]:
    """A hand-held terminal first establishes a key over inter-PAN (cluster 0x0800), then hands over its
    install code under that key."""
    packets = view.good
    rows = packets[mask(packets["nwk_type"] == "inter-pan") | mask(packets["aps_type"] == "inter-pan")]
    rows = rows[mask(rows["aps_cluster"].notna())]
    clear = ~mask(rows["aps_cluster"] == 0x0800) & ~mask(rows["aps_security"].isin(["ok", "no_key"]))
    yield from judge(view, rows, clear, "{bad} in clear on another cluster than key establishment")


@rule(
    "touchlink",
    "Touchlink commissioning nearby",
    severity="warning",
    source="Morgner (2017); Ronen (2017)",
    confidence="secondary",
    merges=("attacks:A25",),
    cause="join attack",
    unseen="inter-PAN frames",
    advice="A neighbour's lighting is harmless; frames to a smart metering device are not",
)
def touchlink(view: View) -> Iterator[Evidence]:
    """Touchlink (cluster 0x1000, inter-PAN) can reset lamps or steal them. Smart metering devices do not
    take part."""
    packets = view.good
    rows = packets[mask(packets["nwk_type"] == "inter-pan") | mask(packets["aps_type"] == "inter-pan")]
    yield from judge(
        view, rows, mask(rows["aps_cluster"] == 0x1000), "{bad} of touchlink", good="of other inter-PAN"
    )


@rule(
    "network-update-source",
    "Somebody else than the hub changes the network",
    severity="warning",
    source="ZigBee PRO 05-3474 3.6.1.13",
    confidence="recalled",
    merges=("rules:N12",),
    cause="network change",
    unseen="a NWK Network Update",
    advice="Only the network manager may change PAN identifier or channel: see who sent it",
)
def network_update_source(view: View) -> Iterator[Evidence]:
    """A Network Update moves all devices to another PAN identifier. Only the network manager, which is the
    hub, sends it."""
    packets = view.good
    rows = packets[mask(packets["nwk_command"] == 0x0A)]
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
    cause="network change",
    unseen="a NWK Network Update",
    advice="Once in years is chance; again and again somebody provokes it",
)
def pan_id_changes(view: View, *, per_day: float = 1.0) -> Iterator[Evidence]:
    """The network moved to another PAN identifier. That is the answer to a conflict, and what a conflict
    flood wants."""
    packets = view.good
    rows = packets[mask(packets["nwk_command"] == 0x0A)].drop_duplicates(["pan", "nwk_src", "nwk_seq"])
    allowed = max(1.0, per_day * view.duration / 86400)
    for pan, part in rows.groupby("pan", sort=False):
        subject = f"PAN 0x{int(pan):04x}"
        if len(part) > allowed:
            yield broken(
                subject, f"{plural(len(part), 'Network Update')} in {view.duration:,.0f} s", part["frame"]
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
def channel_constant(view: View) -> Iterator[Evidence]:
    """All frames of a PAN come on one channel, but for a change of channel, after which all come on the new
    one."""
    packets = view.good
    rows = packets[
        mask(packets["channel"].notna()) & mask(packets["pan"].notna()) & mask(packets["mac_type"] == "data")
    ]
    rows = rows[mask(rows["pan"] != 0xFFFF)]
    for pan, part in rows.groupby("pan", sort=False):
        channels = part["channel"].to_numpy(dtype=np.int64)
        if len(part) < 20:
            continue
        swaps = int(np.count_nonzero(np.diff(channels)))
        names = ", ".join(str(c) for c in np.unique(channels))
        if swaps > 3:
            yield broken(f"PAN 0x{int(pan):04x}", f"on channels {names}, {swaps} changes", part["frame"][:50])
        else:
            yield kept(f"PAN 0x{int(pan):04x}", f"{count(part)} on channel {names}")


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
    """2.4 GHz: page 0, channels 11 to 26. Sub-GHz: pages 28 to 30."""
    packets = view.good
    rows = packets[mask(packets["channel"].notna()) & mask(packets["nwk_type"].notna())]
    page = rows["page"].fillna(0).astype("int64")
    wrong = [
        c not in GB_PAGES.get(int(p), ()) for p, c in zip(page, rows["channel"].astype("int64"), strict=True)
    ]
    yield from judge(view, rows, wrong, "{bad} on a channel outside the set", good="on allowed channels")


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
    routes = mask(rows["nwk_command"].isin([0x01, 0x02, 0x08])) | mask(rows["mac_type"] == "beacon")
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
    fields = view.tables["commands"]
    said = fields[mask(fields["field"].astype(str).str.contains("receiver_on|rx_on_when_idle"))]
    said = said[mask(said["source"].isin(list(view.with_role("GSME"))))]
    yield from judge(
        view, said, mask(said["number"] == 1), "{bad} saying that it never sleeps", "source", "as a sleeper"
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
def link_status_gap(view: View, *, periods: float = 6.0, least: int = 20) -> Iterator[Evidence]:
    """Routers send Link Status about every 15 s. One that did and then stopped, while the capture goes on,
    is gone."""
    packets = view.good
    rows = packets[mask(packets["nwk_command"] == 0x08)]
    for sender, part in rows.groupby(rows["sender"].astype("UInt64"), sort=False):
        times = part["seconds"].to_numpy(dtype=float)
        if len(times) < least:
            continue
        usual = float(np.median(np.diff(times)))
        silent = view.duration - times[-1]
        if silent > periods * max(usual, 15.0) and not _heard_after(packets, sender, float(times[-1])):
            text = f"every {usual:.0f} s, then nothing for {silent:,.0f} s (last at frame {int(part['frame'].iloc[-1])})"
            yield broken(view.label(sender), text, part["frame"].iloc[-1:])
        else:
            yield kept(view.label(sender), f"Link Status every {usual:.0f} s")


def _heard_after(packets: Frame, sender: object, seconds: float) -> bool:
    return bool((mask(packets["sender"] == sender) & mask(packets["seconds"] > seconds + 1)).any())


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
def indirect_expired(view: View, *, seconds: float = 7.68, least: int = 20) -> Iterator[Evidence]:
    """While a child waits for an answer it must poll at least every 7.68 s. Judged: after the child sent a
    request, the gap to its next poll."""
    packets = view.good
    polls = packets[mask(packets["mac_command"] == 0x04)]
    asks = packets[mask(packets["aps_type"] == "data") & mask(packets["aps_ack_request"] == True)]  # noqa: E712
    for child, part in polls.groupby(polls["sender"].astype("UInt64"), sort=False):
        mine = asks[mask(asks["sender"] == child)]
        if len(part) < least or mine.empty:
            continue
        times = np.append(part["seconds"].to_numpy(dtype=float), np.inf)
        sent = mine["seconds"].to_numpy(dtype=float)
        gap = times[np.searchsorted(times, sent)] - sent
        late = np.isfinite(gap) & (gap > seconds)
        if late.mean() > 0.2:
            yield broken(
                view.label(child),
                f"{late.sum()} of {plural(len(sent), 'request')} without a poll in time",
                mine["frame"][late],
            )
        else:
            yield kept(view.label(child), f"polls in time after {plural(len(sent), 'request')}")


@rule(
    "keep-alive-cadence",
    "The keep-alive is not kept",
    severity="warning",
    source="ZSE 1.2a; ZCL8 3.18.4 (base 10 min, jitter 300 s)",
    confidence="secondary",
    merges=("rules:N08", "spec:R087"),
    needs=("attributes",),
    cause="silence",
    smart_energy=True,
    unseen="reads of the keep-alive cluster (0x0025) by one device, three or more",
    advice="Three misses start a search for the trust centre: see whether the hub answers",
)
def keep_alive_cadence(view: View, *, base: float = 600.0, jitter: float = 300.0) -> Iterator[Evidence]:
    """Devices read the keep-alive cluster of the hub every ten minutes plus up to five of jitter, or as the
    hub's attributes say."""
    rows = view.attributes
    rows = rows[mask(rows["cluster"] == 0x0025)]
    told = rows[mask(rows["number"].notna())]
    for attribute, number in zip(told["attribute"], told["number"], strict=True):
        base, jitter = (number * 60, jitter) if attribute == 0 else (base, number)
    reads = rows[mask(rows["command"] == 0x00)].drop_duplicates("frame")
    for source, part in reads.groupby("source", sort=False):
        gaps = np.diff(part["seconds"].to_numpy(dtype=float))
        if len(gaps) < 2:
            continue
        long = gaps > 3 * (base + jitter)
        if long.any():
            frames = part["frame"].to_numpy()[1:][long]
            yield broken(
                view.label(source),
                f"gaps of up to {gaps.max():,.0f} s (allowed {base + jitter:,.0f} s)",
                frames,
            )
        else:
            yield kept(view.label(source), f"every {np.median(gaps):,.0f} s")


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
    """A hub's device log holds sixteen devices besides its own radio."""
    table = view.tables["devices"]
    joined = table[mask(table["join_state"].isin(["keyed", "announced", "key-established"]))]
    joined = joined[mask(joined["pan"].isin(list(view.smart_energy_pans)))]
    for pan, part in joined.groupby("pan", sort=False):
        subject = f"PAN 0x{int(pan):04x}"
        if len(part) > devices + 2:
            yield broken(subject, f"{len(part)} devices joined")
        else:
            yield kept(subject, f"{plural(len(part), 'device')} joined")


@rule(
    "route-forged",
    "A route reply from a device that is no neighbour",
    severity="info",
    source="ZigBee routing literature",
    confidence="recalled",
    merges=("attacks:A37",),
    cause="forged command",
    needs=("packets", "commands"),
    unseen="readable route replies and link status commands",
    advice="A change of the mesh, or somebody who draws traffic to himself",
)
def route_forged(view: View, *, cost: float = 1.0) -> Iterator[Evidence]:
    """A route reply with path cost one claims that the destination is next door. If the destination's link
    status never lists the replier, somebody draws traffic."""
    rows = commands_of(view, 0x02)
    value = field_of(view, rows, "path_cost")
    claims = rows[mask(value <= cost)]
    links = view.command_rows("nwk", [0x08])
    listed = links[mask(links["field"].astype(str).str.contains("neighbour"))]
    named = {int(n) for n in listed["number"].dropna()}
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
    cause="forged command",
    unseen="Link Status commands",
    advice="Two transmitters under one short address: compare EUI-64 and signal strength",
)
def link_status_two_streams(view: View) -> Iterator[Evidence]:
    """Link Status of one short address secured by two EUI-64s in turn."""
    packets = view.good
    rows = packets[mask(packets["nwk_command"] == 0x08) & mask(packets["nwk_sender"].notna())]
    for (pan, short), part in rows.groupby(["pan", "nwk_src"], sort=False):
        senders = part["nwk_sender"]
        swaps = int((senders != senders.shift()).sum()) - 1
        counters = part["nwk_counter"].astype("float64").to_numpy(na_value=np.nan)
        backwards = int((np.diff(counters) < 0).sum())
        subject = f"0x{int(short):04x} in PAN 0x{int(pan):04x}"
        if swaps > 1:
            names = ", ".join(view.label(s) for s in senders.unique())
            yield broken(subject, f"sent by {names} in turn ({spread(part)})", part["frame"])
        elif backwards >= 3:
            high = counters > np.nanmedian(counters) + 500
            odd = part["frame"][high] if high.any() else part["frame"]
            yield broken(
                subject, f"counters of its link status go back {backwards} times ({spread(part)})", odd
            )
        else:
            yield kept(subject, f"{plural(len(part), 'link status', 'link statuses')} of one device")


@rule(
    "message-burst-acks",
    "Frequent messages ask for acknowledgement on sub-GHz",
    severity="info",
    source="ZBOSS API header on SE 1.4 (high frequency messages)",
    confidence="secondary",
    merges=("spec:R086", "disapplied:53"),
    smart_energy=True,
    unseen="sub-GHz frames (pages 28 to 31) more often than one in 30 s",
    advice="They should ask for no APS acknowledgement, to save air time",
)
def message_burst_acks(view: View, *, seconds: float = 30.0, least: int = 10) -> Iterator[Evidence]:
    """On sub-GHz, messages more often than one in 30 s ask for no APS acknowledgement."""
    packets = view.good
    rows = packets[
        mask(packets["page"] >= 28)
        & mask(packets["aps_type"] == "data")
        & mask(packets["aps_cluster"].notna())
    ]
    rows = rows[~mask(rows["aps_cluster"].isin([0x0704, 0x0019]))]
    for (sender, _), part in rows.groupby([rows["origin"].astype("UInt64"), "aps_cluster"], sort=False):
        gaps = np.diff(part["seconds"].to_numpy(dtype=float))
        if len(gaps) < least or np.median(gaps) > seconds:
            continue
        asks = mask(part["aps_ack_request"])
        if asks.mean() > 0.5:
            yield broken(
                view.label(sender),
                f"{asks.sum()} of {count(part)} every {np.median(gaps):.0f} s ask",
                part["frame"][asks],
            )
        else:
            yield kept(view.label(sender), f"{count(part)} every {np.median(gaps):.0f} s ask for none")

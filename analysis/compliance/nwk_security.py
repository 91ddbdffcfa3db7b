"""Security of the NWK layer: what must be enciphered, which key, which sequence number."""

from collections.abc import Iterator

import pandas as pd

from analysis.findings import Evidence, broken, kept, rule
from analysis.judging import count, judge, mask, spread
from analysis.view import Frame, View

REJOINS = [0x06, 0x07]
LEAVE = 0x04
TRUST_CENTRE_LINK_KEY = 0x04  # key type of a Request-Key


@rule(
    "nwk-unsecured-frame",
    "A network frame without NWK security",
    severity="error",
    source="ZigBee PRO 05-3474 4.3; ZSE 1.2a 07-5356-19 5.4",
    confidence="recalled",
    merges=("rules:Z01", "rules:C04"),
    cause="forged command",
    unseen="NWK data or command frames",
    advice="See who sent it; a receiver must not act on it unless it belongs to a join or rejoin",
)
def nwk_unsecured_frame(view: View) -> Iterator[Evidence]:
    """In an operating network every NWK data and command frame is enciphered under the network key. Only
    the last hop of a join (an APS Transport-Key to a device that has no network key yet) and an unsecured
    rejoin are not."""
    packets = view.good
    rows = packets[mask(packets["nwk_type"].isin(["data", "command"]))]
    plain = mask(rows["nwk_security"] == "none")
    joining = mask(rows["nwk_command"].isin([*REJOINS, LEAVE])) | mask(rows["aps_type"] == "command")
    bad = plain & ~joining
    yield from judge(
        view, rows, bad, "{bad} of {all} without NWK security", "sender", "secured (or part of a join)"
    )


@rule(
    "rejoin-unsecured",
    "A device asks to rejoin without security",
    severity="info",
    source="ZigBee PRO 05-3474 4.6.3.3; ZSE 1.2a 5.4.2; Wang (RAID 2022)",
    confidence="recalled",
    merges=("rules:N11", "attacks:A20"),
    cause="join attack",
    unseen="a NWK Rejoin Request",
    advice=(
        "See whether a Transport-Key followed, and under which key: only the device's own link key will do"
    ),
)
def rejoin_unsecured(view: View, *, recent: float = 1900.0) -> Iterator[Evidence]:
    """A device that lost the network key may rejoin without NWK security and gets the key again under its
    own link key. An attacker uses the same way to ask for the key in the name of a device. Whether the key
    that followed was protected is judged by the Transport-Key rules."""
    packets = view.good
    rows = packets[mask(packets["nwk_command"] == 0x06)]
    hub = packets[mask(packets["nwk_src"] == 0) & mask(packets["nwk_src_eui64"].notna())]
    changed = hub["nwk_src_eui64"].nunique() > 1
    secured = packets[mask(packets["nwk_security"].isin(["ok", "no_key"]))]
    for row in rows.itertuples():
        subject = view.label(row.origin)
        if row.nwk_security != "none":
            yield kept(subject, f"asked to rejoin at frame {row.frame}, secured")
            continue
        gap = row.seconds - secured["seconds"]
        before = mask(secured["sender"] == row.origin) & mask((gap > 0) & (gap < recent))
        text = f"asked to rejoin without NWK security at frame {row.frame}"
        if before.any() and not changed:
            keys = mask(packets["aps_command"].isin([0x05])) | mask(packets["aps_security"] == "no_key")
            after = mask((packets["seconds"] > row.seconds) & (packets["seconds"] < row.seconds + 10))
            answer = packets[keys & after & mask(packets["target"] == row.origin)]
            yield broken(
                subject, f"{text}, though it held the network key", [row.frame, *answer["frame"]], "warning"
            )
        else:
            yield broken(subject, text, [row.frame])


@rule(
    "rejoin-key-well-known",
    "An unsecured rejoin was answered with a key under a published key",
    severity="critical",
    source="ZigBee PRO 05-3474 4.6.3.3; Zillner (2015); Wang (RAID 2022)",
    confidence="secondary",
    merges=("rules:N11", "attacks:A20"),
    cause="key exposure",
    unseen="an unsecured NWK Rejoin Request and the Transport-Key that follows it",
    advice="Whoever listened has the network key: renew it, and stop insecure rejoins at the trust centre",
)
def rejoin_key_well_known(view: View, *, seconds: float = 30.0) -> Iterator[Evidence]:
    """The Transport-Key that answers an unsecured rejoin must be under the link key that key establishment
    gave the device. Under the published default key, or in clear, it hands the network key to anybody."""
    packets = view.good
    asked = packets[mask(packets["nwk_command"] == 0x06) & mask(packets["nwk_security"] == "none")]
    keys = packets[mask(packets["aps_command"] == 0x05)]
    weak = keys["aps_key"].astype(str).str.match("well-known") | mask(keys["aps_security"] == "none")
    for row in asked.itertuples():
        after = (keys["seconds"] >= row.seconds) & (keys["seconds"] <= row.seconds + seconds)
        if not mask(after).any():
            continue
        bad = keys[mask(after) & mask(weak)]
        if bad.empty:
            yield kept(view.label(row.sender), f"rejoin at frame {row.frame} was answered under a secret key")
        else:
            text = f"rejoin without security at frame {row.frame}, then a key that anybody can read"
            yield broken(view.label(row.sender), text, [row.frame, *view.frames_of(bad)])


@rule(
    "leave-unsecured",
    "A Leave command without security",
    severity="warning",
    source="ZigBee PRO 05-3474 3.6.1.10; Zillner (2015)",
    confidence="recalled",
    merges=("rules:N13", "attacks:A21"),
    cause="forged command",
    unseen="a NWK Leave command",
    advice="A device must ignore it; if it left all the same, its stack needs an update",
)
def leave_unsecured(view: View) -> Iterator[Evidence]:
    """A Leave that is not secured by the network key can come from anybody."""
    packets = view.good
    rows = packets[mask(packets["nwk_command"] == LEAVE)]
    yield from judge(view, rows, mask(rows["nwk_security"] == "none"), "{bad} with an unsecured Leave")


@rule(
    "mic-fails",
    "Frames whose integrity code is wrong",
    severity="warning",
    source="ZigBee PRO 05-3474 annex A",
    confidence="recalled",
    merges=("rules:Z18", "rules:C04"),
    cause="replay",
    unseen="secured frames that a held key opens",
    advice=(
        "Wrong key, damage on the air, or a forgery: compare sender, signal strength and counter with"
        " its good frames"
    ),
)
def mic_fails(view: View, *, most: float = 0.9) -> Iterator[Evidence]:
    """While other frames of the same sender open well with the key, these do not. The frame check sequence
    was right, so this is not simply damage on the air."""
    packets = view.good
    known = mask(packets["fcs_ok"] == True)  # noqa: E712
    rows = packets[mask(packets["nwk_security"].isin(["ok", "bad_mic"])) & known]
    bad = mask(rows["nwk_security"] == "bad_mic") | mask(rows["aps_security"] == "bad_mic")
    failed = pd.Series(bad, index=rows.index).groupby(rows["sender"].astype("UInt64")).transform("mean")
    shown = mask(failed < most)  # a sender whose frames all fail simply has another key
    yield from judge(view, rows[shown], bad[shown], "{bad} of {all} fail their integrity check")


@rule(
    "key-sequence-old",
    "The old network key is still used after the new one",
    severity="warning",
    source="ZigBee PRO 05-3474 4.3.1",
    confidence="recalled",
    merges=("rules:Z15",),
    cause="network change",
    unseen="a change of the network key's sequence number",
    advice=(
        "The sender switched and fell back: see whether it restarted or whether two devices share its address"
    ),
)
def key_sequence_old(view: View, *, grace: float = 10.0) -> Iterator[Evidence]:
    """After a Switch-Key a device uses the new network key. It must not send under the old sequence number
    again."""
    for sender, part in _by_sender_with_sequences(view):
        newest = part["nwk_key_seq"].iloc[-1] if len(part) else 0
        changes = part[mask(part["nwk_key_seq"] != part["nwk_key_seq"].iloc[0])]
        start = changes["seconds"].iloc[0]
        old = part["nwk_key_seq"].iloc[0]
        bad = part[mask(part["nwk_key_seq"] == old) & mask(part["seconds"] > start + grace)]
        if bad.empty:
            yield kept(view.label(sender), f"changed from key {old} to key {newest} for good")
        else:
            text = f"{count(bad)} under key {old} after the first one under another ({spread(bad)})"
            yield broken(view.label(sender), text, view.frames_of(bad))


def _by_sender_with_sequences(view: View) -> Iterator[tuple[object, Frame]]:
    packets = view.good
    rows = packets[mask(packets["nwk_key_seq"].notna()) & mask(packets["sender"].notna())]
    rows = rows[~mask(rows["nwk_security"] == "bad_mic")]
    for (sender, _), part in rows.groupby([rows["sender"].astype("UInt64"), "pan"], sort=False):
        if part["nwk_key_seq"].nunique() > 1:
            yield sender, part


@rule(
    "key-sequence-unannounced",
    "A new network key is used that was never distributed",
    severity="warning",
    source="ZigBee PRO 05-3474 4.6.3.4",
    confidence="recalled",
    merges=("rules:Z14",),
    cause="network change",
    unseen="a change of the network key's sequence number while APS commands are readable",
    advice=(
        "The distribution may lie before the capture or was not heard; otherwise look for a second network"
    ),
)
def key_sequence_unannounced(view: View) -> Iterator[Evidence]:
    """A new network key is sent to all (Transport-Key), then put to use (Switch-Key). A new sequence number
    without either was not agreed by this network, or the capture did not hear the distribution."""
    packets = view.good
    commands = packets[mask(packets["aps_command"].isin([0x05, 0x09]))]
    rows = packets[mask(packets["nwk_key_seq"].notna()) & mask(packets["nwk_security"] == "ok")]
    for pan, part in rows.groupby("pan", sort=False):
        used = part["nwk_key_seq"].value_counts()
        sequences = part.drop_duplicates("nwk_key_seq")
        for row in sequences[1:].itertuples():
            if used[row.nwk_key_seq] < 2:
                continue  # a single frame may be damaged or replayed: other rules judge it
            before = commands[mask(commands["seconds"] <= row.seconds) & mask(commands["pan"] == pan)]
            subject = f"PAN 0x{int(pan):04x}"
            if len(before):
                yield kept(subject, f"key {row.nwk_key_seq} was distributed before its first use")
            else:
                yield broken(subject, f"key {row.nwk_key_seq} used first at frame {row.frame}", [row.frame])


@rule(
    "zigbee-3-key-update",
    "ZigBee 3.0 link key update on a Smart Energy network",
    severity="warning",
    source="ZSE 1.2a (key establishment cluster instead)",
    confidence="recalled",
    merges=("rules:Z16", "disapplied:54"),
    cause="join attack",
    smart_energy=True,
    unseen="APS commands",
    advice="See which device asks: it is not built for Smart Energy",
)
def zigbee_3_key_update(view: View) -> Iterator[Evidence]:
    """Smart Energy devices get their link key by certificate-based key establishment. Request-Key for a
    trust centre key, Verify-Key and Confirm-Key belong to ZigBee 3.0."""
    packets = view.good
    rows = packets[mask(packets["aps_command"].notna())]
    fields = view.command_rows("aps", [0x08])
    asks = fields[mask(fields["field"] == "key_type") & mask(fields["number"] == TRUST_CENTRE_LINK_KEY)]
    update = mask(rows["aps_command"].isin([0x0F, 0x10])) | mask(rows["frame"].isin(asks["frame"]))
    yield from judge(view, rows, update, "{bad} of the ZigBee 3.0 key update")


@rule(
    "smart-energy-without-link-key",
    "Smart Energy data without APS security",
    severity="warning",
    source="ZSE 1.2a 07-5356-19 5.4.6; CPA security characteristics",
    confidence="recalled",
    merges=("rules:Z10", "rules:C01"),
    cause="gbcs protection",
    smart_energy=True,
    unseen="APS data on Smart Energy clusters",
    advice="The receiver must drop it; find out why the sender holds no link key",
)
def smart_energy_without_link_key(view: View) -> Iterator[Evidence]:
    """Metering, price, prepayment, tunnel and the other Smart Energy clusters travel under the link key of
    the two devices, not only under the network key that every device of the home holds."""
    packets = view.good
    clusters = [*range(0x0700, 0x0706), 0x0707, 0x0708, 0x0709, 0x070B, 0x000A, 0x0019, 0x0025]
    rows = packets[
        mask(packets["aps_type"] == "data")
        & mask(packets["aps_cluster"].isin(clusters))
        & mask(packets["aps_profile"] == 0x0109)
    ]
    bad = mask(rows["aps_security"] == "none")
    yield from judge(view, rows, bad, _clear_clusters, good="under a link key")


def _clear_clusters(bad: Frame, _: Frame) -> str:
    clusters = sorted({f"0x{int(c):04x}" for c in bad["aps_cluster"].dropna()})
    return f"{count(bad)} without APS security on cluster {', '.join(clusters)}"


@rule(
    "smart-energy-key-id",
    "Smart Energy data under the wrong kind of APS key",
    severity="warning",
    source="ZSE 1.2a 07-5356-19 5.4.6",
    confidence="recalled",
    merges=("rules:Z10",),
    cause="gbcs protection",
    smart_energy=True,
    unseen="APS-secured data frames",
    advice="Data is sent under the link key itself (key identifier 0); look at the sender's stack",
)
def smart_energy_key_id(view: View) -> Iterator[Evidence]:
    """APS data frames are enciphered under the link key (key identifier 0); the key-transport and key-load
    keys are for Transport-Key commands only."""
    packets = view.good
    rows = packets[mask(packets["aps_type"] == "data") & mask(packets["aps_key_id"].notna())]
    bad = ~mask(rows["aps_key_id"].isin(["link", "data"]))
    yield from judge(view, rows, bad, "{bad} of APS data under a key that is not the link key")


@rule(
    "transport-key-key-id",
    "A network key was not sent under the key-transport key",
    severity="warning",
    source="ZigBee PRO 05-3474 4.5.3",
    confidence="recalled",
    merges=("rules:Z04",),
    cause="key exposure",
    unseen="a Transport-Key command under APS security",
    advice="Look at the trust centre's stack",
)
def transport_key_key_id(view: View) -> Iterator[Evidence]:
    """The trust centre sends a network key under the key-transport key, which is derived from the link key
    of that one device, and a link key under the key-load key."""
    packets = view.good
    rows = packets[mask(packets["aps_command"] == 0x05) & mask(packets["aps_key_id"].notna())]
    bad = ~mask(rows["aps_key_id"].isin(["key-transport", "key-load", "link"]))
    yield from judge(view, rows, bad, "{bad} with a key under the wrong kind of key")


@rule(
    "smart-energy-profile",
    "An application profile that is not Smart Energy",
    severity="info",
    source="ZSE 1.2a",
    confidence="secondary",
    merges=("rules:A09", "rules:C02"),
    smart_energy=True,
    unseen="APS data frames",
    advice="See which device speaks it, and whether it belongs to this home area network",
)
def smart_energy_profile(view: View) -> Iterator[Evidence]:
    """All endpoints of a GB HAN use profile 0x0109; profile 0 is the device profile."""
    packets = view.good
    rows = packets[mask(packets["aps_type"] == "data") & mask(packets["aps_profile"].notna())]
    odd = ~mask(rows["aps_profile"].isin([0x0000, 0x0109, 0xFFFF]))
    yield from judge(view, rows, odd, "{bad} on another profile than 0x0109")


@rule(
    "manufacturer-clusters",
    "Clusters of a manufacturer's own on the network",
    severity="warning",
    source="CPA security characteristics (GB smart metering)",
    confidence="recalled",
    merges=("rules:C02",),
    smart_energy=True,
    unseen="APS data frames",
    advice="Debug or undeclared endpoints must not be reachable: ask the maker what this cluster is",
)
def manufacturer_clusters(view: View) -> Iterator[Evidence]:
    """Clusters 0xFC00 to 0xFFFF and profiles from 0xC000 are a maker's own. On a GB HAN nothing undeclared
    should answer."""
    packets = view.good
    rows = packets[mask(packets["aps_type"] == "data") & mask(packets["aps_profile"] != 0)]
    own = mask(rows["aps_cluster"] >= 0xFC00) | mask(
        (rows["aps_profile"] >= 0xC000) & (rows["aps_profile"] < 0xFFFF)
    )
    yield from judge(
        view, rows, own, "{bad} on a manufacturer's cluster or profile", good="on public clusters"
    )

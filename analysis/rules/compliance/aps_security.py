"""Security of the APS layer: which key protects which frame, which profiles and clusters are spoken."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.features.identifiers import APS_COMMANDS, CLUSTERS
from analysis.features.judging import count, judge, mask
from analysis.features.view import DEVICE_PROFILE, SMART_ENERGY_PROFILE, Frame, View
from analysis.findings.model import Evidence
from analysis.rules.registry import rules_of

rule = rules_of("compliance", "aps security")

TRANSPORT_KEY = APS_COMMANDS["Transport Key"]
UNDER_LINK_KEYS = CLUSTERS.some(
    "Price", "Demand Response and Load Control", "Metering", "Messaging", "Tunneling", "Prepayment", "Calendar",
    "Device Management", "Events", "Sub-GHz", "Time", "OTA Upgrade", "Keep-Alive",
)  # fmt: skip
OWN_CLUSTERS, OWN_PROFILES, ANY_PROFILE = 0xFC00, 0xC000, 0xFFFF
"""From where on clusters and profiles are a maker's own (ZigBee 05-3474 2.3.2.2; ZCL 2.6.1.1); the profile of any."""


@rule(
    "smart-energy-without-link-key",
    "Smart Energy data without APS security",
    severity="warning",
    source="ZSE 1.2a 07-5356-19 5.4.6; CPA security characteristics",
    confidence="recalled",
    merges=("rules:Z10", "rules:C01"),
    cause="unprotected data",
    smart_energy=True,
    unseen="APS data on Smart Energy clusters",
    advice="The receiver must drop it; find out why the sender holds no link key",
)
def smart_energy_without_link_key(view: View) -> Iterator[Evidence]:
    """Metering, price, prepayment, tunnel and the other Smart Energy clusters travel under the link key of
    the two devices, not only under the network key that every device of the home holds."""
    packets = view.good
    rows = packets.only(aps_type="data", aps_profile=SMART_ENERGY_PROFILE)
    rows = rows[mask(rows["aps_cluster"].isin(UNDER_LINK_KEYS))]
    bad = mask(rows["aps_security"] == "none")
    yield from judge(view, rows, bad, _clear_clusters, good="under a link key")


def _clear_clusters(bad: Frame, _: Frame) -> str:
    clusters = sorted({f"0x{int(c):04x}" for c in bad["aps_cluster"].dropna().unique()})
    return f"{count(bad)} without APS security on cluster {', '.join(clusters)}"


@rule(
    "smart-energy-key-id",
    "Smart Energy data under the wrong kind of APS key",
    severity="warning",
    source="ZSE 1.2a 07-5356-19 5.4.6",
    confidence="recalled",
    merges=("rules:Z10",),
    cause="unprotected data",
    smart_energy=True,
    unseen="APS-secured data frames",
    advice="Data is sent under the link key itself (key identifier 0); look at the sender's stack",
)
def smart_energy_key_id(view: View) -> Iterator[Evidence]:
    """APS data frames are enciphered under the link key (key identifier 0); the key-transport and key-load
    keys are for Transport-Key commands only."""
    packets = view.good
    rows = packets.only(aps_type="data")
    rows = rows[mask(rows["aps_key_id"].notna())]
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
    rows = packets.only(aps_command=TRANSPORT_KEY)
    rows = rows[mask(rows["aps_key_id"].notna())]
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
    """Endpoints of a GB HAN speak the Smart Energy profile (0x0109) and the device profile (0x0000).
    Another profile is a device of another system (home automation, lighting), or a maker's debug interface."""
    packets = view.good
    rows = packets.only(aps_type="data")
    rows = rows[mask(rows["aps_profile"].notna())]
    odd = ~mask(rows["aps_profile"].isin([DEVICE_PROFILE, SMART_ENERGY_PROFILE, ANY_PROFILE]))
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
    rows = packets.only(aps_type="data")
    rows = rows[mask(rows["aps_profile"] != DEVICE_PROFILE)]
    own = mask(rows["aps_cluster"] >= OWN_CLUSTERS) | mask(
        (rows["aps_profile"] >= OWN_PROFILES) & (rows["aps_profile"] < ANY_PROFILE)
    )
    yield from judge(
        view, rows, own, "{bad} on a manufacturer's cluster or profile", good="on public clusters"
    )

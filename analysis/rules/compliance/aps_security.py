"""Security of the APS layer: which key protects which frame, which profiles and clusters are spoken."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.features.judging import judge, mask
from analysis.features.view import DEVICE_PROFILE, SMART_ENERGY_PROFILE, View
from analysis.findings.model import Evidence
from analysis.rules.registry import rules_of

rule = rules_of("compliance", "aps security")

OWN_CLUSTERS, OWN_PROFILES, ANY_PROFILE = 0xFC00, 0xC000, 0xFFFF
"""From where on clusters and profiles are a maker's own (ZigBee 05-3474 2.3.2.2; ZCL 2.6.1.1); the profile of any."""


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
    should answer. Under a link key two devices that were paired speak so: that informs."""
    packets = view.good
    rows = packets.only(aps_type="data")
    rows = rows[mask(rows["aps_profile"] != DEVICE_PROFILE)]
    own = mask(rows["aps_cluster"] >= OWN_CLUSTERS) | mask(
        (rows["aps_profile"] >= OWN_PROFILES) & (rows["aps_profile"] < ANY_PROFILE)
    )
    open_to_all = own & ~mask(rows["aps_key_id"] == "link")
    grave = mask(rows["sender"].isin(rows["sender"][open_to_all].unique()))
    for part, level in ((grave, None), (~grave, "info")):
        yield from judge(
            view, rows[part], own[part], "{bad} on a manufacturer's cluster or profile",
            good="on public clusters", severity=level,
        )  # fmt: skip

from collections.abc import Iterator

import numpy as np

from analysis.features.judging import plural, spread
from analysis.rules.declare import NETWORK, Evidence, Frame, View, broken, c, kept, packets, rule


@rule(
    "beacon-request-scan",
    "Somebody scans for networks",
    finds="Many beacon requests a minute.",
    matters="""Devices that look for a network ask for beacons, once or a few times on each channel. Many requests without
    an association are a survey; one a second and more keeps every hub and router busy with answers.""",
    example="network: 40 beacon requests within 60 s (from frame 592 to 677)",
    source="KillerBee zbstumbler; IEEE 802.15.4 7.3.7",
    advice="A scan precedes a join; many without one are a survey of the neighbourhood",
    family="anomaly", area="permit join", severity="info", confidence="secondary", covers=("spec:R082",),
    requires="MAC commands",
    reads=[packets.where(c.mac_command == "Beacon Request")[c.frame, c.seconds]],
    broken_by="planted: scans without end", kept_by="install-day --seconds 1500",
)  # fmt: skip
def beacon_request_scan(
    view: View, asked: Frame, *, requests: int = 20, window: float = 60.0, flood: int = 60
) -> Iterator[Evidence]:
    """The most within a window; from `flood` on it warns."""
    if asked.empty:
        return
    start = asked["seconds"].to_numpy(dtype=float)
    within = np.searchsorted(start, start + window) - np.arange(len(start))
    most, at = int(within.max()), int(within.argmax())
    if most < requests:
        yield kept(NETWORK, f"{plural(len(asked), 'beacon request')}, at most {most} in {window:.0f} s")
        return
    burst = asked.iloc[at : at + most]
    text = f"{plural(most, 'beacon request')} within {window:.0f} s ({spread(burst)})"
    yield broken(NETWORK, text, burst["frame"], "warning" if most >= flood else None)

"""Networks that are open to join, and who looks for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from analysis.features.identifiers import APS_COMMANDS, MAC_COMMANDS, ZDP_COMMANDS
from analysis.features.judging import mask, plural, spread
from analysis.features.view import DEVICE_PROFILE, Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import NETWORK, Subject
from analysis.rules.anomalies.beacons import BEACONS, beacons
from analysis.rules.anomalies.mac_commands import ANSWER, ASSOCIATION
from analysis.rules.registry import rules_of

rule = rules_of("anomaly", "permit join")

PERMIT_JOINING = ZDP_COMMANDS["Mgmt_Permit_Joining_req"]


@rule(
    "permit-join-long",
    "The network stays open for joining",
    severity="warning",
    source="GBCS v4.0 use-case annex CCS01 (joining time period)",
    confidence="text",
    merges=("rules:N04",),
    cause="join attack",
    unseen=BEACONS + " over a longer time",
    advice="Close joining; see who opened it (CCS01 or Mgmt_Permit_Joining)",
)
def permit_join_long(view: View, *, seconds: float = 3600.0, unasked: float = 900.0) -> Iterator[Evidence]:
    """Joining is opened for a stated time and closes by itself. Beacons that allow association for longer
    than any joining window show that it was left open; so do beacons that go on for a quarter of an hour
    after the last command that opened it and the last device that joined."""
    rows = beacons(view)
    rows = rows[mask(rows["beacon_permit"].notna())]
    rows = rows[mask(rows["mac_src_pan"].notna())]
    for (pan, _), part in rows.groupby(["mac_src_pan", "beacon_epid"], sort=False, dropna=False):
        spans = _open_spans(part)
        longest = max((b - a for a, b, _ in spans), default=0.0)
        openings = _openings(view, pan)
        late = [] if openings is None else [_unasked(part, span, openings, unasked) for span in spans]
        if longest > seconds:
            frames = [f for a, b, fs in spans if b - a > seconds for f in fs]
            yield broken(Subject.network(pan), f"open for joining over at least {longest:,.0f} s", frames)
        elif any(late):
            text = f"open {unasked:,.0f} s and more after it was opened and anybody joined"
            yield broken(Subject.network(pan), text, [f for fs in late for f in fs])
        else:
            text = f"{plural(len(part), 'beacon')}, open for at most {longest:,.0f} s"
            yield kept(Subject.network(pan), text)


def _openings(view: View, pan: int, least: int = 50) -> Frame | None:
    """When joining was opened (Mgmt_Permit_Joining) or used (association, key for a joiner), in order; None
    where too little of the network can be read to know."""
    packets = view.good
    codes, pans = packets.only(nwk_security="ok").codes("pan")
    if pan not in pans or int((codes == pans.index(pan)).sum()) < least:
        return None
    ways: tuple[dict[str, Any], ...] = (
        {"aps_profile": DEVICE_PROFILE, "aps_cluster": PERMIT_JOINING}, {"mac_command": [ASSOCIATION, ANSWER]},
        {"aps_command": APS_COMMANDS["Transport Key"]},
    )  # fmt: skip
    found = [packets.only(**way) for way in ways]
    return np.sort(
        np.concatenate([rows["seconds"].to_numpy(dtype=float)[mask(rows["pan"] == pan)] for rows in found])
    )


def _unasked(
    part: Frame, span: tuple[float, float, list[int]], openings: Frame, limit: float, window: float = 255.0
) -> list[int]:
    """Beacons of an open span that come long after all that explains it; none unless over `limit` seconds.

    One Mgmt_Permit_Joining opens for 254 s at most (ZigBee PRO 05-3474 2.4.3.3.7)."""
    start, end, frames = span
    before = openings[openings <= end]
    since = max(start, float(before[-1]) + window) if len(before) else start
    if end - since <= limit:
        return []
    inside = mask(part["frame"].isin(frames)) & mask(part["seconds"] >= since)
    return [int(f) for f in part["frame"][inside]]


def _open_spans(part: Frame) -> list[tuple[float, float, list[int]]]:
    """Runs of beacons that permit association: start, end, frames."""
    part = part.sort_values("seconds")
    is_open = mask(part["beacon_permit"])
    run = np.cumsum(np.r_[True, is_open[1:] != is_open[:-1]])
    out = []
    for _, piece in part[is_open].groupby(run[is_open]):
        seconds = piece["seconds"]
        out.append((float(seconds.iloc[0]), float(seconds.iloc[-1]), piece["frame"].tolist()))
    return out


@rule(
    "beacon-request-scan",
    "Somebody scans for networks",
    severity="info",
    source="KillerBee zbstumbler; IEEE 802.15.4 7.3.7",
    confidence="secondary",
    merges=("spec:R082",),
    unseen="MAC commands",
    advice="A scan precedes a join; many without one are a survey of the neighbourhood",
)
def beacon_request_scan(
    view: View, *, requests: int = 20, window: float = 60.0, flood: int = 60
) -> Iterator[Evidence]:
    """Devices that look for a network ask for beacons, once or a few times on each channel. Many requests a
    minute without an association are a survey; one a second and more keeps every hub and router busy with
    answers."""
    packets = view.good
    rows = packets.only(mac_command=MAC_COMMANDS["Beacon Request"])
    if rows.empty:
        return
    start = rows["seconds"].to_numpy(dtype=float)
    within = np.searchsorted(start, start + window) - np.arange(len(start))
    if within.max() < requests:
        yield kept(
            NETWORK, f"{plural(len(rows), 'beacon request')}, at most {within.max()} in {window:.0f} s"
        )
        return
    burst = rows.iloc[int(within.argmax()) : int(within.argmax() + within.max())]
    text = f"{plural(len(burst), 'beacon request')} within {window:.0f} s ({spread(burst)})"
    yield broken(NETWORK, text, burst["frame"], "warning" if len(burst) >= flood else None)

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from analysis.features.identifiers import ZDP_COMMANDS
from analysis.features.judging import mask, plural
from analysis.rules.declare import Evidence, Frame, Subject, View, broken, c, kept, packets, rule

LONGEST_WINDOW = (
    255.0  # seconds: one Mgmt_Permit_Joining opens for 254 s at most (ZigBee PRO 05-3474 2.4.3.3.7)
)
ENOUGH_READ = 50  # readable frames of a network, before nothing heard means that nobody opened it
Span = tuple[float, float, list[int]]
"""A run of beacons that permit association: start, end, frames."""

OPENINGS = (
    (c.aps_profile == "ZigBee Device Profile") & (c.aps_cluster == ZDP_COMMANDS["Mgmt_Permit_Joining_req"])
    | c.mac_command.isin("Association Request", "Association Response")
    | (c.aps_command == "Transport Key")
)


@rule(
    "permit-join-long",
    "The network stays open for joining",
    finds="""Beacons that allow association for longer than any joining window, or that go on for a quarter of an hour
    after the last command that opened it and the last device that joined.""",
    matters="""Joining is opened for a stated time and closes by itself; a network that was left open can be joined by
    whoever comes by.""",
    example="PAN 0x0a41: open for joining over at least 4,713 s",
    source="GBCS v4.0 use-case annex CCS01 (joining time period)",
    advice="Close joining; see who opened it (CCS01 or Mgmt_Permit_Joining)",
    family="anomaly", area="permit join", severity="warning", confidence="text", cause="join attack",
    covers=("rules:N04",), requires="beacons with a readable ZigBee payload over a longer time",
    reads=[
        packets.where(c.mac_type == "beacon", c.beacon_permit.known, c.mac_src_pan.known)[
            c.frame, c.seconds, c.mac_src_pan, c.beacon_epid, c.beacon_permit
        ],
        packets.where(OPENINGS)[c.seconds, c.pan],
    ],
    kept_by="ordinary-day --fault rejoin-loop --seconds 1500",
)  # fmt: skip
def permit_join_long(
    view: View, beacons: Frame, openings: Frame, *, seconds: float = 3600.0, unasked: float = 900.0
) -> Iterator[Evidence]:
    """The spans in which each network was open, beside what explains them."""
    for (pan, _), part in beacons.groupby(["mac_src_pan", "beacon_epid"], sort=False, dropna=False):
        spans, subject = _open_spans(part), Subject.network(pan)
        longest = max((end - start for start, end, _ in spans), default=0.0)
        late: list[list[int]] = []
        if _readable(view, pan):
            opened = np.sort(openings["seconds"].to_numpy(dtype=float)[mask(openings["pan"] == pan)])
            late = [_unasked(part, span, opened, unasked) for span in spans]
        if longest > seconds:
            frames = [f for start, end, own in spans if end - start > seconds for f in own]
            yield broken(subject, f"open for joining over at least {longest:,.0f} s", frames)
        elif any(late):
            text = f"open {unasked:,.0f} s and more after it was opened and anybody joined"
            yield broken(subject, text, [f for own in late for f in own])
        else:
            yield kept(subject, f"{plural(len(part), 'beacon')}, open for at most {longest:,.0f} s")


def _readable(view: View, pan: int) -> bool:
    """Whether so much of the network can be read that a command that opened it would have been."""
    codes, pans = view.good.only(nwk_security="ok").codes("pan")
    return pan in pans and int((codes == pans.index(pan)).sum()) >= ENOUGH_READ


def _unasked(part: Frame, span: Span, openings: npt.NDArray[np.float64], limit: float) -> list[int]:
    """Beacons of an open span that come long after all that explains it; none unless over `limit` seconds."""
    start, end, frames = span
    before = openings[openings <= end]
    since = max(start, float(before[-1]) + LONGEST_WINDOW) if len(before) else start
    if end - since <= limit:
        return []
    inside = mask(part["frame"].isin(frames)) & mask(part["seconds"] >= since)
    return [int(f) for f in part["frame"][inside]]


def _open_spans(part: Frame) -> list[Span]:
    part = part.sort_values("seconds")
    is_open = mask(part["beacon_permit"])
    run = np.cumsum(np.r_[True, is_open[1:] != is_open[:-1]])
    out = []
    for _, piece in part[is_open].groupby(run[is_open]):
        seconds = piece["seconds"]
        out.append((float(seconds.iloc[0]), float(seconds.iloc[-1]), piece["frame"].tolist()))
    return out

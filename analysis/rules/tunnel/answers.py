"""What the hub does after the answer to a request for a tunnel; renewal."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from analysis.features.identifiers import enumeration
from analysis.features.judging import mask
from analysis.rules.declare import (
    TO_CLIENT,
    TO_SERVER,
    Command,
    Evidence,
    Frame,
    Subject,
    View,
    broken,
    c,
    field,
    kept,
    rule,
)  # fmt: skip

GRANTED, BUSY, NO_MORE = enumeration("TunnelingTunnelStatus").some("Success", "Busy", "NoMoreTunnelIds")
STATUS = field("tunnel_status")
ANSWERS = Command("Tunneling", TO_CLIENT, "Request Tunnel Response", "tunnel_status")
REQUESTS = Command("Tunneling", TO_SERVER, "Request Tunnel")
CLOSES = Command("Tunneling", TO_SERVER, "Close Tunnel")
WHEN = (c.frame, c.seconds, c.source, c.destination)
HUB_OPENS = "GBCS v0.8 10.2.2.1"
SHARED: dict[str, Any] = {"family": "compliance", "area": "tunnel", "cause": "tunnel", "smart_energy": True}


@rule(
    "tunnel-busy-retry",
    "A busy tunnel is asked for again at the wrong time",
    finds='Requests for a tunnel that do not come three minutes after the answer "busy".',
    matters="Earlier requests keep the device busy; later ones delay the messages that wait for it.",
    example="Communications hub (90b3d5fffe00000f): asked again after 20 s",
    source=HUB_OPENS,
    advice="The hub must wait three minutes",
    severity="warning", confidence="text", covers=("spec:R043", "disapplied:12"),
    requires="a RequestTunnelResponse with status busy, and the next request",
    reads=[ANSWERS.where(STATUS == BUSY)[WHEN], REQUESTS[WHEN]],
    broken_by="ordinary-day --fault tunnel-flood --seconds 1500", **SHARED,
)  # fmt: skip
def tunnel_busy_retry(
    view: View, busy: Frame, requests: Frame, *, seconds: float = 180.0, tolerance: float = 30.0
) -> Iterator[Evidence]:
    """The request that follows each answer."""
    for row in busy.itertuples():
        later = _then(requests, row)
        if later.empty:
            continue
        gap, subject = float(later["seconds"].iloc[0] - row.seconds), Subject.device(row.destination)
        text = f"asked again after {gap:,.0f} s"
        if abs(gap - seconds) > tolerance:
            yield broken(subject, text, [row.frame, int(later["frame"].iloc[0])])
        else:
            yield kept(subject, text)


@rule(
    "tunnel-full-close",
    "Tunnels are not closed when there are no more",
    finds='Requests for a tunnel after "no more tunnel identifiers", without a tunnel having been closed between.',
    matters="The hub closes every tunnel of that device and only then asks again; otherwise it is refused again.",
    example="Communications hub (90b3d5fffe00000f): asked again without closing",
    source=HUB_OPENS,
    advice="The hub must close all tunnels of that device before it asks again",
    severity="warning", confidence="text", covers=("spec:R044", "disapplied:13"), absent=1,
    requires="a RequestTunnelResponse with status no more tunnels, and what follows",
    reads=[ANSWERS.where(STATUS == NO_MORE)[WHEN], REQUESTS[WHEN], CLOSES[WHEN]], **SHARED,
)  # fmt: skip
def tunnel_full_close(view: View, full: Frame, requests: Frame, closes: Frame) -> Iterator[Evidence]:
    """What follows each answer."""
    for row in full.itertuples():
        asked, subject = _then(requests, row), Subject.device(row.destination)
        if asked.empty:
            continue
        if mask(_then(closes, row)["seconds"] < asked["seconds"].iloc[0]).any():
            yield kept(subject, "closed tunnels before it asked again")
        else:
            yield broken(subject, "asked again without closing", [row.frame, int(asked["frame"].iloc[0])])


def _then(sent: Frame, answer: Any) -> Frame:
    """What the device that was answered sent to the one that answered, after it."""
    mine = mask(sent["source"] == answer.destination) & mask(sent["destination"] == answer.source)
    return sent[mine & mask(sent["seconds"] > answer.seconds)]


@rule(
    "tunnel-renewal",
    "A tunnel was not renewed in time",
    finds="Tunnels for which the hub did not ask anew before 65535 s had passed since they were granted.",
    matters="The device closes such a tunnel, and its messages wait. A gas meter opens its own when it needs one.",
    example="""Communications hub (90b3d5fffe00000f) to Electricity meter (90b3d5fffe0000a0): 70,000 s without a new
    tunnel""",
    source=HUB_OPENS,
    advice="The hub asks for a new tunnel at least every 65535 s",
    severity="warning", confidence="text", covers=("spec:R041", "spec:R042", "disapplied:11"), absent=1,
    requires="more than 65535 s after a RequestTunnelResponse",
    reads=[ANSWERS.where(~c.destination.has_role("GSME"))[WHEN]], **SHARED,
)  # fmt: skip
def tunnel_renewal(
    view: View, answers: Frame, *, seconds: float = 65535.0, slack: float = 600.0
) -> Iterator[Evidence]:
    """The longest time between two answers of each pair, the end of the capture counted in."""
    for (server, client), part in answers.groupby(["source", "destination"], sort=False):
        times = np.r_[part["seconds"].to_numpy(dtype=float), view.duration]
        if view.duration - times[0] < seconds + slack:
            continue
        gap, subject = float(np.diff(times).max()), Subject.pair(client, server)
        if gap > seconds + slack:
            yield broken(subject, f"{gap:,.0f} s without a new tunnel", part["frame"])
        else:
            yield kept(subject, f"renewed at least every {gap:,.0f} s")

"""Who asks for a tunnel, when, and how often."""

from collections.abc import Iterator
from typing import Any

from analysis.features.judging import judge, mask
from analysis.rules.declare import (
    TO_CLIENT,
    TO_SERVER,
    AtMost,
    Command,
    Evidence,
    Frame,
    Subject,
    View,
    broken,
    c,
    declare,
    kept,
    p,
    rule,
)  # fmt: skip

REQUESTS = Command("Tunneling", TO_SERVER, "Request Tunnel")
JOINED = Command("Key Establishment", TO_CLIENT, "Confirm Key Data Response").where(
    c.source.is_hub, c.destination.has_role("ESME", "HCALCS", "PPMID")
)
"""Key establishment of a device that takes messages through a tunnel, done."""
HUB, DISPLAYS = ("CHF", "GPF", "coordinator"), ("IHD", "CAD")
SHARED: dict[str, Any] = {"family": "compliance", "area": "tunnel", "cause": "tunnel", "smart_energy": True}


@rule(
    "tunnel-roles",
    "The wrong side opens a tunnel",
    finds="Requests for a tunnel from the hub to a gas meter, or from a display or a consumer device.",
    matters="""The hub is the tunnel client of electricity meter, load controller and prepayment display; the gas meter is
    the client of the hub. A request the other way round is a fault or a stranger.""",
    example="Device 90b3d5fffe0000a6: 14 frames opening a tunnel the wrong way (from frame 592 to 727)",
    source="GBCS v0.8 10.2.2.1, 10.2.2.2",
    advice="The hub opens tunnels to electricity meter, load controller and display; the gas meter opens its own",
    severity="error", confidence="text", covers=("spec:R047", "disapplied:10"),
    requires="a RequestTunnel between devices whose roles are known",
    reads=[REQUESTS[c.frame, c.source, c.destination]],
    broken_by="ordinary-day --fault tunnel-flood --seconds 1500 --seed 700", kept_by="ordinary-day --seconds 1500",
    **SHARED,
)  # fmt: skip
def tunnel_roles(view: View, requests: Frame) -> Iterator[Evidence]:
    """The roles at both ends of each request; where one is not known nothing is said."""
    asks, asked = requests["source"].map(view.roles), requests["destination"].map(view.roles)
    judged = mask(asks.notna()) & mask(asked.notna())
    wrong = (mask(asks.isin(HUB)) & mask(asked == "GSME")) | mask(asks.isin(DISPLAYS))
    yield from judge(
        view,
        requests[judged],
        wrong[judged],
        "{bad} opening a tunnel the wrong way",
        "source",
        "the right way",
    )


@rule(
    "tunnel-after-joining",
    "The hub opened no tunnel to a device that joined",
    finds="""Electricity meters, load controllers and displays that established their key with the hub, and to which the
    hub then opened no tunnel.""",
    matters="Without a tunnel no message reaches the device.",
    example="Electricity meter (90b3d5fffe0000a0): no RequestTunnel within 600 s of its key establishment",
    source="GBCS v0.8 10.2.2.1",
    advice="Without a tunnel no message reaches the device: see whether the hub knows its type",
    severity="warning", confidence="text", covers=("spec:R040",), absent=2,
    requires="key establishment of an electricity meter, load controller or display, and ten minutes after it",
    reads=[JOINED[c.frame, c.seconds, c.destination], REQUESTS[c.seconds, c.destination]],
    kept_by="install-day --seconds 1500", **SHARED,
)  # fmt: skip
def tunnel_after_joining(
    view: View, joined: Frame, requests: Frame, *, seconds: float = 600.0
) -> Iterator[Evidence]:
    """The requests behind each key establishment, where the capture goes on for long enough."""
    for row in joined[mask(joined["seconds"] + seconds < view.duration)].itertuples():
        mine = requests[mask(requests["destination"] == row.destination)]["seconds"]
        subject = Subject.device(row.destination)
        if (mask(mine > row.seconds) & mask(mine < row.seconds + seconds)).any():
            yield kept(subject, f"has a tunnel after frame {row.frame}")
        else:
            text = f"no RequestTunnel within {seconds:.0f} s of its key establishment"
            yield broken(subject, text, [row.frame])


declare(
    id="tunnel-flood",
    title="Many requests for tunnels",
    finds="More than five requests for a tunnel from one device within a minute.",
    matters="""After a restart that may happen once; otherwise somebody takes all tunnels, so that messages no longer get
    through.""",
    example="Device 90b3d5fffe0000a6: 14 requests within 60 s",
    source="general: tunnel flooding",
    advice="A restart, or somebody who takes all tunnels: see the status of the answers",
    severity="warning", confidence="secondary", covers=("attacks:A29",), requires="RequestTunnel commands",
    parameters={"requests": 5, "window": 60.0},
    judge=AtMost(
        REQUESTS, p.requests, p.window, "{most:request} within {within:.0f} s",
        "{all:request}, at most {most:d} in {within:.0f} s", per=c.source,
    ),
    broken_by="ordinary-day --fault tunnel-flood --seconds 1500", kept_by="ordinary-day --seconds 1500", **SHARED,
)  # fmt: skip

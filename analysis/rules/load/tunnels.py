"""Tunnels that nobody closes, and addresses that are said to be in conflict."""

from collections.abc import Iterator

from analysis.features.identifiers import NWK_COMMANDS, enumeration
from analysis.features.judging import mask, plural
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
    commands,
    field,
    kept,
    rule,
)  # fmt: skip
from dissectors.layout import names as values_of

GRANTED = enumeration("TunnelingTunnelStatus")["Success"]
OPENED = Command("Tunneling", TO_CLIENT, "Request Tunnel Response", "tunnel_id", "tunnel_status").where(
    field("tunnel_status") == GRANTED
)[c.frame, c.seconds, c.source, c.destination, field("tunnel_id")]
CLOSED = Command("Tunneling", TO_SERVER, "Close Tunnel", "tunnel_id")[
    c.seconds, c.source, c.destination, field("tunnel_id")
]
STATUS = NWK_COMMANDS.field("Network Status", "status")
CONFLICT = next(
    code for code, name in values_of("zigbee", "nwk_status").items() if name == "address conflict"
)
STATUSES = commands.where(c.layer == "nwk", c.command == NWK_COMMANDS["Network Status"], c.field == STATUS)


@rule(
    "tunnels-left-open",
    "Tunnels are opened and never closed",
    finds="More tunnels between one pair of devices open at one time than a message needs, none of them closed.",
    matters="A meter has few; when none is left its messages wait until it restarts.",
    example="Communications hub (90b3d5fffe0000a2) to Electricity meter (90b3d5fffe0000a0): 4 tunnels open, 0 closed",
    source="ZSE 1.2 D.6.2.4.3 (Close Tunnel); GBCS 10.2.2 (one tunnel, asked for again when it ends)",
    advice="Restart the side that opens them, and report its firmware version",
    family="anomaly", area="load", severity="warning", confidence="derived", cause="tunnel", smart_energy=True,
    requires="granted tunnels", reads=[OPENED, CLOSED],
    broken_by="ordinary-day --fault tunnels-left-open --seconds 3000", kept_by="hub-swap",
)  # fmt: skip
def tunnels_left_open(
    view: View, opened: Frame, closed: Frame, *, tunnels: int = 2, expires: float = 65535.0
) -> Iterator[Evidence]:
    """The tunnels of each pair by their identifiers, until they are closed or their time is over; one that is granted
    again is the same."""
    opened, closed = opened[mask(opened["tunnel_id"].notna())], closed[mask(closed["tunnel_id"].notna())]
    for (server, client), part in opened.groupby(["source", "destination"], sort=False):
        ends = closed[mask(closed["source"] == client) & mask(closed["destination"] == server)]
        open_now: dict[float, tuple[float, int]] = {}
        most: list[int] = []
        events = [(float(r.seconds), float(r.tunnel_id), int(r.frame)) for r in part.itertuples()]
        events += [(float(r.seconds), float(r.tunnel_id), 0) for r in ends.itertuples()]
        for when, tunnel, frame in sorted(events):
            if frame:
                open_now[tunnel] = when, frame
            else:
                open_now.pop(tunnel, None)
            open_now = {one: held for one, held in open_now.items() if when - held[0] < expires}
            most = max(most, [number for _, number in open_now.values()], key=len)
        subject = Subject.pair(client, server)
        if len(most) > tunnels:
            yield broken(subject, f"{plural(len(most), 'tunnel')} open, {len(ends)} closed", most)
        else:
            yield kept(subject, f"{plural(len(most), 'tunnel')} open at most")


@rule(
    "address-conflict",
    "Devices say that two of them have one address",
    finds="Network Status commands with the status address conflict, again and again.",
    matters="Both devices take new addresses each time; commands on their way go to the wrong one or nowhere.",
    example="Electricity meter (90b3d5fffe0000a0): says 4 times that 0x43ec is in conflict (from frame 90 to 402)",
    source="ZigBee PRO 05-3474 3.6.1.9 (address conflicts), 3.4.3.3 (Network Status)",
    advice="A device came back with an old address, or somebody forges these: see who uses the address",
    family="anomaly", area="load", severity="warning", confidence="derived", cause="imitation",
    requires="Network Status commands", reads=[STATUSES[c.frame, c.seconds, c.source, c.number]],
    broken_by="ordinary-day --fault address-conflicts --seconds 3000",
)  # fmt: skip
def address_conflict(
    view: View, statuses: Frame, *, times: int = 2, apart: float = 10.0
) -> Iterator[Evidence]:
    """Each device that says so; copies that routers repeat count once."""
    for source, part in statuses.groupby("source", sort=False, dropna=False):
        told = part[mask(part["number"] == CONFLICT)]
        seconds, often = told["seconds"].tolist(), 0
        for place, when in enumerate(seconds):
            often += not place or when - seconds[place - 1] > apart
        subject = Subject.device(source)
        if often:
            level = None if often >= times else "info"
            text = f"says {plural(often, 'time')} that an address is in conflict (from frame {told['frame'].iloc[0]})"
            yield broken(subject, text, told["frame"], level)
        else:
            yield kept(subject, f"{plural(len(part), 'Network Status command')}, none of an address conflict")

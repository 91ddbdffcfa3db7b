"""What routers tell of their links, routes that are looked for without end, frames that go in circles."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.features.identifiers import NWK_COMMANDS
from analysis.features.judging import groups_in, mask, plural, runs
from analysis.features.names import missing
from analysis.features.stations import NO_SHORT
from analysis.rules.declare import (
    NETWORK,
    Evidence,
    Frame,
    Subject,
    View,
    broken,
    c,
    commands,
    kept,
    packets,
    rule,
)
from analysis.rules.links.network_status import device_of
from analysis.tables.lazy import numbers_of

LINK_STATUS, ROUTE_REQUEST = NWK_COMMANDS.some("Link Status", "Route Request")
IN, OUT = (NWK_COMMANDS.field("Link Status", name) for name in ("incoming_cost", "outgoing_cost"))
WANTED, MANY = (NWK_COMMANDS.field("Route Request", name) for name in ("target", "many_to_one"))
COSTS = commands.where(c.layer == "nwk", c.command == LINK_STATUS, c.field.isin(IN, OUT))[
    c.frame, c.seconds, c.source, c.field, c.number
]
SOUGHT = commands.where(c.layer == "nwk", c.command == ROUTE_REQUEST, c.field.isin(WANTED, MANY))[
    c.frame, c.seconds, c.source, c.field, c.number
]
HOPS = packets.where(c.mac_type == "data", c.nwk_type.known, c.nwk_dst < NO_SHORT)[
    c.frame, c.seconds, c.pan, c.nwk_src, c.nwk_dst, c.nwk_seq, c.nwk_radius, c.mac_src, c.sender
]
HOUR, WORST = 3600.0, 7  # the cost of a link that hardly carries (ZigBee PRO 05-3474 3.6.3.1)


@rule(
    "link-cost",
    "A router tells that its links are bad",
    finds="""Link Status commands of a router whose best link costs most (7), is unknown in one direction (0), or is not
    listed any more, for many minutes, where it was better before.""",
    matters="""What goes over it is sent again and again or lost: devices behind it seem to fail, one after the other.""",
    example="""Load control switch (90b3d5fffe0000a7): for 4,010 s its best link costs 7 of 7 in both directions (188 Link
    Status from frame 812 to 2012), before 1""",
    source="ZigBee PRO 05-3474 3.4.8 (Link Status), 3.6.3.1 (link cost, 1 to 7; 0: not known)",
    advice="""Measure at the device that tells it; move it or the hub, look for metal and other radios near it, add a
    router""",
    family="anomaly", area="links", severity="warning", confidence="derived", cause="weak link",
    requires="twenty Link Status commands of one router with their costs", reads=[COSTS],
    broken_by="home: routers tell that their link is bad", kept_by="ordinary-day --seconds 3000",
)  # fmt: skip
def link_cost(
    view: View, costs: Frame, *, seconds: float = 900.0, least: int = 20, share: float = 0.9
) -> Iterator[Evidence]:
    """Each router by the best of its links in each command: the longest stretch from the first bad one to the end
    or to the next good ones. A router that never had a good link only informs."""
    lists = view.good.only(nwk_command=LINK_STATUS)
    lists = lists[mask(lists["nwk_security"] == "ok")]
    known = costs[costs["number"] > 0]
    incoming = known[known["field"] == IN].groupby("frame")["number"].min()
    outgoing = known[known["field"] == OUT].groupby("frame")["number"].min()
    for sender, part in lists.groupby("sender", sort=False):
        if len(part) < least:
            continue
        both = np.column_stack(
            [part["frame"].map(of).fillna(0.0).to_numpy(dtype=float) for of in (incoming, outgoing)]
        )
        bad, subject = ((both == 0) | (both >= WORST)).any(axis=1), Subject.device(sender)
        times, frames = part["seconds"].to_numpy(dtype=float), part["frame"].to_numpy()
        start, end = _stretch(bad, share)
        lasts = float(times[end - 1] - times[start]) if end > start else 0.0
        if lasts < seconds or end - start < least:
            yield kept(subject, f"{plural(len(part), 'Link Status command')} with a link that is well")
            continue
        worst = both[start:end][bad[start:end]]
        text = f"for {lasts:,.0f} s {_said(worst)} ({end - start} Link Status from frame {frames[start]} "
        text += f"to {frames[end - 1]})"
        good = both[~bad]
        text += f", before {np.median(good):.0f}" if start and len(good) else ", never better"
        yield broken(subject, text, frames[start:end][bad[start:end]], None if start else "info")


def _stretch(bad: np.ndarray, share: float) -> tuple[int, int]:
    """The longest stretch that begins and ends bad and is so for nine of ten."""
    best = (0, 0)
    stretches = list(zip(*(ends.tolist() for ends in runs(bad)), strict=True))
    for number, (start, end) in enumerate(stretches):
        for _, later in stretches[number + 1 :]:
            if bad[start:later].mean() < share:
                break
            end = later
        best = max(best, (start, end), key=lambda each: each[1] - each[0])
    return best


def _said(costs: np.ndarray) -> str:
    incoming, outgoing = (float(np.median(costs[:, n])) for n in (0, 1))
    if incoming == outgoing == 0:
        return "it names no neighbour at all"
    if incoming == 0 or outgoing == 0:
        way = "to it" if incoming == 0 else "from it"
        return f"nothing is known of its best link {way}: it goes one way only"
    ways = "in both directions" if incoming == outgoing else f"towards it, {outgoing:.0f} from it"
    return f"its best link costs {incoming:.0f} of {WORST} {ways}"


@rule(
    "route-requests",
    "A device looks for the way to another again and again",
    finds="""Route Requests of one device for one other, many within an hour; those of a hub for ways to itself do not
    count.""",
    matters="""Each is said again by every router. The way is not found, or does not hold: what is sent over it is late or
    lost.""",
    example="""Load control switch (90b3d5fffe0000a7): looks 42 times within an hour for the way to Electricity meter
    (90b3d5fffe0000a0) (from frame 812 to 2012)""",
    source="ZigBee PRO 05-3474 3.6.3.5 (route discovery; a route holds until it fails)",
    advice="See whether the other is there and which router stands between; move the device or add a router",
    family="anomaly", area="links", severity="warning", confidence="derived", cause="weak link",
    requires="readable Route Request commands", reads=[SOUGHT],
    broken_by="home: a device looks for a route without end",
)  # fmt: skip
def route_requests(view: View, sought: Frame, *, hourly: int = 12, apart: float = 3.0) -> Iterator[Evidence]:
    """Each device and whom it looks for; copies within three seconds are one."""
    concentrators = set(sought["frame"][(sought["field"] == MANY) & (sought["number"] > 0)].tolist())
    rows = sought[
        (sought["field"] == WANTED) & ~sought["frame"].isin(concentrators) & sought["source"].notna()
    ]
    for (source, target), part in rows.groupby(["source", "number"], sort=False):
        times = part["seconds"].to_numpy(dtype=float)
        times = times[np.diff(times, prepend=-np.inf) > apart]
        most, subject = (
            int((np.searchsorted(times, times + HOUR) - np.arange(len(times))).max()),
            Subject.device(source),
        )
        if most < hourly:
            yield kept(subject, f"looks {plural(most, 'time')} for a way at most")
            continue
        text = f"looks {most} times within an hour for the way to {device_of(view, int(target))}"
        yield broken(
            subject, f"{text} (from frame {part['frame'].iloc[0]} to {part['frame'].iloc[-1]})", part["frame"]
        )


@rule(
    "routing-loop",
    "A frame goes in circles",
    finds="One frame that the same router passes on several times, each time with a smaller radius.",
    matters="It never arrives, and fills the air until its radius is used up; all that takes this way does the same.",
    example="""Electricity meter (90b3d5fffe0000a0): passed 6 frames on up to 6 times each (from frame 812 to 2012):
    they go in circles, and do not reach In-home display (90b3d5fffe0000a5)""",
    source="ZigBee PRO 05-3474 3.6.3.3 (unicast data frames, radius), 3.6.3.7 (route maintenance)",
    advice="Restart the routers that are named: their routing tables point at each other",
    family="anomaly", area="links", severity="warning", confidence="derived", cause="weak link",
    requires="unicast frames of the NWK layer", reads=[HOPS],
    broken_by="home: two routers pass one frame to and fro", kept_by="ordinary-day --seconds 3000",
)  # fmt: skip
def routing_loop(view: View, hops: Frame, *, times: int = 3, seconds: float = 10.0) -> Iterator[Evidence]:
    """Each router: frames (by author and number, within ten seconds) that it sent with three radii or more."""
    if hops.empty:
        return
    relayed = (hops["mac_src"] != hops["nwk_src"]).fillna(False).to_numpy(dtype=bool)
    rows = hops[relayed]
    at, radius = rows["seconds"].to_numpy(dtype=float), numbers_of(rows["nwk_radius"])[0]
    found: dict[tuple[int, int], list[np.ndarray]] = {}
    most: dict[tuple[int, int], int] = {}
    for places in groups_in(rows, "pan", "mac_src", "nwk_src", "nwk_dst", "nwk_seq") if len(rows) else ():
        if len(places) < times:
            continue
        for burst in np.split(places, np.flatnonzero(np.diff(at[places]) > seconds) + 1):
            passed = len(set(radius[burst].tolist()))
            if passed >= times:
                first = rows.iloc[int(burst[0])]
                short = int(first["pan"]) << 16 | int(first["mac_src"])
                key = short if missing(first["sender"]) else int(first["sender"]), int(first["nwk_dst"])
                found.setdefault(key, []).append(burst)
                most[key] = max(most.get(key, 0), passed)
    for (router, target), bursts in found.items():
        frames = rows["frame"].to_numpy()[np.concatenate(bursts)]
        text = (
            f"passed {plural(len(bursts), 'frame')} on up to {most[router, target]} times each (from frame {frames[0]} "
            f"to {frames[-1]}): they go in circles, and do not reach {device_of(view, target)}"
        )
        yield broken(Subject.device(router), text, frames)
    if not found:
        yield kept(NETWORK, f"{plural(len(rows), 'relayed frame')}, none in circles")

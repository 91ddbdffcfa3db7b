"""What the report says of the network: the map, its links in numbers, and what was relayed."""

from __future__ import annotations

from typing import Any

from analysis.features.view import View
from analysis.report.hops import Hops, LinkCount
from analysis.report.network_map import Link, Station, network_map

__all__ = ["topology"]

STATIONS, LINKS, ROUTES = 60, 200, 40
"""What is shown, at most."""
SHORT_END = 0x10000


def topology(view: View, hops: Hops) -> dict[str, Any]:
    """The network map, the table of links and the one of relayed traffic."""
    known = view.hub_addresses()
    busiest = [station for station, _ in hops.sent.most_common()]
    hubs = [station for station in busiest if station in known][:1]
    order = [*hubs, *[station for station in busiest if station not in hubs]][:STATIONS]
    pairs = _pairs(hops)
    stations = [_station(view, hops, key) for key in order]
    links = [_link(view, hops, pair, ways) for pair, ways in pairs.items()]
    routes = hops.routes.most_common(ROUTES)
    return {
        "chart": network_map(stations, links),
        "stations": len(stations),
        "left_out": max(len(hops.sent) - STATIONS, 0),
        "links": [_row(view, hops, pair, ways) for pair, ways in [*pairs.items()][:LINKS]],
        "routes": [(*map(view.label, ends), count) for ends, count in routes],
        "more_links": max(len(pairs) - LINKS, 0),
        "more_routes": max(len(hops.routes) - ROUTES, 0),
    }


def _pairs(hops: Hops) -> dict[tuple[int, int], tuple[LinkCount, LinkCount]]:
    """Both ways of each link, the busiest first."""
    pairs = {(min(a, b), max(a, b)) for a, b in hops.links}
    found = {
        (a, b): (hops.links.get((a, b), LinkCount()), hops.links.get((b, a), LinkCount())) for a, b in pairs
    }
    return dict(sorted(found.items(), key=lambda one: (-one[1][0].frames - one[1][1].frames, one[0])))


def _station(view: View, hops: Hops, key: int) -> Station:
    """The end of the EUI-64 is what tells two devices of one maker apart."""
    name = view.names.get(key, "")
    address = f"0x{key % SHORT_END:04x}" if key < SHORT_END**2 else f"{key:016x}"
    parent = hops.parents.get(key)
    said = f"{view.label(key)}\n{hops.sent[key]:,} frames sent"
    if parent is not None:
        said += f"\nparent: {view.label(parent)}"
    return Station(key, name or address, f"…{address[-6:]}" if name else "", said, hops.sent[key])


def _link(view: View, hops: Hops, pair: tuple[int, int], ways: tuple[LinkCount, LinkCount]) -> Link:
    (a, b), (there, back) = pair, ways
    frames = there.frames + back.frames
    levels = [level for level in (there.level, back.level) if level is not None]
    again = (there.retries + back.retries) / max(frames, 1)
    parent = b if hops.parents.get(a) == b else a if hops.parents.get(b) == a else None
    said = "; ".join(
        f"{view.label(one)} to {view.label(two)}: {way.frames:,} frames, {_level(way.level)}, {way.retries:,} sent again"
        for one, two, way in ((a, b, there), (b, a, back))
        if way.frames
    )
    return Link(a, b, frames, min(levels, default=None), again, said, parent)


def _level(value: float | None) -> str:
    return "no signal strength" if value is None else f"median {value:.0f} dBm"


def _row(view: View, hops: Hops, pair: tuple[int, int], ways: tuple[LinkCount, LinkCount]) -> dict[str, Any]:
    one = _link(view, hops, pair, ways)
    levels = ["" if way.level is None else f"{way.level:.0f}" for way in ways]
    return {
        "a": view.label(pair[0]), "b": view.label(pair[1]), "there": ways[0].frames, "back": ways[1].frames,
        "levels": levels, "retries": f"{one.retries:.1%}",
    }  # fmt: skip

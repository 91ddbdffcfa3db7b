"""The map of a network as inline SVG: every line is a hop that was heard, and goes through no station but its ends."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analysis.report.charts import WIDTH, escape
from analysis.report.markup import Markup

__all__ = ["Link", "Station", "network_map"]

FEW = 14
"""Stations around the middle that stand on one ring; of more every second stands on an inner one."""
WORDS_UP_TO = 24
"""Links that carry their numbers; of more, the table beside the map has them."""
CLEAR = 42.0
"""Pixels that a line keeps from the stations that it does not join."""
BENDS = (0.0, 0.16, -0.16, 0.3, -0.3, 0.45, -0.45, 0.65, -0.65)
"""How far a line may bend, in parts of its length."""
WEAK, FAINT = -75.0, -85.0
"""dBm from which on a link is called weak and faint: a receiver of IEEE 802.15.4-2011 (clause 10.3.4) needs -85 dBm."""
LOSING = 0.15
"""Share of frames sent again from which on a link is drawn in dashes."""
NAME = 26
SPOTS = (0.5, 0.42, 0.58, 0.36, 0.64, 0.3, 0.7, 0.25, 0.75)
"""Where along a line its numbers may stand."""
LETTER = 5.6
"""Pixels that a letter of them takes, about."""
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Station:
    """One radio of the map: `address` is what its name does not tell, `lines` what stands under it besides."""

    key: int
    name: str
    address: str
    detail: str
    frames: int


@dataclass(frozen=True, slots=True)
class Link:
    """Traffic between two stations, either way.

    Attributes:
        level: median signal strength of the weaker way in dBm; None where none is known.
        retries: share of the frames that were sent again.
        parent: which end is the other's parent; None for neither.
    """

    a: int
    b: int
    frames: int
    level: float | None
    retries: float
    detail: str
    parent: int | None = None

    @property
    def words(self) -> str:
        """What stands at the line."""
        level = "" if self.level is None else f" · {self.level:.0f} dBm"
        again = f" · {self.retries:.1%} again" if self.retries >= 0.0005 else ""
        return f"{self.frames:,}{level}{again}"

    @property
    def kind(self) -> str:
        """Its class in the page."""
        if self.level is None:
            signal = "unknown"
        else:
            signal = "strong" if self.level > WEAK else "weak" if self.level > FAINT else "faint"
        return f"link {signal}" + (" losing" if self.retries > LOSING and self.frames > 20 else "")


def network_map(stations: Sequence[Station], links: Sequence[Link]) -> Markup:
    """Stations on a ring around the first; the width of a line grows with its frames."""
    if not stations:
        return Markup("")
    height = 520 if len(stations) <= FEW else 760
    places = _places(stations, height)
    drawn = [link for link in links if link.a in places and link.b in places]
    out = [f'<svg class="map" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="network map">', HEAD]
    curves = [(link, _curve(link, places)) for link in drawn]
    most = max((link.frames for link in drawn), default=1)
    out += [_line(link, curve, most) for link, curve in curves]
    if len(curves) <= WORDS_UP_TO:
        out += _words(curves, [(x, y + 24) for x, y in places.values()])
    out += [_station(n, station, places[station.key]) for n, station in enumerate(stations)]
    return Markup("".join([*out, "</svg>"]))


HEAD = (
    '<defs><marker id="to-parent" viewBox="0 0 8 8" refX="4" refY="4" markerWidth="9" markerHeight="9" '
    'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8Z"/></marker></defs>'
)


def _places(stations: Sequence[Station], height: int) -> dict[int, Point]:
    middle = (WIDTH / 2, height / 2 - 12)
    count = len(stations) - 1
    places = {stations[0].key: middle}
    for n, station in enumerate(stations[1:]):
        angle = 2 * math.pi * (n + 0.5) / max(count, 1) - math.pi / 2
        ring = 1.0 if count < FEW or n % 2 else 0.62
        places[station.key] = (
            middle[0] + (WIDTH / 2 - 110) * ring * math.cos(angle),
            middle[1] + (height / 2 - 62) * ring * math.sin(angle),
        )
    return places


def _curve(link: Link, places: dict[int, Point]) -> tuple[Point, Point, Point]:
    """Begin, handle and end of a line that keeps clear of all other stations, as far as it can."""
    begin, end = places[link.a], places[link.b]
    others = [place for key, place in places.items() if key not in (link.a, link.b)]
    best, most = (begin, _middle(begin, end), end), -1.0
    for bend in BENDS:
        across = (end[1] - begin[1]) * bend, (begin[0] - end[0]) * bend
        middle = _middle(begin, end)
        handle = middle[0] + 2 * across[0], middle[1] + 2 * across[1]
        points = [_at(begin, handle, end, part / 16) for part in range(17)]
        clear = min((math.dist(point, other) for point in points for other in others), default=CLEAR)
        if clear > most:
            best, most = (begin, handle, end), clear
        if most >= CLEAR:
            break
    return best


def _middle(one: Point, two: Point) -> Point:
    return (one[0] + two[0]) / 2, (one[1] + two[1]) / 2


def _at(begin: Point, handle: Point, end: Point, part: float) -> Point:
    rest = 1 - part
    x, y = (
        rest * rest * begin[axis] + 2 * rest * part * handle[axis] + part * part * end[axis]
        for axis in (0, 1)
    )
    return x, y


def _line(link: Link, curve: tuple[Point, Point, Point], most: int) -> str:
    if link.parent == link.a:
        curve = (curve[2], curve[1], curve[0])
    half = _at(*curve, 0.5)
    first, second = _middle(curve[0], curve[1]), _middle(curve[1], curve[2])
    # In two halves, between which the mark stands.
    path = f"M{_xy(curve[0])}Q{_xy(first)} {_xy(half)}Q{_xy(second)} {_xy(curve[2])}"
    wide = 1.2 + 7 * math.sqrt(link.frames / max(most, 1))
    mark = "" if link.parent is None else ' marker-mid="url(#to-parent)"'
    return (
        f'<path class="{link.kind}" d="{path}" stroke-width="{wide:.1f}"{mark}>'
        f"<title>{escape(link.detail)}</title></path>"
    )


def _words(
    curves: Sequence[tuple[Link, tuple[Point, Point, Point]]], stations: Sequence[Point]
) -> Iterator[str]:
    """The numbers at the lines, moved along them to where none stand yet."""
    taken: list[tuple[Point, float]] = [(place, 90.0) for place in stations]
    for link, curve in curves:
        half = LETTER * len(link.words) / 2
        spots = [_at(*curve, part) for part in SPOTS]
        room = [
            min(max(abs(x - a) - half - wide, 2 * abs(y - 7 - b) - 28) for (a, b), wide in taken)
            for x, y in spots
        ]
        x, y = next(
            (spot for spot, free in zip(spots, room, strict=True) if free > 0), spots[room.index(max(room))]
        )
        taken.append(((x, y - 7), half))
        yield f'<text class="tick halo" x="{x:.1f}" y="{y - 7:.1f}" text-anchor="middle">{escape(link.words)}</text>'


def _station(number: int, one: Station, place: Point) -> str:
    x, y = place
    size = 9 + min(8, math.log1p(one.frames))
    kind = "hub" if number == 0 else "node"
    name = one.name if len(one.name) <= NAME else one.name[: NAME - 1] + "…"
    return (
        f'<g class="station"><circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}"/>'
        f'<text class="halo" x="{x:.1f}" y="{y + size + 14:.1f}" text-anchor="middle">{escape(name)}</text>'
        f'<text class="tick halo" x="{x:.1f}" y="{y + size + 28:.1f}" text-anchor="middle">{escape(one.address)}</text>'
        f"<title>{escape(one.detail)}</title></g>"
    )


def _xy(place: Point) -> str:
    return f"{place[0]:.1f} {place[1]:.1f}"

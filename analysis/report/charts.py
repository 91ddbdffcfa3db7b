"""Drawings of the report as inline SVG: traffic over time, shares, the network map. Text is escaped here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape as escape_markup

from markupsafe import Markup

from dissectors.text import printable

__all__ = ["Link", "Series", "Station", "bars", "network_map", "stacked_columns"]

WIDTH = 960


def escape(text: str) -> str:
    """`text` as it may stand in the page, in an attribute too."""
    return escape_markup(printable(text))


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of a stacked chart."""

    name: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Station:
    """One radio of the map."""

    key: int
    label: str
    detail: str
    role: str
    frames: int


@dataclass(frozen=True, slots=True)
class Link:
    """Traffic between two stations, either way."""

    a: int
    b: int
    frames: int
    detail: str
    poor: bool = field(default=False)


def stacked_columns(ticks: Sequence[str], series: Sequence[Series], unit: str, height: int = 220) -> Markup:
    """Columns over time, one colour per series."""
    columns = len(series[0].values) if series else 0
    totals = [sum(s.values[i] for s in series) for i in range(columns)]
    top = _nice(max(totals, default=0.0))
    left, bottom, plot = 56, 28, height - 40
    step = (WIDTH - left - 8) / max(columns, 1)
    out = [_svg(height, f"{unit} over time")]
    for part in range(5):
        y = 8 + plot * (1 - part / 4)
        out.append(f'<line class="grid" x1="{left}" x2="{WIDTH - 8}" y1="{y:.1f}" y2="{y:.1f}"/>')
        place, value = f'x="{left - 6}" y="{y + 4:.1f}"', f"{top * part / 4:,.0f}"
        out.append(f'<text class="tick" {place} text-anchor="end">{value}</text>')
    for i in range(columns):
        base = 8.0 + plot
        for n, one in enumerate(series):
            size = plot * one.values[i] / top if top else 0
            if size <= 0:
                continue
            base -= size
            says = escape(f"{one.name}: {one.values[i]:,.0f} {unit}, {ticks[i]}")
            x, width = left + i * step + 0.5, max(step - 1, 0.8)
            place = f'x="{x:.1f}" y="{base:.1f}" width="{width:.1f}"'
            out.append(f'<rect class="s{n % 8}" {place} height="{size:.1f}"><title>{says}</title></rect>')
    for i in _spaced(columns, 6):
        x = left + (i + 0.5) * step
        place = f'x="{x:.1f}" y="{height - bottom + 22}"'
        out.append(f'<text class="tick" {place} text-anchor="middle">{escape(ticks[i])}</text>')
    return Markup("".join([*out, "</svg>"]))


def bars(rows: Sequence[tuple[str, float, str]]) -> Markup:
    """Horizontal bars: label, value, and what stands at the end of the bar."""
    height = 26 * max(len(rows), 1) + 6
    top = max((value for _, value, _ in rows), default=0.0) or 1.0
    out = [_svg(height, "shares")]
    for n, (label, value, says) in enumerate(rows):
        y = n * 26 + 4
        size = max(560 * value / top, 1.5)
        out.append(f'<text class="label" x="190" y="{y + 14}" text-anchor="end">{escape(label)}</text>')
        out.append(f'<rect class="s0" x="200" y="{y + 2}" width="{size:.1f}" height="16" rx="2"/>')
        out.append(f'<text class="tick" x="{208 + size:.1f}" y="{y + 14}">{escape(says)}</text>')
    return Markup("".join([*out, "</svg>"]))


def network_map(stations: Sequence[Station], links: Sequence[Link]) -> Markup:
    """Stations on a ring around the busiest; the width of a line grows with its frames."""
    if not stations:
        return Markup("")
    count = len(stations) - 1
    height = 460 if count < 14 else 680
    places = {stations[0].key: (WIDTH / 2, height / 2)}
    for n, station in enumerate(stations[1:]):
        angle = 2 * math.pi * n / max(count, 1) - math.pi / 2
        ring = 1.0 if count < 14 or n % 2 else 0.66
        places[station.key] = (
            WIDTH / 2 + (WIDTH / 2 - 150) * ring * math.cos(angle),
            height / 2 + (height / 2 - 50) * ring * math.sin(angle),
        )
    out = [_svg(height, "network map")]
    most = max((link.frames for link in links), default=1)
    for link in links:
        if link.a in places and link.b in places:
            (x1, y1), (x2, y2) = places[link.a], places[link.b]
            wide = 1 + 5 * math.log1p(link.frames) / math.log1p(most)
            kind = "link poor" if link.poor else "link"
            out.append(
                f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
                f'stroke-width="{wide:.1f}"><title>{escape(link.detail)}</title></line>'
            )
    for n, station in enumerate(stations):
        x, y = places[station.key]
        size = 9 + min(8, math.log1p(station.frames))
        kind, says = "hub" if n == 0 else "node", escape(_short(station.label))
        out.append(
            f'<g class="station"><circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}"/>'
            f'<text x="{x:.1f}" y="{y + size + 14:.1f}" text-anchor="middle">{says}</text>'
            f"<title>{escape(station.label)}\n{escape(station.detail)}</title></g>"
        )
    return Markup("".join([*out, "</svg>"]))


def _svg(height: int, says: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(says)}">'


def _short(text: str, size: int = 30) -> str:
    return text if len(text) <= size else text[: size - 1] + "…"


def _nice(value: float) -> float:
    if value <= 4:
        return 4.0
    power = float(10 ** math.floor(math.log10(value)))
    return next(m * power for m in (1, 2, 4, 5, 8, 10, 20) if m * power >= value)


def _spaced(count: int, wanted: int) -> list[int]:
    step = max(1, math.ceil(count / wanted)) if count else 1
    return list(range(0, count, step))

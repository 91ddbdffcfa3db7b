"""Drawings of the report as inline SVG: traffic over time, shares, when things happened. Text is escaped here.

Strategy: what lies over time is a plot of its own inside the drawing, so that the script of the page zooms by telling
 which part of the plot is shown (`templates/report.js`); without it the whole is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape as escape_markup

from analysis.report.axes import Clock, round_top, time_marks
from analysis.report.markup import Markup
from dissectors.text import printable

__all__ = ["Lane", "Mark", "Series", "Span", "bars", "lanes", "stacked_areas"]

WIDTH, LEFT, RIGHT, TOP, FOOT = 960, 56, 16, 8, 26
UNITS = 1000
"""Width of a plot in its own units."""
LANE, HEAD = 34, 16
TOLD = 48
"""Parts of the time whose numbers are told where somebody points at them."""


def escape(text: str) -> str:
    """`text` as it may stand in the page, in an attribute too."""
    return escape_markup(printable(text))


@dataclass(frozen=True, slots=True)
class Span:
    """The time that is drawn, in seconds of the capture."""

    begin: float
    end: float
    clock: Clock

    def part(self, seconds: float) -> float:
        """Where `seconds` stand, from 0 to 1."""
        return (seconds - self.begin) / max(self.end - self.begin, 1e-9)


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of a stacked chart."""

    name: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment, what is said of it, and where it leads to in the page."""

    seconds: float
    text: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Lane:
    """What happened of one kind: its name, how grave it is, its moments."""

    name: str
    severity: str
    marks: Sequence[Mark]
    link: str = ""


def stacked_areas(span: Span, series: Sequence[Series], unit: str, height: int = 220) -> Markup:
    """Areas over time in steps, one colour per series, each on top of the one before."""
    columns = len(series[0].values) if series else 0
    totals = [sum(one.values[at] for one in series) for at in range(columns)]
    top, step = round_top(max(totals, default=0.0))
    plot = height - TOP - FOOT
    out = [_svg(height, f"{unit} over time", span), *_levels(top, step, plot)]
    out.append(_plot(TOP, plot))
    base = [0.0] * columns
    for number, one in enumerate(series):
        upper = [low + value for low, value in zip(base, one.values, strict=True)]
        out.append(f'<path class="s{number % 8}" d="{_steps(base, upper, top, plot)}"/>')
        base = upper
    return Markup(
        "".join([*out, *_told(span, series, unit, plot), "</svg>", *_times(span, height), "</svg>"])
    )


def _steps(base: Sequence[float], upper: Sequence[float], top: float, plot: int) -> str:
    """The outline of an area: along its upper edge and back along its lower one."""
    wide = UNITS / max(len(upper), 1)
    out, here = [f"M0 {plot * (1 - base[0] / top):.1f}" if base else "M0 0"], 0.0
    for edge, order in ((upper, range(len(upper))), (base, range(len(base) - 1, -1, -1))):
        level = None
        for at in order:
            begin, end = (at * wide, (at + 1) * wide) if edge is upper else ((at + 1) * wide, at * wide)
            if edge[at] != level:
                if level is not None:
                    out.append(f"H{begin:.1f}")
                out.append(f"V{plot * (1 - edge[at] / top):.1f}")
                level = edge[at]
            here = end
        out.append(f"H{here:.1f}")
    return "".join([*out, "Z"])


def _told(span: Span, series: Sequence[Series], unit: str, plot: int) -> Iterator[str]:
    """Fields that say the numbers of a part of the time to whom points there."""
    columns = len(series[0].values) if series else 0
    parts = min(TOLD, columns)
    for part in range(parts):
        low, high = part * columns // parts, (part + 1) * columns // parts
        counts = [(one.name, sum(one.values[low:high])) for one in series]
        said = ", ".join(f"{name} {count:,.0f}" for name, count in counts if count)
        if said:
            size = (span.end - span.begin) / columns
            begin, end = (span.clock.text(span.begin + at * size, min(size, 1)) for at in (low, high))
            place = f'x="{low * UNITS / columns:.1f}" width="{(high - low) * UNITS / columns:.1f}" height="{plot}"'
            yield f'<rect class="told" {place}><title>{escape(f"{begin} to {end}, {unit}: {said}")}</title></rect>'


def lanes(span: Span, rows: Sequence[Lane], says: str) -> Markup:
    """A lane for each kind of thing that happened, with its moments on it."""
    height = TOP + LANE * len(rows) + FOOT
    out = [_svg(height, says, span)]
    for number, one in enumerate(rows):
        y = TOP + LANE * number
        name = f'<text class="label" x="{LEFT}" y="{y + 12}">{escape(_short(one.name, 120))}</text>'
        out.append(f'<a href="{escape(one.link)}">{name}</a>' if one.link else name)
        line = f'x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y + HEAD + 8}" y2="{y + HEAD + 8}"'
        out.append(f'<line class="grid" {line}/>')
    out.append(_plot(TOP, LANE * len(rows)))
    for number, one in enumerate(rows):
        y = LANE * number + HEAD
        out.extend(_mark(span, one.severity, mark, y) for mark in one.marks)
    return Markup("".join([*out, "</svg>", *_times(span, height), "</svg>"]))


def _mark(span: Span, severity: str, mark: Mark, y: int) -> str:
    x = f"{span.part(mark.seconds) * UNITS:.2f}"
    line = f'<line class="mark {severity}" x1="{x}" x2="{x}" y1="{y}" y2="{y + 15}"'
    drawn = f"{line}><title>{escape(mark.text)}</title></line>"
    return f'<a href="{escape(mark.link)}">{drawn}</a>' if mark.link else drawn


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


def _levels(top: int, step: int, plot: int) -> Iterator[str]:
    for value in range(0, top + 1, step):
        y = TOP + plot * (1 - value / top)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="tick" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:,}</text>'


def _times(span: Span, height: int) -> Iterator[str]:
    """The marks below the plot, which the script draws anew for the part that is shown."""
    yield '<g class="times">'
    for seconds, text in time_marks(span.clock, span.begin, span.end):
        x = LEFT + span.part(seconds) * (WIDTH - LEFT - RIGHT)
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{height - FOOT}" y2="{height - FOOT + 5}"/>'
        yield f'<text class="tick" x="{x:.1f}" y="{height - 6}" text-anchor="middle">{escape(text)}</text>'
    yield "</g>"


def _plot(top: int, height: int) -> str:
    wide = WIDTH - LEFT - RIGHT
    return (
        f'<svg class="plot" x="{LEFT}" y="{top}" width="{wide}" height="{height}" viewBox="0 0 {UNITS} {height}" '
        'preserveAspectRatio="none">'
    )


def _svg(height: int, says: str, span: Span | None = None) -> str:
    over = ""
    if span is not None:
        start = "" if span.clock.start is None else f"{span.clock.start:.6f}"
        over = (
            f' class="over-time" data-begin="{span.begin:.6f}" data-end="{span.end:.6f}" data-start="{start}"'
        )
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(says)}"{over}>'


def _short(text: str, size: int) -> str:
    return text if len(text) <= size else text[: size - 1] + "…"

"""A ladder as a picture (SVG), and as a page that needs nothing else (HTML)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from analysis.tables.html import text as escaped
from analysis.views.ladder import Ladder, Line, Step

__all__ = ["STYLE", "page", "svg"]

LEFT, TOP, ROW = 190, 70, 26
NARROW, WIDE = 110, 190
"""Pixels between two parties, as their names need them."""
LETTER = 7
"""Pixels that a letter takes, about."""
Links = Callable[[int], str]
STYLE = """
.ladder{font:13px system-ui,sans-serif;background:#fff;color:#1b1f24}
.ladder text{fill:#1b1f24}.ladder .life{stroke:#b8c0cc}.ladder .arrow{stroke:#1f5fa8;fill:#1f5fa8}
.ladder .time{fill:#5a6472;font:12px ui-monospace,monospace}.ladder .name{font-weight:600}
.ladder .line{font-weight:600}.ladder .silence{fill:#5a6472;font-style:italic}
.ladder .ok{fill:#1a7f37}.ladder .refused,.ladder .failed{fill:#b42318}
.ladder .unanswered,.ladder .incomplete{fill:#9a6700}.ladder .running{fill:#1f5fa8}
@media (prefers-color-scheme:dark){.ladder{background:#15181d;color:#e6e9ee}.ladder text{fill:#e6e9ee}
.ladder .life{stroke:#3d4654}.ladder .arrow{stroke:#7db4f0;fill:#7db4f0}.ladder .time,.ladder .silence{fill:#9aa5b4}
.ladder .ok{fill:#5fc97e}.ladder .refused,.ladder .failed{fill:#ff8f85}
.ladder .unanswered,.ladder .incomplete{fill:#e3b341}.ladder .running{fill:#7db4f0}}
"""


def svg(ladder: Ladder, links: Links | None = None) -> str:
    """The ladder as one SVG element, with its style in it.

    Args:
        links: of a picture inside a page that has `STYLE`: where a frame is to be found there; empty for one that is not.
    """
    left = _left(ladder)
    width = _x(ladder, max(len(ladder.parties) - 1, 0)) + 40 + LETTER * _longest(ladder) - left
    height = TOP + ROW * (len(ladder.entries) + 1)
    body = "".join([*_parties(ladder, height), *_rows(ladder, links)])
    name, style = ("", "") if links else (' xmlns="http://www.w3.org/2000/svg"', f"<style>{STYLE}</style>")
    return (
        f'<svg{name} class="ladder" viewBox="{left} 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img"><title>{escaped(ladder.title)}</title>{style}{body}</svg>'
    )


def _longest(ladder: Ladder) -> int:
    """Letters of the longest text beside the arrows."""
    return max((len(_said(one) if isinstance(one, Step) else one.text) for one in ladder.entries), default=0)


def page(ladder: Ladder) -> str:
    """A page with the ladder, and its steps as a table for who cannot see it."""
    title = escaped(ladder.title)
    rows = "".join(
        f"<tr><td>{one.when}</td><td>{one.frames[0]}</td><td>{_party(ladder, one.source)}</td>"
        f"<td>{_party(ladder, one.target)}</td><td>{escaped(one.said)}</td></tr>"
        for one in ladder.steps
    )
    clock = "time" if any(one.shown_time for one in ladder.steps) else "seconds"
    head = "".join(f"<th>{name}</th>" for name in (clock, "frame", "from", "to", "what"))
    more = f"<p>... and {ladder.left_out:,} more frames</p>" if ladder.left_out else ""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>body{{margin:1.5rem;'
        "font:14px system-ui,sans-serif;color-scheme:light dark}table{border-collapse:collapse}td,th{padding:.2rem "
        ".6rem;text-align:left;border-bottom:1px solid #8884}.wide{overflow-x:auto}</style>"
        f"<h1>{title}</h1><p>{escaped(ladder.source)}</p><div class=wide>{svg(ladder)}</div>{more}"
        f"<details><summary>As a table</summary><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        "</details></html>\n"
    )


def _party(ladder: Ladder, place: int | None) -> str:
    return "all" if place is None else escaped(ladder.parties[place].name)


def _left(ladder: Ladder) -> int:
    """Where the picture begins: further left where times are long."""
    longest = max((len(one.when) for one in ladder.steps), default=0)
    return -7 * max(0, longest - 9)


def _x(ladder: Ladder, place: int) -> int:
    longest = max((len(one.name) for one in ladder.parties), default=0)
    return LEFT + min(max(LETTER * longest + 24, NARROW), WIDE) * place


def _text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}">{escaped(words)}</text>'


def _parties(ladder: Ladder, height: int) -> Iterator[str]:
    yield _text(10 + _left(ladder), 20, ladder.title, "name")
    for place, one in enumerate(ladder.parties):
        x = _x(ladder, place)
        yield _text(x, 44, one.name, "name", "middle")
        yield _text(x, 60, one.role or one.address, "time", "middle")
        yield f'<line class="life" x1="{x}" y1="{TOP}" x2="{x}" y2="{height - ROW}"/>'


def _rows(ladder: Ladder, links: Links | None) -> Iterator[str]:
    left = 10 + _left(ladder)
    words = _x(ladder, max(len(ladder.parties) - 1, 0)) + 24
    for number, one in enumerate(ladder.entries):
        y = TOP + ROW * (number + 1)
        if isinstance(one, Line):
            kind = "silence" if one.kind == "silence" else f"line {one.outcome}"
            told = one.text if one.kind == "silence" else f"#{one.exchange} {one.text}"
            yield _text(left, y + 4, told, kind)
            continue
        yield _text(left, y + 4, one.when, "time")
        frame, place = one.frames[0], links(one.frames[0]) if links else ""
        shown = _text(LEFT - 60, y + 4, f"#{frame}", "time", "end")
        yield f'<a href="{escaped(place)}">{shown}</a>' if place else shown
        yield _arrow(ladder, one, y)
        yield _text(words, y + 4, _said(one))


def _arrow(ladder: Ladder, one: Step, y: int) -> str:
    start = _x(ladder, one.source)
    if one.target is None or one.target == one.source:
        return f'<circle class="arrow" cx="{start}" cy="{y}" r="4"/>'
    end = _x(ladder, one.target)
    tip = end - 8 if end > start else end + 8
    head = f"{end},{y} {tip},{y - 4} {tip},{y + 4}"
    dash = ' stroke-dasharray="5 3"' if not one.acknowledged else ""
    return (
        f'<line class="arrow" x1="{start}" y1="{y}" x2="{tip}" y2="{y}"{dash}/>'
        f'<polygon class="arrow" points="{head}"/>'
    )


def _said(one: Step) -> str:
    out = one.said + (" (to all)" if one.target is None else "")
    if one.answer is not None:
        out += f" [after {one.answer * 1000:,.0f} ms]"
    return out + (f" [sent again {one.retries} x]" if one.retries else "")

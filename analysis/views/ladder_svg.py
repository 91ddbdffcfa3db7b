"""A ladder as a picture (SVG), and as a page that needs nothing else (HTML)."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.tables.html import text as escaped
from analysis.views.ladder import Ladder, Line, Step

__all__ = ["page", "svg"]

LEFT, TOP, COLUMN, ROW, WORDS = 150, 70, 190, 26, 560
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


def svg(ladder: Ladder) -> str:
    """The ladder as one SVG element, with its style in it."""
    width = LEFT + COLUMN * max(len(ladder.parties), 1) + WORDS
    height = TOP + ROW * (len(ladder.entries) + 2)
    body = "".join([*_parties(ladder, height), *_rows(ladder)])
    title, left = escaped(ladder.title), _left(ladder)
    width -= left
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="ladder" viewBox="{left} 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img"><title>{title}</title><style>{STYLE}</style>{body}</svg>'
    )


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


def _x(place: int) -> int:
    return LEFT + COLUMN * place


def _text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}">{escaped(words)}</text>'


def _parties(ladder: Ladder, height: int) -> Iterator[str]:
    yield _text(10 + _left(ladder), 20, ladder.title, "name")
    for place, one in enumerate(ladder.parties):
        x = _x(place)
        yield _text(x, 44, one.name, "name", "middle")
        yield _text(x, 60, one.role or one.address, "time", "middle")
        yield f'<line class="life" x1="{x}" y1="{TOP}" x2="{x}" y2="{height - ROW}"/>'


def _rows(ladder: Ladder) -> Iterator[str]:
    left = 10 + _left(ladder)
    words = _x(max(len(ladder.parties) - 1, 0)) + 24
    for number, one in enumerate(ladder.entries):
        y = TOP + ROW * (number + 1)
        if isinstance(one, Line):
            kind = "silence" if one.kind == "silence" else f"line {one.outcome}"
            told = one.text if one.kind == "silence" else f"#{one.exchange} {one.text}"
            yield _text(left, y + 4, told, kind)
            continue
        yield _text(left, y + 4, one.when, "time")
        yield _text(LEFT - 70, y + 4, f"#{one.frames[0]}", "time", "end")
        yield _arrow(one, y)
        yield _text(words, y + 4, _said(one))


def _arrow(one: Step, y: int) -> str:
    start = _x(one.source)
    if one.target is None or one.target == one.source:
        return f'<circle class="arrow" cx="{start}" cy="{y}" r="4"/>'
    end = _x(one.target)
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

"""HTML for notebooks (`_repr_html_`): what came from a capture is printable and escaped; nothing secret gets here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from dissectors.text import printable

__all__ = ["block", "facts_table", "heading", "rows_table", "text"]

MOST_ROWS = 60
"""Rows of a table that a notebook shows; the object has them all."""


def text(value: Any) -> str:
    """A value as it may stand in a page; nothing for None.

    >>> text("<b>")
    '&lt;b&gt;'
    """
    return "" if value is None else escape(printable(str(value)))


def heading(line: str) -> str:
    """A line in bold."""
    return f"<p><b>{text(line)}</b></p>"


def block(lines: Iterable[str]) -> str:
    """Lines as they are, in a fixed-width font."""
    return '<pre style="line-height:1.25">' + "\n".join(text(line) for line in lines) + "</pre>"


def facts_table(facts: Iterable[tuple[str, Any]]) -> str:
    """Names and values, a row each; what is empty is left out.

    >>> facts_table([("rule", "nwk-replay"), ("incident", None)]).count("<tr>")
    1
    """
    left = ' style="text-align:left"'
    rows = (
        f"<tr><th{left}>{text(name)}</th><td{left}>{text(value)}</td></tr>"
        for name, value in facts
        if value not in (None, "", ())
    )
    return f"<table><tbody>{''.join(rows)}</tbody></table>"


def rows_table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table with a header; how many rows were left out is said below it."""
    head = "".join(f"<th>{text(name)}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f'<td style="text-align:left">{text(cell)}</td>' for cell in row) + "</tr>"
        for row in rows[:MOST_ROWS]
    )
    more = len(rows) - MOST_ROWS
    tail = f"<p>... and {more:,} more</p>" if more > 0 else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{tail}"

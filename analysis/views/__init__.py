"""Other ways to look: trees, filters, statistics, differences, tshark.

Its names resolve on first use, so that nobody loads what nobody asks for.
"""

from typing import Any

from analysis import resolved

_WHERE = {
    "FilterError": "analysis.views.filters",
    "Shown": "analysis.views.frame",
    "parse_filter": "analysis.views.filters",
}


def __getattr__(name: str) -> Any:
    return resolved(__name__, name, _WHERE)


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})

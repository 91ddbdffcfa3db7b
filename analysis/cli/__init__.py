"""The command line: verbs, their arguments, what they print.

Its names resolve on first use, so that nobody loads what nobody asks for.
"""

from typing import Any

from analysis import resolved

_WHERE = {
    "SINGLE_THREADED": "analysis.cli.program",
    "VERBS": "analysis.cli.program",
    "main": "analysis.cli.program",
    "run": "analysis.cli.program",
}


def __getattr__(name: str) -> Any:
    return resolved(__name__, name, _WHERE)


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})

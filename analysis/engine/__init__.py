"""Running the rules over a capture: windows, evidence, incidents.

Its names resolve on first use, so that nobody loads what nobody asks for.
"""

from typing import Any

from analysis import resolved

_WHERE = {
    "Checking": "analysis.engine.checking",
    "check": "analysis.engine.checking",
    "check_capture": "analysis.engine.checking",
}


def __getattr__(name: str) -> Any:
    return resolved(__name__, name, _WHERE)


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})

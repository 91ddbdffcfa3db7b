"""From a capture to its tables, a block of frames at a time.

Its names resolve on first use, so that nobody loads what nobody asks for.
"""

from typing import Any

from analysis import resolved

_WHERE = {
    "DECODED_TABLES": "analysis.pipeline.decode",
    "Decoded": "analysis.pipeline.decode",
    "Reading": "analysis.pipeline.decode",
    "Replay": "analysis.pipeline.source",
    "Session": "analysis.pipeline.session",
    "Window": "analysis.pipeline.windows",
    "readings": "analysis.pipeline.decode",
}


def __getattr__(name: str) -> Any:
    return resolved(__name__, name, _WHERE)


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})

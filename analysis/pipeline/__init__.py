"""From a capture to its tables, a block of frames at a time.

Its names resolve on first use, so that nobody loads what nobody asks for.
"""

from typing import Any

from analysis import resolved

_WHERE = {
    "DECODED_TABLES": "analysis.pipeline.passes",
    "DecodePass": "analysis.pipeline.passes",
    "Decoded": "analysis.pipeline.decode",
    "DecodedBlock": "analysis.pipeline.passes",
    "LivePass": "analysis.pipeline.live",
    "ReopenableSource": "analysis.pipeline.source",
    "Replay": "analysis.pipeline.source:ReopenableSource",
    "Session": "analysis.pipeline.session",
    "Sink": "analysis.pipeline.sinks",
    "Window": "analysis.pipeline.windows",
    "TableSink": "analysis.pipeline.decode",
    "run_live": "analysis.pipeline.live",
    "run_passes": "analysis.pipeline.runner",
}


def __getattr__(name: str) -> Any:
    return resolved(__name__, name, _WHERE)


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})

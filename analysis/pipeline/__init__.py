"""From a capture to its tables, a block of frames at a time.

Its names resolve on first use, so that nobody loads what nobody asks for.
"""

from dissectors.modules import public_names

__getattr__, __dir__, __all__ = public_names(
    __name__,
    {
        "decode": "Decoded TableSink",
        "live": "LivePass run_live",
        "passes": "DECODED_TABLES DecodePass DecodedBlock",
        "runner": "run_passes",
        "session": "Session",
        "sinks": "Sink",
        "source": "ReopenableSource Replay:ReopenableSource",
        "windows": "Window",
    },
)

"""hanscope as a library: ``import hanscope as hs``.

    >>> import hanscope as hs
    >>> capture = hs.open("captures/samples/install-day.pcapng", keys="captures/samples/install-day.keys.toml")
    >>> capture.frame(1).summary
    'Beacon Request'
    >>> hs.message("DD 00").readable
    False

Nothing is defined here: the functions and classes live in `analysis.api`, and load what they need when it is used.
"""

from analysis.api import (
    Capture,
    Captures,
    Findings,
    FoundFrame,
    FoundMessage,
    Keys,
    Simulation,
    build,
    fleet,
    message,
    simulate,
)
from analysis.api import open_captures as open  # noqa: A004

__all__ = [
    "Capture",
    "Captures",
    "Findings",
    "FoundFrame",
    "FoundMessage",
    "Keys",
    "Simulation",
    "build",
    "fleet",
    "message",
    "open",
    "simulate",
]

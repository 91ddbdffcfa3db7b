"""A capture in the browser, and the same for programs: a server on this machine, its API, and its pages (extra `web`).

Its names resolve on first use, so that nobody loads what nobody asks for.
"""

from dissectors.modules import public_names

__getattr__, __dir__, __all__ = public_names(
    __name__,
    {
        "endpoints": "BadRequest Endpoint Parameter",
        "opened": "OpenedCapture",
        "server": "Settings application",
        "store": "CaptureStore",
    },
)

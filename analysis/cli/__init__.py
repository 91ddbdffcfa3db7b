"""The command line: verbs, their arguments, what they print.

Its names resolve on first use, so that nobody loads what nobody asks for.
"""

from dissectors.modules import public_names

__getattr__, __dir__, __all__ = public_names(
    __name__,
    {
        "program": "SINGLE_THREADED VERBS main run",
    },
)

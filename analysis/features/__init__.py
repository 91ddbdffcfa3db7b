"""What many rules share: the view of the tables, stations, polls, repeats, what the sniffer missed.

Its names resolve on first use, so that nobody loads what nobody asks for.
"""

from dissectors.modules import public_names

__getattr__, __dir__, __all__ = public_names(
    __name__,
    {
        "view": "View",
    },
)

"""Other ways to look: trees, filters, statistics, differences, tshark.

Its names resolve on first use, so that nobody loads what nobody asks for.
"""

from dissectors.modules import public_names

__getattr__, __dir__, __all__ = public_names(
    __name__,
    {
        "filters": "FilterError parse_filter",
        "frame": "Shown",
    },
)

"""Running the rules over a capture: windows, evidence, incidents.

Its names resolve on first use, so that nobody loads what nobody asks for.
"""

from dissectors.modules import public_names

__getattr__, __dir__, __all__ = public_names(
    __name__,
    {
        "checking": "Checking check check_capture",
    },
)

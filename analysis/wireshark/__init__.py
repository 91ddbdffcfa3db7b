"""What hanscope knows, inside Wireshark: copies of captures with comments, and the script that makes fields of them.

Its names resolve on first use, so that nobody loads what nobody asks for.
"""

from dissectors.modules import public_names

__getattr__, __dir__, __all__ = public_names(
    __name__,
    {
        "annotating": "annotate",
        "installing": "install",
        "script": "FIELDS script",
    },
)

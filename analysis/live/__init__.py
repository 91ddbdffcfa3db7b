"""A network while it speaks: what is said of a live source as it comes, for terminals and programs.

Its names resolve on first use, so that nobody loads what nobody asks for.
"""

from dissectors.modules import public_names

__getattr__, __dir__, __all__ = public_names(
    __name__,
    {
        "judging": "LiveJudge",
        "kept_frames": "KeptFrames",
        "watching": "WatchSink",
    },
)

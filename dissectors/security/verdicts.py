"""Verdicts on secured frames, as the tables show them."""

__all__ = ["BAD_MIC", "NONE", "NO_KEY", "OK", "REPLAY", "VERDICTS"]

VERDICTS = ("none", "ok", "no_key", "bad_mic", "replay")
"""Not secured; opened; no key that is held opens it; its integrity code is wrong; its counter was used before."""
NONE, OK, NO_KEY, BAD_MIC, REPLAY = range(5)

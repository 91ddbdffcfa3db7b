"""Memory that was freed, given back to the system."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any

__all__ = ["give_back", "give_back_after"]

FRAMES = 50_000
"""Frames after which freed memory goes back to the system."""


def give_back_after(before: int, now: int) -> None:
    """Give freed memory back where another 50,000 frames were reached between two counts."""
    if now // FRAMES > before // FRAMES:
        give_back()


def give_back() -> None:
    """Give freed memory back, where the C library can (glibc, of Linux).

    It keeps what many short-lived arrays took, so that a process that listens for days seems to grow; one call takes some
    milliseconds.
    """
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    try:
        return ctypes.CDLL("libc.so.6").malloc_trim
    except (OSError, AttributeError):  # another C library, as that of Alpine
        return None

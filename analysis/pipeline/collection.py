"""Python's garbage collection while much is decoded."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

__all__ = ["seldom_collected"]

SELDOM = (50_000, 20, 20)
_lock = Lock()
_before: list[tuple[int, int, int]] = []


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Let Python look for cycles at every 50,000 objects that stay rather than at every 700: decoding makes many
    objects and no cycles, and a fifth of its time went into looking. What was set before comes back at the end."""
    with _lock:
        _before.append(gc.get_threshold())
        gc.set_threshold(*max(SELDOM, _before[0]))
    try:
        yield
    finally:
        with _lock:
            first = _before[0]
            _before.pop()
            if not _before:
                gc.set_threshold(*first)

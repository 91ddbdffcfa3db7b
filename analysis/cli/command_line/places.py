"""What a verb writes must not be what it reads, nor two of its files the same."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from analysis.cli.console import UsageError

__all__ = ["refuse_overwriting"]

Place = str | os.PathLike[str] | None


def refuse_overwriting(inputs: Iterable[Place], outputs: Iterable[Place]) -> None:
    """See that no output is an input or another output; ``-`` and None stand for no file.

    Raises:
        UsageError: one is.
    """
    taken = [path for one in inputs if (path := _file(one)) is not None]
    for one in outputs:
        path = _file(one)
        if path is None:
            continue
        if any(_same(path, other) for other in taken):
            raise UsageError(f"{one} would be written over itself", "name another file")
        taken.append(path)


def _file(place: Place) -> Path | None:
    if place is None or os.fspath(place) in ("", "-"):
        return None
    path = Path(place)
    try:
        # A FIFO or /dev/null can be read and written.
        return path if path.is_file() or not path.exists() else None
    except (OSError, ValueError):
        return None


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them is not there yet
        return one.resolve() == other.resolve()

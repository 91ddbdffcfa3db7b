"""How the command talks: exit codes, one-line errors, warnings and progress on stderr, data on stdout."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from analysis.views.usage import UsageError
from dissectors.text import json_text, printable

if TYPE_CHECKING:
    from analysis.pipeline.decode import Progress

__all__ = [
    "FINDINGS",
    "INTERRUPTED",
    "OK",
    "PARTLY",
    "UNREADABLE",
    "USAGE",
    "UsageError",
    "coloured",
    "error_line",
    "holds",
    "progress",
    "put",
    "put_json",
    "say",
    "tell_losses",
]

REFRESH_SECONDS = 0.1
OK, FINDINGS, USAGE, UNREADABLE, PARTLY, INTERRUPTED = 0, 1, 2, 3, 4, 130


def put(text: str = "", *, lead: str = "") -> None:
    """Data: one line to stdout, printable whatever `text` holds; `lead`, our own, goes before it raw."""
    sys.stdout.write(lead + printable(text) + "\n")


def put_json(value: Any, *, indent: int | None = 2) -> None:
    """One JSON document (or, with `indent` None, one line) to stdout."""
    sys.stdout.write(json_text(value, indent=indent) + "\n")


def say(text: str) -> None:
    """Talk: one line to stderr, whatever `text` holds."""
    sys.stderr.write(printable(text) + "\n")


def error_line(text: str, hint: str = "", pointed: tuple[str, ...] = ()) -> None:
    """An error in one line, its hint in another; between them lines that show where."""
    say("error: " + text)
    for line in pointed:
        say("  " + line)
    if hint:
        say("hint: " + hint)


def tell_losses(facts: Any, *, notes: bool = True) -> None:
    """Warn of every part of a capture that could not be read, and say what is to be known of it besides."""
    for one in facts.lost:
        say(f"warning: {facts.name}: offset 0x{one.offset:x}: {one.text}")
    for warning in facts.warnings:
        say(f"warning: {facts.name}: {warning}")
    for note in facts.notes if notes else ():
        say(f"note: {facts.name}: {note}")


def coloured(stream: IO[str]) -> bool:
    """Whether to colour what goes to `stream`: a terminal, and nobody objects (NO_COLOR, TERM=dumb)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def holds(stream: IO[str], text: str) -> bool:
    """Whether the encoding of `stream` has octets for every character of `text`."""
    try:
        text.encode(getattr(stream, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def progress(title: str, *, quiet: bool = False) -> Iterator[Progress | None]:
    """A progress bar on stderr when that is a terminal; None (nothing to call) otherwise."""
    if quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[frames]:,} frames"),
        TimeRemainingColumn(),
    )
    # No thread of its own that draws it: a process with threads cannot be copied (`analysis.pipeline.parallel`).
    with Bar(*columns, console=Console(stderr=True), transient=True, auto_refresh=False) as bar:
        task = bar.add_task(printable(title), total=None, frames=0)
        yield _updater(lambda **facts: bar.update(task, refresh=True, **facts))


def _updater(update: Callable[..., None]) -> Progress:
    drawn = -REFRESH_SECONDS

    def step(position: int, size: int | None, frames: int) -> None:
        nonlocal drawn
        now = time.monotonic()
        if now - drawn >= REFRESH_SECONDS:
            drawn = now
            update(completed=position, total=size, frames=frames)

    return step

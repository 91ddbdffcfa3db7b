"""What goes wrong in a verb becomes a line on stderr and an exit code."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["explained", "guarded"]

HIDDEN = re.compile(r"(?:\\x[0-9a-f]{2}|[0-9A-Fa-f]){16,}|[A-Za-z0-9+/=]{24,}")
"""What may be a key in the text of an error that is not ours."""


def guarded(function: Callable[..., int], arguments: dict[str, Any], *, debug: bool = False) -> int:
    """Call `function` with `arguments`; its exit code, or that of what went wrong (with a traceback if `debug`)."""
    from analysis.cli import console

    try:
        code = function(**arguments)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        console.say("interrupted")
        return console.INTERRUPTED
    except BrokenPipeError:
        _drop_stdout()
        return console.OK
    except Exception as error:
        if debug:
            _trace(error)
        return explained(error)


def _trace(error: Exception) -> None:
    """Where an error came from; its text without what may be a key."""
    import traceback

    from analysis.cli import console

    console.say("Traceback (most recent call last):")
    for line in "".join(traceback.format_tb(error.__traceback__)).splitlines():
        console.say(line)
    console.say(HIDDEN.sub("(hidden)", f"{type(error).__name__}: {error}"))


def explained(error: Exception) -> int:
    """Say what went wrong in a line on stderr; the exit code."""
    from analysis.cli import console
    from analysis.keys.keyfile import KeyFileError
    from captures import CaptureError
    from dissectors.modules import MissingExtra, PlugInError

    if isinstance(error, console.UsageError):
        console.error_line(str(error), error.hint, error.pointed)
        return console.USAGE
    if isinstance(error, CaptureError):
        console.error_line(f"{error.path}: {error.place}{error.text}", error.hint)
        return console.UNREADABLE
    if isinstance(error, PlugInError):
        console.error_line(str(error), error.hint)
        return console.USAGE
    if isinstance(error, MissingExtra):
        console.error_line(error.text, error.hint)
        return console.USAGE
    if isinstance(error, KeyFileError):
        console.error_line(str(error), error.hint)
        return console.UNREADABLE
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        console.error_line(f"{place}{error.strerror or error}")
        return console.UNREADABLE
    if isinstance(error, MemoryError):
        console.error_line("not enough memory", "hanscope decode --out DIR needs no more than a block")
        return console.UNREADABLE
    console.error_line(
        f"internal: {type(error).__name__} (a mistake of hanscope, not of the input)",
        "hanscope --debug VERB ... shows where; please report it with the command",
    )
    return console.UNREADABLE


def _drop_stdout() -> None:
    # Python flushes stdout once more when it exits: let that go nowhere instead of into the closed pipe.
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        return

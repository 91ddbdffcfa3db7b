"""What goes wrong in a verb becomes a line on stderr and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["guarded"]


def guarded(function: Callable[..., int], arguments: dict[str, Any], *, debug: bool = False) -> int:
    """Call `function` with `arguments`; its exit code, or that of what went wrong (a traceback if `debug`)."""
    from analysis import console

    if debug:
        return function(**arguments)
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
        return _explained(error)


def _explained(error: Exception) -> int:
    from analysis import console
    from analysis.keyfile import KeyFileError
    from captures import CaptureError

    if isinstance(error, console.UsageError):
        console.error_line(str(error), error.hint)
        return console.USAGE
    if isinstance(error, CaptureError):
        console.error_line(f"{error.path}: offset 0x{error.offset:x}: {error.text}", error.hint)
        return console.UNREADABLE
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

"""The command line: finds the verb, gives it its arguments, and returns its exit code.

Strategy: nothing heavy is imported here; each verb imports what it needs when it runs. A command line that is
plainly right does not even need argparse (`analysis.cli.command_line.arguments`); one that is not, or asks for help,
gets it (`analysis.cli.command_line.parser`).
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

from analysis.cli.command_line import reading, following, serving, judging, making, building, many, helping  # noqa: F401  # isort: skip
from analysis.cli.command_line.arguments import gathered, plain_arguments, taken
from analysis.cli.command_line.guard import guarded
from analysis.cli.command_line.registry import VERBS
from analysis.cli.command_line.settings import with_settings
from analysis.cli.command_line.standard_streams import (
    escape_what_no_encoding_holds,
    stand_in_for_closed_streams,
)
from analysis.cli.endings import end_on_signals

__all__ = ["main", "run"]

SINGLE_THREADED = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""OpenBLAS and Arrow's allocator start threads that nothing here needs: they cost a tenth of a second, and a process
that has them cannot be copied safely (`analysis.pipeline.parallel`)."""


def main(argv: list[str] | None = None) -> int:
    """Run the command with `argv` (``sys.argv`` without the name by default); returns the exit code."""
    stand_in_for_closed_streams()
    escape_what_no_encoding_holds()
    for name, value in SINGLE_THREADED.items():
        os.environ.setdefault(name, value)
    # Modules are no garbage: to look for it at every 700 objects that they make costs a twentieth of the start-up.
    gc.set_threshold(50_000, 20, 20)
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return guarded(_called, {"words": words}, debug=words[:1] == ["--debug"])
    except SystemExit as leave:  # help
        return leave.code if isinstance(leave.code, int) else 0


def _called(words: list[str]) -> int:
    plain = _plain(words)
    if plain is None:
        from analysis.cli.command_line.parser import call_of

        plain = call_of(words)
    function, arguments = plain
    return function(**arguments)


def _plain(words: list[str]) -> tuple[Callable[..., int], dict[str, Any]] | None:
    """The verb's function and its arguments, where the command line is plainly right."""
    name, *rest = (words[1:] if words[:1] == ["--debug"] else words) or [""]
    if rest and f"{name} {rest[0]}" in VERBS:
        name, *rest = f"{name} {rest[0]}", *rest[1:]
    if name not in VERBS:
        return None
    function = VERBS[name].function
    given = plain_arguments(function, rest)
    if given is None:
        return None
    return function, gathered(function, with_settings(name, taken(function), given))


def run() -> NoReturn:
    """Run the command of this process, and leave it.

    All files are closed by then; to take apart every module that was imported, too, takes as long as reading
    thirty thousand frames.
    """
    end_on_signals()
    code = main()
    if all(thread is threading.main_thread() or thread.daemon for thread in threading.enumerate()):
        with suppress(OSError, ValueError, AttributeError):  # `guarded` told of a pipe that nobody reads
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    sys.exit(code)

"""The command line: finds the verb, gives it its arguments, and returns its exit code.

Strategy: nothing heavy is imported here; each verb imports what it needs when it runs. A command line that is
plainly right does not even need Typer (`analysis.cli.command_line.arguments`); one that is not, or asks for help,
gets it.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

from analysis.cli.command_line import reading, following, serving, judging, making, building, many  # noqa: F401  # isort: skip
from analysis.cli.command_line.arguments import gathered, plain_arguments
from analysis.cli.command_line.guard import explained, guarded
from analysis.cli.command_line.registry import VERBS
from analysis.cli.command_line.standard_streams import stand_in_for_closed_streams
from analysis.cli.endings import end_on_signals
from dissectors.text import printable

__all__ = ["main", "run"]

SINGLE_THREADED = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""OpenBLAS and Arrow's allocator start threads that nothing here needs: they cost a tenth of a second, and a process
that has them cannot be copied safely (`analysis.pipeline.parallel`)."""
COMPLETION = "_HANSCOPE_COMPLETE"
"""What the shell sets when it asks for completions."""


def main(argv: list[str] | None = None) -> int:
    """Run the command with `argv` (``sys.argv`` without the name by default); returns the exit code."""
    stand_in_for_closed_streams()
    for name, value in SINGLE_THREADED.items():
        os.environ.setdefault(name, value)
    # Modules are no garbage: to look for it at every 700 objects that they make costs a twentieth of the start-up.
    gc.set_threshold(50_000, 20, 20)
    words = sys.argv[1:] if argv is None else argv
    plain = _plain(list(words))
    if plain is not None:
        return guarded(*plain, debug=words[0] == "--debug")
    from analysis.cli.command_line.typer_app import typer_app

    try:
        code = typer_app()(args=argv, prog_name="hanscope", standalone_mode=False)
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else 0 if leave.code is None else 1
    except OSError as error:  # help that nobody can be shown
        return explained(error)
    except Exception as error:
        return _refused(error)
    return code if isinstance(code, int) else 0


def _refused(error: Any) -> int:
    """What is wrong with a command line, as Typer says it: its words may hold anything that was typed."""
    from analysis.cli import console

    if not hasattr(error, "format_message"):
        if type(error).__name__ != "Abort":
            raise error
        console.say("interrupted")
        return console.INTERRUPTED
    said = printable(error.format_message())
    error.format_message = lambda: said
    error.show()
    return int(getattr(error, "exit_code", console.USAGE))


def _plain(words: list[str]) -> tuple[Callable[..., int], dict[str, Any]] | None:
    """The verb's function and its arguments, where the command line is plainly right."""
    name, *rest = (words[1:] if words[:1] == ["--debug"] else words) or [""]
    if rest and f"{name} {rest[0]}" in VERBS:
        name, *rest = f"{name} {rest[0]}", *rest[1:]
    if name not in VERBS or COMPLETION in os.environ or sys.platform == "win32":
        return None
    function = VERBS[name].function
    arguments = plain_arguments(function, rest)
    return None if arguments is None else (function, gathered(function, arguments))


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

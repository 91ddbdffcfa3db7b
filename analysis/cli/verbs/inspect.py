"""`hanscope inspect`: the terminal inspector."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from analysis.cli import console
from analysis.cli.command_line.choosing import EVERYTHING, ChoiceOptions
from analysis.cli.command_line.inputs import opened
from dissectors import Keyring

__all__ = ["run"]


def run(source: str, keyring: Keyring, *, choice: ChoiceOptions = EVERYTHING, reveal: bool = False) -> int:
    """Look through a capture; see `hanscope inspect --help`."""
    if find_spec("textual") is None:
        console.error_line(
            "the inspector needs textual, which is not installed", "pip install 'hanscope[tui]'"
        )
        return console.USAGE
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise console.UsageError("the inspector needs a terminal", "hanscope show prints frames anywhere")
    from analysis.inspector.app import Inspector
    from analysis.inspector.model import Inspected

    with opened(source) as replay, console.progress(replay.name) as step:
        chosen = choice._replace(where=None).filter(replay, keyring)
        model = Inspected(replay, keyring, step, chosen)
    app = Inspector(model, reveal=reveal, where=choice.where or "")
    app.run()
    return console.OK

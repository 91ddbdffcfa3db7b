"""`hanscope inspect`: the terminal inspector."""

from __future__ import annotations

import sys
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from analysis.cli import console
from analysis.cli.command_line.choosing import EVERYTHING, ChoiceOptions, ladder_of_choice
from analysis.cli.command_line.forming import row_form
from analysis.cli.command_line.inputs import opened
from analysis.tables.schema import columns_of
from dissectors import Keyring

if TYPE_CHECKING:
    from analysis.inspector.findings_pane import Told
    from analysis.inspector.model import Inspected
    from analysis.inspector.notes import Notes
    from analysis.pipeline.passes import Progress
    from analysis.pipeline.source import ReopenableSource
    from analysis.views.filters import Filter
    from analysis.views.following import Wanted
    from analysis.views.ladder import Ladder

__all__ = ["run"]

FIRST = 2000
"""Frames that are shown before the others are read."""


def run(
    source: str,
    keyring: Keyring,
    *,
    choice: ChoiceOptions = EVERYTHING,
    columns: str | None = None,
    time: str | None = None,
    reveal: bool = False,
) -> int:
    """Look through a capture; see `hanscope inspect --help`."""
    if find_spec("textual") is None:
        console.error_line(
            "the inspector needs textual, which is not installed", "pip install 'hanscope[tui]'"
        )
        return console.USAGE
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise console.UsageError("the inspector needs a terminal", "hanscope show prints frames anywhere")
    form = row_form(columns, time, choice.tz, (*columns_of("packets"), "source", "destination", "security"))
    times = form if time is not None or choice.tz is not None else None
    from analysis.inspector.app import Inspector
    from analysis.inspector.model import Inspected
    from analysis.inspector.notes import Notes, NotesError

    with opened(source) as replay:
        try:
            notes = Notes.of(replay.path)
        except NotesError as error:
            raise console.UsageError(str(error), "move it away, and the inspector begins a new one") from None
        chosen = choice._replace(where=None).filter(replay, keyring)
        model = Inspected(replay, keyring, chosen=chosen, limit=FIRST, notes=notes, times=times)
        if form is not None and form.columns:
            model.show_columns(form.columns)
        rest = None if model.whole else partial(_whole, replay, keyring, chosen, notes)
        judge, follow = partial(_findings, replay, keyring), partial(_ladder, replay, keyring)
        where = choice.where or ""
        Inspector(model, reveal=reveal, where=where, rest=rest, judge=judge, follow=follow).run()
    return console.OK


def _whole(
    replay: ReopenableSource, keyring: Keyring, chosen: Filter | None, notes: Notes, progress: Progress
) -> Inspected:
    from analysis.inspector.model import Inspected

    return Inspected(replay, keyring, progress, chosen, notes=notes)


def _ladder(replay: ReopenableSource, keyring: Keyring, wanted: Wanted) -> Ladder:
    """What belongs together, as it is followed. Raises `NotThere`, CaptureError."""
    return ladder_of_choice(replay, keyring, wanted)[0]


def _findings(replay: ReopenableSource, keyring: Keyring) -> list[Told]:
    """What the rules say of the capture."""
    from analysis.engine.checking import check_capture
    from analysis.inspector.findings_pane import Told

    found = check_capture(replay, keyring).result.findings
    return [Told(one.severity, one.title, one.device, one.evidence, one.frames) for one in found]

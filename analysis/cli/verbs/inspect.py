"""`hanscope inspect`: the terminal inspector."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from analysis.cli import console
from analysis.cli.command_line.batch import Batch
from analysis.cli.command_line.choosing import EVERYTHING, ChoiceOptions, ladder_of_choice
from analysis.cli.command_line.forming import row_form
from analysis.cli.command_line.inputs import opened
from analysis.cli.command_line.live_source import FILES, LiveOptions, is_live, opened_live
from analysis.tables.schema import columns_of
from captures import CaptureError
from dissectors import Keyring

if TYPE_CHECKING:
    from analysis.inspector.app import Inspector
    from analysis.inspector.findings_pane import Told
    from analysis.inspector.model import Inspected
    from analysis.inspector.notes import Notes
    from analysis.pipeline.passes import Progress
    from analysis.pipeline.source import ReopenableSource
    from analysis.tables.row_form import RowForm
    from analysis.views.filters import Filter
    from analysis.views.following import Wanted
    from analysis.views.ladder import Ladder

__all__ = ["run"]

FIRST = 2000
"""Frames that are shown before the others are read."""
MADE = ("source", "destination", "security")
"""Columns of the list besides those of packets."""
KEYBOARD = "/dev/tty"


class Look(NamedTuple):
    """How captures are looked at: filter, columns and times of the list; whether keys are shown."""

    choice: ChoiceOptions
    columns: tuple[str, ...]
    times: RowForm | None
    reveal: bool
    profile: str | None

    @property
    def where(self) -> str:
        """The filter that stands in its box."""
        return self.choice.where or ""

    def columns_of(self, model: Inspected) -> Inspected:
        """The model with the columns that are wanted."""
        if self.columns:
            model.show_columns(self.columns)
        return model


def run(
    sources: Sequence[str],
    keyring: Keyring,
    *,
    choice: ChoiceOptions = EVERYTHING,
    columns: str | None = None,
    time: str | None = None,
    reveal: bool = False,
    profile: str | None = None,
    live: LiveOptions = FILES,
) -> int:
    """Look through captures, or at a live source; see `hanscope inspect --help`."""
    if find_spec("textual") is None:
        console.error_line(
            "the inspector needs textual, which is not installed", "pip install 'hanscope[tui]'"
        )
        return console.USAGE
    with _keyboard(sources) as piped:
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise console.UsageError("the inspector needs a terminal", "hanscope show prints frames anywhere")
        form = row_form(columns, time, choice.tz, (*columns_of("packets"), *MADE))
        times = form if time is not None or choice.tz is not None else None
        look = Look(choice, form.columns if form is not None else (), times, reveal, profile)
        if len(sources) == 1 and (live.asked or is_live(sources[0])):
            return _listen(sources[0] if piped is None else piped, keyring, look, live)
        if live.asked or any(is_live(one) for one in sources):
            raise console.UsageError("one live source at a time", "hanscope inspect simulate:install-day")
        return _browse(Batch(sources), keyring, look)


@contextmanager
def _keyboard(sources: Sequence[str]) -> Iterator[IO[bytes] | None]:
    """Where a capture comes on standard input, it moves away, and the terminal's keyboard takes its place."""
    if "-" not in sources or sys.stdin.isatty() or not sys.stdout.isatty():
        yield None
        return
    try:
        keys = os.open(KEYBOARD, os.O_RDWR)
    except OSError:
        yield None
        return
    with os.fdopen(os.dup(0), "rb", buffering=0) as piped:
        os.dup2(keys, 0)
        os.close(keys)
        yield piped


# --- captures


def _browse(batch: Batch[None], keyring: Keyring, look: Look) -> int:
    """One capture after the other, to and fro."""
    at, step = 0, 1
    while step and 0 <= at < len(batch.captures):
        try:
            step, look = _look(batch.captures[at], (at, len(batch.captures)), keyring, look)
        except CaptureError as error:
            if not batch.many:
                raise
            batch.tell(error)
        at += step
    return console.UNREADABLE if batch.unreadable else console.OK


def _look(source: str, place: tuple[int, int], keyring: Keyring, look: Look) -> tuple[int, Look]:
    """Look at a capture: which one is wanted next, and how."""
    from analysis.inspector.app import Inspector
    from analysis.inspector.model import Inspected
    from analysis.inspector.notes import Notes, NotesError

    with opened(source) as replay:
        try:
            notes = Notes.of(replay.path)
        except NotesError as error:
            raise console.UsageError(str(error), "move it away, and the inspector begins a new one") from None
        chosen = look.choice._replace(where=None).filter(replay, keyring)
        model = Inspected.read(replay, keyring, chosen=chosen, limit=FIRST, notes=notes, times=look.times)
        rest = None if model.whole else partial(_whole, replay, keyring, chosen, notes)
        app = Inspector(
            look.columns_of(model), reveal=look.reveal, where=look.where, rest=rest, place=place,
            judge=partial(_findings, replay, keyring, look.profile),
            follow=lambda wanted: _ladder(app, keyring, wanted),
        )  # fmt: skip
        step = app.run() or 0
        return step, look._replace(choice=look.choice._replace(where=app.where))


def _whole(
    replay: ReopenableSource, keyring: Keyring, chosen: Filter | None, notes: Notes, progress: Progress
) -> Inspected:
    from analysis.inspector.model import Inspected

    return Inspected.read(replay, keyring, progress, chosen, notes=notes)


def _ladder(app: Inspector, keyring: Keyring, wanted: Wanted) -> Ladder:
    """What belongs together, as it is followed. Raises `NotThere`, CaptureError."""
    return ladder_of_choice(app.model.content.source(), keyring, wanted)[0]


def _findings(replay: ReopenableSource, keyring: Keyring, profile: str | None = None) -> list[Told]:
    """What the rules say of the capture."""
    from analysis.engine.checking import check_capture

    return _told(check_capture(replay, keyring, profile=profile).result.findings)


def _told(findings: Sequence[Any]) -> list[Told]:
    from analysis.inspector.findings_pane import Told

    return [Told(one.severity, one.title, one.device, one.evidence, one.frames) for one in findings]


# --- a live source


def _listen(source: str | IO[bytes], keyring: Keyring, look: Look, live: LiveOptions) -> int:
    """Look at what a live source says, until the person leaves."""
    from analysis.cli.verbs.check import see_rules
    from analysis.inspector.app import Inspector
    from analysis.inspector.content import nothing_yet
    from analysis.inspector.listening import Heard, Listening
    from analysis.inspector.model import Inspected
    from analysis.live.judging import LiveJudge

    if look.choice._replace(where=None, tz=None):
        raise console.UsageError("--from, --to and --device are for captures", "a live source takes --where")
    see_rules(look.profile)
    judge = LiveJudge(look.profile)  # while this process has no other threads
    spoken, own = opened_live(source, live.channel, live.speed, live.seed, live.record, True)
    ring = own if own is not None and not (keyring.keys or keyring.install_codes) else keyring
    listening = Listening(spoken, ring, judge)

    def heard() -> Iterator[Heard]:
        for one in listening.heard():
            yield one._replace(findings=_told(one.findings))

    model = look.columns_of(Inspected(nothing_yet(spoken.name, ring), times=look.times))
    app = Inspector(
        model, reveal=look.reveal, where=look.where, live=heard,
        follow=lambda wanted: _ladder(app, ring, wanted),
    )  # fmt: skip
    try:
        app.run()
    finally:
        listening.stop()
    if listening.trouble:
        raise CaptureError(spoken.name, None, listening.trouble)
    return console.OK

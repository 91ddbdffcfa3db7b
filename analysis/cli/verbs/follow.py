"""`hanscope follow`: a ladder of an exchange, a message, a device, a join, a tunnel, or what a filter chooses."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from analysis.cli import console
from analysis.cli.command_line.choosing import EVERYTHING, ChoiceOptions, ladder_of_choice
from analysis.cli.command_line.forming import row_form
from analysis.pipeline.source import ReopenableSource
from analysis.tables.schema import columns_of
from analysis.views.following import NotThere, Wanted
from analysis.views.ladder import Ladder
from captures.whole_files import write_whole
from dissectors import Keyring

__all__ = ["run"]


def run(
    source: str,
    keyring: Keyring,
    wanted: Wanted,
    *,
    choice: ChoiceOptions = EVERYTHING,
    svg: Path | None = None,
    html: Path | None = None,
    as_json: bool = False,
    plain: bool = False,
    most: int = 1000,
    columns: str | None = None,
    time: str | None = None,
) -> int:
    """Draw a ladder; see `hanscope follow --help`."""
    form = row_form(columns, time, choice.tz, columns_of("packets"))
    times = form if time is not None or choice.tz is not None else None
    with ReopenableSource(source) as replay:
        try:
            ladder, last = ladder_of_choice(
                replay, keyring, wanted, choice, most=most, columns=form.columns if form else (), form=times
            )
        except NotThere as error:
            raise console.UsageError(
                f"{error} in this capture", "hanscope decode --table exchanges"
            ) from None
        except ValueError as error:
            raise console.UsageError(f"--join: {error}", "hanscope stats lists the devices") from None
    console.tell_losses(last.facts)
    if not ladder.entries:
        console.error_line(
            f"{last.facts.name}: no frame of {ladder.title}", "hanscope decode --table exchanges lists them"
        )
        return console.USAGE
    _write(ladder, svg, html, as_json=as_json, plain=plain)
    return console.OK


def _write(ladder: Ladder, svg: Path | None, html: Path | None, *, as_json: bool, plain: bool) -> None:
    from analysis.views import ladder_svg, ladder_text

    for path, draw in ((svg, ladder_svg.svg), (html, ladder_svg.page)):
        if path is not None and str(path) == "-":
            for line in draw(ladder).splitlines():
                console.put(line)
        elif path is not None:
            write_whole(path, draw(ladder))
            console.say(f"{path}: {len(ladder.steps):,} steps")
    if as_json:
        console.put_json(ladder.to_json())
    elif svg is None and html is None:
        colour = not plain and console.coloured(sys.stdout)
        marks = ladder_text.ASCII if plain else ladder_text.LINES
        width = 100 if plain else shutil.get_terminal_size((120, 24)).columns
        for lead, line in ladder_text.text_lines(ladder, width, marks, colour=colour):
            console.put(line, lead=lead)

"""`hanscope follow`: a ladder of an exchange, a message, a device, a join, a tunnel, or what a filter chooses."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analysis.cli import console
from analysis.cli.command_line.batch import Batch
from analysis.cli.command_line.choosing import EVERYTHING, ChoiceOptions, ladder_of_choice
from analysis.cli.command_line.forming import row_form
from analysis.cli.command_line.inputs import name_of, opened
from analysis.tables.schema import columns_of
from analysis.views.following import NotThere, Wanted
from analysis.views.ladder import Ladder
from captures.whole_files import write_whole
from dissectors import Keyring

__all__ = ["run"]

LISTED = "hanscope decode --table exchanges lists what there is, hanscope keys what stays shut"


def run(
    sources: Sequence[str],
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
    jobs: int = 1,
) -> int:
    """Draw a ladder; see `hanscope follow --help`."""
    form = row_form(columns, time, choice.tz, columns_of("packets"))
    batch: Batch[int] = Batch(sources, jobs)
    if batch.many and (svg or html):
        raise console.UsageError("--svg and --html draw one capture", "--json and text take several")
    options: dict[str, Any] = {"most": most, "columns": form.columns if form else ()}
    options["form"] = form if time is not None or choice.tz is not None else None

    def one(source: str, _number: int) -> int:
        try:
            ladder, last = _ladder(source, keyring, wanted, choice, options)
        except console.UsageError as error:
            if not batch.many:
                raise
            console.error_line(f"{name_of(source)}: {error}", error.hint)  # another one may have it
            return console.USAGE
        console.tell_losses(last.facts)
        if not ladder.entries:
            console.error_line(f"{last.facts.name}: no frame of {ladder.title}", LISTED)
            return console.USAGE
        _write(ladder, svg, html, as_json=as_json, plain=plain, many=batch.many)
        return console.OK

    codes = [code for _, code in batch.each(one)]
    if batch.unreadable:
        return console.UNREADABLE
    return console.OK if console.OK in codes else console.USAGE


def _ladder(
    source: str, keyring: Keyring, wanted: Wanted, choice: ChoiceOptions, options: dict[str, Any]
) -> tuple[Ladder, Any]:
    with opened(source) as replay:
        try:
            return ladder_of_choice(replay, keyring, wanted, choice, **options)
        except NotThere as error:
            raise console.UsageError(f"{error} in this capture", LISTED) from None
        except ValueError as error:
            raise console.UsageError(f"--join: {error}", "hanscope stats lists the devices") from None


def _write(
    ladder: Ladder, svg: Path | None, html: Path | None, *, as_json: bool, plain: bool, many: bool
) -> None:
    from analysis.views import ladder_svg, ladder_text

    for path, draw in ((svg, ladder_svg.svg), (html, ladder_svg.page)):
        if path is not None and str(path) == "-":
            for line in draw(ladder).splitlines():
                console.put(line)
        elif path is not None:
            write_whole(path, draw(ladder))
            console.say(f"{path}: {len(ladder.steps):,} steps")
    if as_json:
        console.put_json(ladder.to_json(), indent=None if many else 2)
    elif svg is None and html is None:
        colour = not plain and console.coloured(sys.stdout)
        drawn = not plain and console.holds(sys.stdout, "".join(ladder_text.LINES))
        marks = ladder_text.LINES if drawn else ladder_text.ASCII
        width = 100 if plain else shutil.get_terminal_size((120, 24)).columns
        if many:
            console.put(ladder.source)
        for lead, line in ladder_text.text_lines(ladder, width, marks, colour=colour):
            console.put(line, lead=lead)
        if many:
            console.put()

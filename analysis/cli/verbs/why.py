"""`hanscope why`: the step at which a device failed, or why no fault was found."""

from __future__ import annotations

from analysis.cli import console
from analysis.cli.command_line.batch import Batch
from analysis.cli.command_line.forming import row_form
from analysis.cli.command_line.inputs import opened
from analysis.tables.python_values import iso_time
from analysis.tables.row_form import RowForm
from analysis.tables.times import time_ns
from dissectors import Keyring

__all__ = ["run"]


def run(
    source: str,
    device: str,
    keyring: Keyring,
    *,
    profile: str | None,
    as_json: bool,
    quiet: bool,
    time: str | None = None,
    tz: str | None = None,
) -> int:
    """Print the diagnosis of a capture, or of each that a folder or pattern means; see `hanscope why --help`."""
    from analysis.cli.verbs.check import see_rules

    see_rules(profile)
    batch: Batch[bool] = Batch([source])
    form = row_form(None, time, tz, ())

    def one(capture: str, number: int) -> bool:
        indent = None if batch.many else 2
        try:
            _one(
                capture, device, keyring, profile=profile, as_json=as_json, quiet=quiet, indent=indent,
                apart=number > 0, form=form,
            )  # fmt: skip
        except console.UsageError as error:
            if not batch.many:
                raise
            console.error_line(f"{capture}: {error}", "")
            return False
        return True

    said = [known for _, known in batch.each(one)]
    if batch.unreadable:
        return console.UNREADABLE
    return console.OK if any(said) or not said else console.USAGE


def _one(
    capture: str,
    device: str,
    keyring: Keyring,
    *,
    profile: str | None,
    as_json: bool,
    quiet: bool,
    indent: int | None,
    apart: bool,
    form: RowForm | None,
) -> None:
    from analysis.diagnosis import diagnose, text_lines

    with opened(capture) as replay, console.progress(capture, quiet=quiet) as step:
        try:
            found = diagnose(replay, keyring, device or None, profile=profile, progress=step)
        except LookupError as error:
            raise console.UsageError(
                str(error.args[0]), "hanscope stats lists the devices; or give an address"
            ) from None
    if as_json:
        console.put_json(found.to_json(), indent=indent)
    else:
        if apart:
            console.put()
        if form is not None:
            form.start_ns = time_ns(found.looked_at["start"])
        for line in text_lines(found, every_step=bool(device), time=iso_time if form is None else form.time):
            console.put(line)

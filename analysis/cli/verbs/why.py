"""`hanscope why`: the step at which a device failed, or why no fault was found."""

from __future__ import annotations

from analysis.cli import console
from analysis.pipeline.source import ReopenableSource
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
) -> int:
    """Print the diagnosis; see `hanscope why --help`."""
    from analysis.cli.verbs.check import see_rules
    from analysis.diagnosis import diagnose, text_lines

    see_rules(profile)
    with ReopenableSource(source) as replay, console.progress(source, quiet=quiet) as step:
        try:
            found = diagnose(replay, keyring, device or None, profile=profile, progress=step)
        except LookupError as error:
            raise console.UsageError(
                str(error.args[0]), "hanscope stats lists the devices; or give an address"
            ) from None
    if as_json:
        console.put_json(found.to_json())
    else:
        for line in text_lines(found, every_step=bool(device)):
            console.put(line)
    return console.OK

"""What verbs take on the command line: how an option or argument is declared, and those that many verbs share.

Strategy: declarations are plain data, so that a command line which is plainly right can be read at once
(`analysis.cli.command_line.arguments`); argparse is given the same declarations for help and complaints
(`analysis.cli.command_line.parser`), and so are completion and the pages of man.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "AcceptOption",
    "Argument",
    "CaptureArgument",
    "CapturesArgument",
    "ChannelOption",
    "ColumnsOption",
    "DeviceOption",
    "ExplainOption",
    "FailOption",
    "FromOption",
    "JobsOption",
    "JsonOption",
    "KeysOption",
    "LimitOption",
    "LiveOption",
    "Option",
    "ProfileOption",
    "QuietOption",
    "RecordOption",
    "RevealOption",
    "RulesFromOption",
    "SpeedOption",
    "TimeOption",
    "ToOption",
    "WhereOption",
    "ZoneOption",
    "keyring",
    "time_of",
]


class Option:
    """An option by its names (``--out``, ``-o``); one whose type is bool takes no value. `complete` says what kind of
    values a shell offers (`analysis.cli.command_line.completing`)."""

    __slots__ = ("complete", "help", "max", "metavar", "min", "names")

    def __init__(
        self,
        *names: str,
        help: str,  # noqa: A002
        metavar: str | None = None,
        min: float | None = None,  # noqa: A002
        max: float | None = None,  # noqa: A002
        complete: str = "",
    ) -> None:
        self.names = names
        self.complete = complete
        self.help = help
        self.metavar = metavar
        self.min = min
        self.max = max


class Argument(NamedTuple):
    """What stands in the command line without a name."""

    metavar: str | None = None
    help: str = ""
    show_default: bool = True
    complete: str = ""


CaptureArgument = Annotated[
    str, Argument(metavar="CAPTURE", help="Capture file, folder, pattern, URL, or - for stdin.")
]
CapturesArgument = Annotated[
    list[str], Argument(metavar="CAPTURE...", help="Capture files, folders, patterns, URLs, or -.")
]
KeysOption = Annotated[
    Path | None,
    Option("--keys", metavar="FILE", help="keys.toml; else what HANSCOPE_KEYS or config.toml names."),
]
JsonOption = Annotated[bool, Option("--json", help="One JSON document on stdout.")]
ExplainOption = Annotated[
    bool, Option("--explain", help="With what each part means, in plain words, and where that is defined.")
]
RevealOption = Annotated[bool, Option("--reveal", help="Show keys; they are hidden otherwise.")]
QuietOption = Annotated[bool, Option("-q", "--quiet", help="No progress, no notes.")]
LiveOption = Annotated[
    bool, Option("--live", help="The file still grows; pipes and sniffers are live anyhow.")
]
ChannelOption = Annotated[int, Option("--channel", min=0, max=255, help="Channel of a sniffer.")]
SpeedOption = Annotated[float, Option("--speed", min=0, help="Of a simulation: seconds of it a second.")]
RecordOption = Annotated[Path | None, Option("--record", metavar="FILE", help="Record what a sniffer hears.")]
FailOption = Annotated[
    str | None,
    Option(
        "--fail-on",
        metavar="SEVERITY",
        help="Exit 1 for findings as grave: info, warning, error, critical.",
        complete="severity",
    ),
]
ProfileOption = Annotated[
    str | None, Option("--profile", help="Profile of rules: its name or file.", complete="profile")
]
AcceptOption = Annotated[
    Path | None, Option("--accept", metavar="FILE", help="Waivers: findings that are accepted (TOML or CSV).")
]
RulesFromOption = Annotated[
    Path | None,
    Option("--rules-from", metavar="DIR", help="Rules of your own besides: Python and TOML files."),
]
WhereOption = Annotated[
    str | None,
    Option(
        "--where",
        metavar="EXPR",
        help="Only rows that fit: nwk_src == 0x1a2b and message.mac != valid.",
        complete="where",
    ),
]
FromOption = Annotated[
    str | None,
    Option("--from", metavar="TIME", help="From then on: 2026-01-05T12:00, 12:00, or 90s into it."),
]
ToOption = Annotated[str | None, Option("--to", metavar="TIME", help="Up to then, written as --from.")]
DeviceOption = Annotated[
    str | None,
    Option(
        "--device", metavar="NAME", help="Sent or received by it: name, role or address.", complete="device"
    ),
]
ZoneOption = Annotated[
    str | None,
    Option(
        "--tz",
        metavar="ZONE",
        help="Zone of times given and shown: Europe/London; else UTC.",
        complete="zone",
    ),
]
ColumnsOption = Annotated[
    str | None,
    Option("--columns", metavar="A,B", help="Only these columns, in this order.", complete="columns"),
]
TimeOption = Annotated[
    str | None,
    Option(
        "--time",
        metavar="FORM",
        complete="time",
        help="relative or delta (seconds), utc, or local (of --tz or this machine).",
    ),
]
JobsOption = Annotated[int, Option("--jobs", min=1, help="Captures that are read at a time.")]
LimitOption = Annotated[int | None, Option("--limit", min=1, help="Stop after so many frames.")]


def time_of(text: str) -> datetime:
    """A time as ISO 8601 writes it, with or without its zone (then UTC).

    Raises:
        UsageError: it is none.
    """
    from datetime import UTC, datetime

    from analysis.cli.console import UsageError

    try:
        found = datetime.fromisoformat(text.strip())
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"--at: {text!r} is not a time", "written 2026-01-05 or 2026-01-05T12:00:00Z"
        ) from None


def keyring(path: Path | None) -> Any:
    """The keyring that ``--keys`` or the environment names; who else may read its file is said on stderr.

    Raises:
        KeyFileError: the file cannot be read or says something impossible.
    """
    from analysis.cli import console
    from analysis.keys.keyfile import ENVIRONMENT, loose_mode, read_keys

    ring = read_keys(path)
    used = path or os.environ.get(ENVIRONMENT)
    warning = loose_mode(used) if used else None
    if warning:
        console.say(f"warning: {warning}")
    return ring

"""The demo, and the verbs that say what a capture or a message holds: what each takes, and which function does it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from analysis.cli.command_line.choosing import EVERYTHING, ChoiceOptions
from analysis.cli.command_line.live_source import LiveOptions
from analysis.cli.command_line.options import (
    Argument,
    CapturesArgument,
    ChannelOption,
    ColumnsOption,
    ExplainOption,
    JobsOption,
    JsonOption,
    KeysOption,
    LimitOption,
    LiveOption,
    Option,
    ProfileOption,
    QuietOption,
    RecordOption,
    RevealOption,
    SpeedOption,
    TimeOption,
    keyring,
    time_of,
)
from analysis.cli.command_line.registry import verb


@verb("demo", "hanscope demo", "hanscope demo --out my-first-han")
def demo(
    out: Annotated[Path, Option("--out", "-o", help="Folder for what is written.")] = Path("hanscope-demo"),
    quiet: QuietOption = False,
) -> int:
    """Make a small home area network, capture it, decode it, check it, report on it: no input needed."""
    from analysis.cli.verbs import demo as run

    return run.run(out, quiet=quiet)


@verb(
    "decode",
    "hanscope decode han.pcapng --keys keys.toml --out tables",
    "hanscope decode han.pcapng --table attributes --format jsonl | head",
    "hanscope decode han.pcapng --where 'message.use_case == ECS17b and message.mac != valid'",
)
def decode(
    captures: CapturesArgument,
    keys: KeysOption = None,
    out: Annotated[Path | None, Option("--out", "-o", help="Folder for the tables.")] = None,
    format_: Annotated[
        str | None,
        Option(
            "--format",
            "-f",
            help="parquet, csv, jsonl, arrow; or raw-csv, whose texts are left as they are: CSV writes control "
            "characters as escapes, and ' before what a spreadsheet would calculate.",
            complete="format",
        ),
    ] = None,
    table: Annotated[
        list[str] | None, Option("--table", "-t", help="Only this table (may be repeated).", complete="table")
    ] = None,
    choice: ChoiceOptions = EVERYTHING,
    columns: ColumnsOption = None,
    time: TimeOption = None,
    jobs: JobsOption = 1,
    limit: LimitOption = None,
    strict: Annotated[
        bool, Option("--strict", help="Exit 4 when a frame stayed shut or the capture is damaged.")
    ] = False,
    quiet: QuietOption = False,
) -> int:
    """Captures to tables: packets, attributes, commands, messages, items, exchanges, events, certificates, devices, keys.

    With --out each table becomes a file (Parquet unless --format says else), complete or not there at all;
    several captures get a folder each. Without, one table goes to stdout (packets as CSV unless told else).
    """
    from analysis.cli.verbs import decode as run

    return run.run(
        captures,
        keyring(keys),
        out=out,
        format_=format_,
        tables=table or (),
        limit=limit,
        strict=strict,
        quiet=quiet,
        choice=choice,
        columns=columns,
        time=time,
        jobs=jobs,
    )


@verb(
    "show",
    "hanscope show han.pcapng 151 --keys keys.toml",
    "hanscope show han.pcapng 7,151-153 --json",
    "hanscope show han.pcapng --where 'protocol == ZDP' --device gas-meter --to 5m",
    "hanscope show han.pcapng --message 13 --keys keys.toml",
    "hanscope show han.pcapng --columns frame,time,source,destination,summary --time relative",
)
def show(
    words: Annotated[
        list[str],
        Argument(
            metavar="CAPTURE... [FRAME]",
            help="Captures as elsewhere, and frame numbers: 151, 151-153, 7,151; or all that --where and others choose.",
        ),
    ],
    keys: KeysOption = None,
    message: Annotated[
        str,
        Option("--message", metavar="NUMBERS", help="Messages as a whole: 13, 13-15 of the messages table."),
    ] = "",
    exchange: Annotated[
        str,
        Option(
            "--exchange", metavar="NUMBERS", help="The frames of exchanges: 7, 7-9 of the exchanges table."
        ),
    ] = "",
    choice: ChoiceOptions = EVERYTHING,
    columns: Annotated[
        str | None,
        Option(
            "--columns",
            metavar="A,B",
            help="A line a frame: these columns; source, destination by name.",
            complete="columns",
        ),
    ] = None,
    time: TimeOption = None,
    as_json: JsonOption = False,
    explain: ExplainOption = False,
    reveal: RevealOption = False,
) -> int:
    """One frame as a tree with its octets, layer by layer, decrypted parts too, down to the last value of the message
    that it carried a part of; or a message as a whole; or, with --columns, frames as a list."""
    from analysis.cli.verbs import show as run

    return run.run(
        words,
        keyring(keys),
        message=message,
        exchange=exchange,
        as_json=as_json,
        explain=explain,
        reveal=reveal,
        choice=choice,
        columns=columns,
        time=time,
    )


@verb(
    "message",
    "hanscope message DD00000000000062... --keys keys.toml",
    "hanscope message replies/ --jsonl",
)
def message(
    inputs: Annotated[
        list[str], Argument(metavar="MESSAGE...", help="Hex, base64, files, folders, or - for stdin.")
    ],
    keys: KeysOption = None,
    kind: Annotated[str, Option("--kind", help="gbcs, dlms, frame or auto.")] = "auto",
    version: Annotated[str | None, Option("--gbcs", help="Version of GBCS to hold it against.")] = None,
    at: Annotated[
        str | None,
        Option("--at", help="When it was sent, for the validity of certificates: 2026-01-05T12:00Z."),
    ] = None,
    as_json: JsonOption = False,
    as_jsonl: Annotated[bool, Option("--jsonl", help="One object a message.")] = False,
    explain: ExplainOption = False,
    reveal: RevealOption = False,
) -> int:
    """One or many messages without a capture: GBCS, DLMS, or a radio frame, down to the last value."""
    from analysis.cli import console
    from analysis.views import messages

    if kind not in ("auto", "gbcs", "dlms", "frame"):
        raise console.UsageError(f"unknown kind {kind!r}", "gbcs, dlms, frame or auto")
    return messages.run(
        inputs,
        keyring(keys),
        kind=kind,
        as_json=as_json,
        jsonl=as_jsonl,
        version=version,
        at=None if at is None else time_of(at),
        explain=explain,
        reveal=reveal,
    )


@verb("keys", "hanscope keys han.pcapng --keys keys.toml", "hanscope keys han.pcapng --json")
def keys_verb(
    captures: CapturesArgument,
    keys: KeysOption = None,
    choice: ChoiceOptions = EVERYTHING,
    jobs: JobsOption = 1,
    as_json: JsonOption = False,
    reveal: RevealOption = False,
    quiet: QuietOption = False,
) -> int:
    """Which keys are needed, held and learnt, which frames each opens, and why others stay shut."""
    from analysis.cli.verbs import keys as run

    return run.run(
        captures, keyring(keys), as_json=as_json, reveal=reveal, quiet=quiet, choice=choice, jobs=jobs
    )  # fmt: skip


@verb(
    "stats",
    "hanscope stats han.pcapng",
    "hanscope stats han.pcapng --keys keys.toml --json",
    "hanscope stats good.pcapng faulty.pcapng --every 60",
)
def stats(
    captures: CapturesArgument,
    keys: KeysOption = None,
    choice: ChoiceOptions = EVERYTHING,
    time: TimeOption = None,
    jobs: JobsOption = 1,
    every: Annotated[
        float | None,
        Option("--every", metavar="SECONDS", min=0.001, help="Frames in stretches of so long, too."),
    ] = None,
    as_json: JsonOption = False,
    most: Annotated[int, Option("--most", min=1, help="Rows of each list.")] = 15,
    quiet: QuietOption = False,
) -> int:
    """Protocol hierarchy, conversations of each layer, links with retries and signal, intervals, times to answer,
    devices; several captures side by side."""
    from analysis.cli.verbs import stats as run

    return run.run(
        captures, keyring(keys), as_json=as_json, most=most, quiet=quiet, choice=choice, time=time, jobs=jobs,
        every=every,
    )  # fmt: skip


@verb(
    "inspect",
    "hanscope inspect han.pcapng --keys keys.toml",
    "hanscope inspect han.pcapng --where 'protocol == ZCL and summary contains Report'",
    "hanscope inspect captures/ --columns frame,time,nwk_src,rssi,summary --time delta",
    "hanscope inspect simulate:install-day --speed 10",
    "ssh home tcpdump -i monitor0 -U -w - | hanscope inspect - --keys keys.toml",
)
def inspect(
    captures: Annotated[
        list[str],
        Argument(
            metavar="CAPTURE|SOURCE...", help="Captures, folders, patterns; a live source.", complete="source"
        ),
    ],
    keys: KeysOption = None,
    choice: ChoiceOptions = EVERYTHING,
    columns: ColumnsOption = None,
    time: TimeOption = None,
    profile: ProfileOption = None,
    live: LiveOption = False,
    channel: ChannelOption = 11,
    speed: SpeedOption = 1.0,
    record: RecordOption = None,
    reveal: RevealOption = False,
) -> int:
    """The terminal inspector: packets, tree and octets, linked; ? in it shows its keys. Of several captures one after the
    other (o, O), or a source that still speaks: a sniffer, a pipe, a file that grows, simulate:SCENARIO."""
    from analysis.cli.verbs import inspect as run

    return run.run(
        captures, keyring(keys), choice=choice, columns=columns, time=time, reveal=reveal, profile=profile,
        live=LiveOptions(live, channel, speed, record),
    )  # fmt: skip


@verb("fields", "hanscope fields counter", "hanscope fields --json")
def fields(
    word: Annotated[str, Argument(metavar="WORD", help="Only names, units and meanings that it is in.")] = "",
    as_json: JsonOption = False,
) -> int:
    """Every name that a filter knows, with type, unit and meaning: in its own table it may stand without the table."""
    from analysis.cli.verbs import fields as run

    return run.run(word, as_json=as_json)

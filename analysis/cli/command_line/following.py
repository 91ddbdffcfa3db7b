"""The verb that follows what belongs together through a capture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from analysis.cli.command_line.choosing import EVERYTHING, ChoiceOptions
from analysis.cli.command_line.options import (
    CapturesArgument,
    ColumnsOption,
    JobsOption,
    JsonOption,
    KeysOption,
    Option,
    TimeOption,
    keyring,
)
from analysis.cli.command_line.registry import verb


@verb(
    "follow",
    "hanscope follow han.pcapng --exchange 12 --keys keys.toml",
    "hanscope follow han.pcapng --join gas-meter --html join.html",
    "hanscope follow han.pcapng --message 13 --plain | mail -s 'what happened' colleague",
    "hanscope follow captures/ --device esme --where 'exchange.outcome != ok'",
)
def follow(
    captures: CapturesArgument,
    keys: KeysOption = None,
    exchange: Annotated[
        int | None, Option("--exchange", metavar="N", min=1, help="An exchange, and what lies in it.")
    ] = None,
    message: Annotated[
        int | None, Option("--message", metavar="N", min=1, help="The GBCS exchange of a message.")
    ] = None,
    tunnel: Annotated[
        int | None, Option("--tunnel", metavar="N", min=0, help="The sessions of tunnel N.")
    ] = None,
    join: Annotated[
        str | None,
        Option("--join", metavar="NAME", help="How a device came in: joins, rejoins, key establishment."),
    ] = None,
    choice: ChoiceOptions = EVERYTHING,
    columns: ColumnsOption = None,
    time: TimeOption = None,
    svg: Annotated[Path | None, Option("--svg", metavar="FILE", help="As a picture; - for stdout.")] = None,
    html: Annotated[Path | None, Option("--html", metavar="FILE", help="As a page; - for stdout.")] = None,
    jobs: JobsOption = 1,
    as_json: JsonOption = False,
    plain: Annotated[bool, Option("--plain", help="ASCII without colour: for an email.")] = False,
    most: Annotated[int, Option("--most", min=1, help="Frames that are drawn, at most.")] = 1000,
) -> int:
    """A ladder: who said what to whom, when, and what became of it; with silences, repetitions, what was not heard."""
    from analysis.cli.verbs import follow as run
    from analysis.views.following import Wanted

    wanted = Wanted(exchange, message, tunnel, join)
    return run.run(
        captures,
        keyring(keys),
        wanted,
        choice=choice,
        svg=svg,
        html=html,
        as_json=as_json,
        plain=plain,
        most=most,
        columns=columns,
        time=time,
        jobs=jobs,
    )

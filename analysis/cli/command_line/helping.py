"""The verbs about the command itself: completion in a shell, pages of man."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from analysis.cli.command_line.options import Argument, JsonOption, Option
from analysis.cli.command_line.registry import verb


@verb(
    "completion",
    "hanscope completion bash > ~/.local/share/bash-completion/completions/hanscope",
    "hanscope completion fish > ~/.config/fish/completions/hanscope.fish",
)
def completion(
    shell: Annotated[str, Argument(metavar="SHELL", help="bash, zsh or fish.", complete="shell")] = "",
    line: Annotated[
        str | None, Option("--line", help="What a script asks: what may stand at the end of a command line.")
    ] = None,
) -> int:
    """The script that lets a shell complete verbs, options, names of columns, rules, devices of the capture."""
    from analysis.cli.verbs import completion as run

    return run.run(shell, line)


@verb("plug-ins", "hanscope plug-ins", "hanscope plug-ins --json")
def plug_ins(as_json: JsonOption = False) -> int:
    """What other packages bring: clusters, rules, sniffers, chapters of the report, verbs."""
    from analysis.cli.verbs import plug_ins as run

    return run.run(as_json=as_json)


@verb("man", "hanscope man check | man -l -", "hanscope man --out ~/.local/share/man/man1")
def man(
    name: Annotated[
        str,
        Argument(metavar="VERB", help="A verb ('fleet decode'); the command as a whole where none is given."),
    ] = "",
    out: Annotated[
        Path | None, Option("--out", "-o", metavar="DIR", help="All pages, into a folder.")
    ] = None,
) -> int:
    """The pages of man, made from the command itself."""
    from analysis.cli.verbs import man as run

    return run.run(name, out)

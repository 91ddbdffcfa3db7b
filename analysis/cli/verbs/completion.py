"""`hanscope completion`: what a shell needs to complete a command line."""

from __future__ import annotations

from analysis.cli import console
from dissectors.text import printable

__all__ = ["run"]


def run(shell: str, line: str | None) -> int:
    """Print a shell's script, or what may stand at the end of a line; see `hanscope completion --help`."""
    from analysis.cli.command_line.shell_scripts import SCRIPTS
    from analysis.cli.command_line.shells import candidates, words_of

    if line is not None:
        words = words_of(line)[1:]
        for text, told in candidates(words) if words else ():
            console.put(lead="\t".join(printable(one) for one in (words[-1], text, told)))
        return console.OK
    if shell not in SCRIPTS:
        raise console.UsageError(
            f"no script for {shell!r}" if shell else "no shell given", f"known are {', '.join(SCRIPTS)}"
        )
    for text in SCRIPTS[shell].splitlines():
        console.put(text)
    return console.OK

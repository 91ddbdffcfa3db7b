"""`hanscope man`: the pages of man."""

from __future__ import annotations

from pathlib import Path

from analysis.cli import console
from captures.whole_files import write_whole

__all__ = ["run"]


def run(name: str, out: Path | None) -> int:
    """Print a page, or write all of them; see `hanscope man --help`."""
    from analysis.cli.command_line.manual import pages

    made = dict(pages())
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for file, text in made.items():
            write_whole(out / file, text)
        console.say(f"{out}: {len(made)} pages")
        return console.OK
    wanted = f"hanscope-{name.replace(' ', '-')}.1" if name else "hanscope.1"
    if wanted not in made:
        raise console.UsageError(f"there is no verb {name!r}", "hanscope --help lists them")
    for line in made[wanted].splitlines():
        console.put(line)
    return console.OK

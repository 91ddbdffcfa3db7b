"""`hanscope mcp`: captures for assistants, by the Model Context Protocol on stdin and stdout."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from pathlib import Path

from analysis.cli import console
from analysis.cli.command_line.options import keyring
from analysis.keys.keyfile import read_keys

__all__ = ["run"]


def run(source: str, keys: Path | None, *, profile: str | None) -> int:
    """Answer until the other side is gone; see `hanscope mcp --help`."""
    if find_spec("mcp") is None:
        console.error_line("this needs a package that is not installed", "pip install 'hanscope[mcp]'")
        return console.USAGE
    if source == "-":
        raise console.UsageError("stdin is where the assistant speaks", "name a capture or a folder")
    import anyio

    from analysis.cli.verbs.web import captures_of
    from analysis.web.assistant import serve
    from analysis.web.captures_held import CapturesHeld
    from analysis.web.judging import Judge
    from analysis.web.server import version

    paths, root = captures_of(source)
    held = CapturesHeld(paths, keyring(keys), Judge(partial(read_keys, keys), profile), root=root)
    try:
        anyio.run(serve, held, version())
    finally:
        held.close()
    return console.OK

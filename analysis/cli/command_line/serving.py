"""The verbs that go on until somebody ends them: what each takes, and which function does it."""

from __future__ import annotations

from typing import Annotated

from analysis.cli.command_line.options import (
    Argument,
    KeysOption,
    Option,
    ProfileOption,
    QuietOption,
)
from analysis.cli.command_line.registry import verb


@verb("web", "hanscope web han.pcapng --keys keys.toml --open", "hanscope web captures/ --port 8765")
def web(
    source: Annotated[
        str | None,
        Argument(metavar="CAPTURE|FOLDER", help="What to offer; captures can be dropped on the page."),
    ] = None,
    keys: KeysOption = None,
    host: Annotated[
        str, Option("--host", help="Address to listen at; other machines can reach any but this one.")
    ] = "127.0.0.1",
    port: Annotated[
        int, Option("--port", min=0, max=65535, help="Port to listen at; 0 takes a free one.")
    ] = 0,
    name: Annotated[
        list[str] | None, Option("--name", help="Host name that it answers to besides (may be repeated).")
    ] = None,
    profile: ProfileOption = None,
    open_browser: Annotated[bool, Option("--open", help="Open the browser.")] = False,
    quiet: QuietOption = False,
) -> int:
    """Captures in the browser, and an API for programs: prints its URL. No key is sent to any page."""
    from analysis.cli.verbs import web as run

    return run.run(
        source, keys, host=host, port=port, names=name or [], profile=profile, open_browser=open_browser,
        quiet=quiet,
    )  # fmt: skip

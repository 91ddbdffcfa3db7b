"""`hanscope web`: captures in the browser, and an API for programs, served on this machine."""

from __future__ import annotations

import ipaddress
import secrets
import socket
import sys
import webbrowser
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from analysis.cli import console
from analysis.cli.command_line.live_source import LiveOptions, is_live, opened_live
from analysis.cli.command_line.options import keyring
from analysis.keys.keyfile import read_keys
from dissectors import Keyring

__all__ = ["captures_of", "run"]


PARTING = 2
"""Seconds that requests under way have when the server is told to end."""


def run(
    source: str | None,
    keys: Path | None,
    *,
    host: str,
    port: int,
    names: list[str],
    profile: str | None,
    live: LiveOptions,
    open_browser: bool,
    quiet: bool,
) -> int:
    """Serve until the person ends it; see `hanscope web --help`."""
    if any(find_spec(one) is None for one in ("starlette", "uvicorn")):
        console.error_line("the server needs packages that are not installed", "pip install 'hanscope[web]'")
        return console.USAGE
    held, listening = _held(source, keys, profile, live, quiet), _listening(host, port)
    try:
        _serve(held, listening, host, names, open_browser=open_browser, quiet=quiet)
    except KeyboardInterrupt:  # that is how it is ended
        pass
    finally:
        held.close()
    return console.OK


def _held(source: str | None, keys: Path | None, profile: str | None, live: LiveOptions, quiet: bool) -> Any:
    """What is offered; the first of it is decoded while the browser begins."""
    from analysis.web.captures_held import CapturesHeld
    from analysis.web.judging import Judge

    ring, judge = keyring(keys), Judge(partial(read_keys, keys), profile)
    if source is not None and (live.asked or is_live(source)):
        held = CapturesHeld([], ring, judge)
        held.add_live(_live(source, ring, live, profile, quiet))
        return held
    paths, root = captures_of(source)
    held = CapturesHeld(paths, ring, judge, root=root)
    if paths:
        held.called(None)
    return held


def _serve(
    held: Any, listening: socket.socket, host: str, names: list[str], *, open_browser: bool, quiet: bool
) -> None:
    import uvicorn

    from analysis.web.server import Settings, application

    token, port = secrets.token_urlsafe(24), listening.getsockname()[1]
    url = f"http://{_url_host(host)}:{port}/?token={token}"
    if not _is_loopback(host):
        console.say(f"warning: {host} can be reached by others: whoever knows the token sees all of it")
    console.put(url)
    sys.stdout.flush()
    if not quiet:
        count = len(held.listed())
        offered = f"{count} capture{'s' * (count != 1)}" if count else "drop a capture on the page"
        console.say(f"{offered}; ctrl+c ends it")
    if open_browser:
        webbrowser.open(url)
    app = application(held, Settings(token, port, (*names, host)))
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, ws="none",
        timeout_graceful_shutdown=PARTING,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[listening])


def captures_of(source: str | None) -> tuple[list[Path], Path | None]:
    """The captures that are offered, and the folder that they lie in where it is one.

    Raises:
        UsageError: there is none.
    """
    from analysis.web.captures_held import captures_in

    if source is None:
        return [], None
    path = Path(source)
    if path.is_dir():
        found = captures_in(path)
        if not found:
            raise console.UsageError(
                f"{source}: no capture in this folder", "files ending in .pcap or .pcapng"
            )
        return found, path
    with path.open("rb"):
        return [path], None


def _live(source: str, ring: Keyring, options: LiveOptions, profile: str | None, quiet: bool) -> Any:
    from analysis.web.opened_live import OpenedLive

    live, own = opened_live(source, options.channel, options.speed, options.seed, options.record, quiet)
    return OpenedLive(live, own if own is not None and not ring.keys else ring, profile)


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family[0], socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(family[4])
        listening.listen(128)  # so that whoever reads the address can connect at once
    except OSError as error:
        raise console.UsageError(
            f"{host}:{port}: {error.strerror or error}", "--port 0 takes one that is free"
        ) from None
    return listening


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _url_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host

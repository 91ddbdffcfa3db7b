"""`hanscope web`: captures in the browser, and an API for programs, served on this machine."""

from __future__ import annotations

import ipaddress
import secrets
import shutil
import socket
import sys
import tempfile
import webbrowser
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from analysis.cli import console
from analysis.cli.command_line.options import keyring
from analysis.keys.keyfile import read_keys

__all__ = ["captures_of", "run"]


def run(
    source: str | None,
    keys: Path | None,
    *,
    host: str,
    port: int,
    names: list[str],
    profile: str | None,
    open_browser: bool,
    quiet: bool,
) -> int:
    """Serve until the person ends it; see `hanscope web --help`."""
    if any(find_spec(one) is None for one in ("starlette", "uvicorn")):
        console.error_line("the server needs packages that are not installed", "pip install 'hanscope[web]'")
        return console.USAGE
    import uvicorn

    from analysis.web.captures_held import CapturesHeld
    from analysis.web.judging import Judge
    from analysis.web.server import Settings, application

    with tempfile.TemporaryDirectory(prefix="hanscope-web-") as folder:
        paths, root = captures_of(source, Path(folder))
        held = CapturesHeld(paths, keyring(keys), Judge(partial(read_keys, keys), profile), root=root)
        listening = _listening(host, port)
        port = listening.getsockname()[1]
        token = secrets.token_urlsafe(24)
        url = f"http://{_url_host(host)}:{port}/?token={token}"
        if not _is_loopback(host):
            console.say(f"warning: {host} can be reached by others: whoever knows the token sees all of it")
        if paths:
            held.called(None)  # it is decoded while the browser begins
        console.put(url)
        sys.stdout.flush()
        if not quiet:
            console.say(
                f"{len(paths)} captures; ctrl+c ends it"
                if paths
                else "drop a capture on the page; ctrl+c ends it"
            )
        if open_browser:
            webbrowser.open(url)
        app = application(held, Settings(token, port, (*names, host)))
        config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, ws="none")
        try:
            uvicorn.Server(config).run(sockets=[listening])
        except KeyboardInterrupt:  # that is how it is ended
            pass
        finally:
            held.close()
    return console.OK


def captures_of(source: str | None, folder: Path) -> tuple[list[Path], Path | None]:
    """The captures that are offered, and the folder that they lie in where it is one; stdin is kept in `folder`.

    Raises:
        UsageError: there is none.
    """
    from analysis.web.captures_held import captures_in

    if source is None:
        return [], None
    if source == "-":
        kept = folder / "stdin"
        with kept.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        return [kept], None
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

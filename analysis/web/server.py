"""The server: pages, API, files that are dropped and exports (Starlette; run by uvicorn).

Strategy: requests are answered by threads, few at a time, and of one client fewer, so that one page that asks for much
leaves room for the others. Whatever is asked wrongly is answered with a sentence in JSON.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata, resources
from typing import Any

import anyio
from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from analysis.web import openapi
from analysis.web.captures_held import CapturesHeld
from analysis.web.endpoints import BadRequest, Endpoint, Parameter, arguments_of
from analysis.web.export import EXPORT, exported
from analysis.web.gate import Gate
from analysis.web.interface import ENDPOINTS
from dissectors.text import json_text, printable

__all__ = ["Settings", "application", "version"]

TYPES = {
    ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}  # fmt: skip
MOST_TEXT = 1024 * 1024
"""Octets of a message that is pasted."""
UPLOAD = Endpoint(
    "POST", "/api/captures", "Open a capture that the request carries", lambda held, given: None,
    (Parameter("name", "its file name", default="dropped capture"),), body="octets",
    answer="it in the list of captures", status=201,
)  # fmt: skip
OPENAPI = Endpoint("GET", "/api/openapi.json", "This document", lambda held, given: None)


@dataclass(frozen=True, slots=True)
class Settings:
    """How a server serves.

    Attributes:
        token: what a request must know.
        port: it listens at.
        hosts: names besides those of this machine that requests may ask for.
        threads: that answer requests; `per_client`: dear ones of one client at a time, `queue` more of which wait.
    """

    token: str
    port: int = 0
    hosts: tuple[str, ...] = ()
    threads: int = 4
    per_client: int = 2
    queue: int = 32


@dataclass(slots=True)
class Turns:
    """Whose turn it is."""

    settings: Settings
    limiters: dict[str, CapacityLimiter] = field(default_factory=dict)
    waiting: Counter[str] = field(default_factory=Counter)
    threads: CapacityLimiter | None = None

    async def take(self, client: str, dear: bool, work: Callable[[], Any]) -> Any:
        """What `work` gives, in a thread. Raises BadRequest: the client asks for too much at a time."""
        if self.threads is None:
            self.threads = CapacityLimiter(self.settings.threads)
        if not dear:
            return await to_thread.run_sync(work)
        if self.waiting[client] >= self.settings.queue:
            raise BadRequest("too many requests at a time", 429)
        own = self.limiters.setdefault(client, CapacityLimiter(self.settings.per_client))
        self.waiting[client] += 1
        try:
            async with own:
                return await to_thread.run_sync(work, limiter=self.threads)
        finally:
            self.waiting[client] -= 1
            if not self.waiting[client]:
                del self.waiting[client]
                self.limiters.pop(client, None)


def application(held: CapturesHeld, settings: Settings) -> Gate:
    """The ASGI application for some captures."""
    turns = Turns(settings)
    endpoints = (*ENDPOINTS, UPLOAD, EXPORT, OPENAPI)
    told = openapi.document(endpoints, version())

    async def upload(request: Request) -> Response:
        given = arguments_of(UPLOAD, request.query_params, {})
        return JSONResponse({"schema": 1, **await _upload(request, held, given["name"])}, UPLOAD.status)

    async def export(request: Request) -> Response:
        given = arguments_of(EXPORT, request.query_params, {})
        file = await turns.take(_client(request), True, partial(exported, held, given))
        return FileResponse(
            file.path, media_type=file.media, filename=file.name, background=BackgroundTask(file.remove)
        )

    async def openapi_document(request: Request) -> Response:
        return JSONResponse(told)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await to_thread.run_sync(held.close)

    routes = [
        Route("/", _page("index.html")),
        Route("/static/{name}", _static),
        Route(OPENAPI.path, openapi_document),
        Route(EXPORT.path, export),
        Route(UPLOAD.path, upload, methods=["POST"]),
        *(Route(one.path, _answering(one, held, turns), methods=[one.method]) for one in ENDPOINTS),
    ]
    handlers: dict[Any, Any] = {BadRequest: _refused, HTTPException: _not_there, Exception: _broken}
    return Gate(
        Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan),
        settings.token, settings.port, settings.hosts,
    )  # fmt: skip


def _answering(one: Endpoint, held: CapturesHeld, turns: Turns) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        given = arguments_of(one, request.query_params, request.path_params)
        if one.body:
            given["body"] = await _body(request, MOST_TEXT)
        plain = one.media != "application/json"
        told = await turns.take(
            _client(request),
            one.dear,
            lambda: one.run(held, given) if plain else json_text(one.run(held, given)),
        )
        headers = {"Content-Disposition": "attachment"} if plain else {}
        return Response(told, media_type=one.media, headers=headers)

    return answer


def _client(request: Request) -> str:
    return str(request.scope.get("hanscope.client", ""))


async def _body(request: Request, most: int) -> bytes:
    out = bytearray()
    async for piece in request.stream():
        out += piece
        if len(out) > most:
            raise BadRequest(f"more than {most:,} octets", 413)
    return bytes(out)


async def _upload(request: Request, held: CapturesHeld, name: str) -> dict[str, Any]:
    """Take a dropped file in; one that is too large or breaks off is removed."""
    path, most, size = held.place_for_upload(), held.limits.upload_octets, 0
    try:
        async with await anyio.open_file(path, "wb") as file:
            async for piece in request.stream():
                size += len(piece)
                if size > most:
                    raise BadRequest(f"larger than {most:,} octets", 413)
                await file.write(piece)
        if not size:
            raise BadRequest("an empty file")
    except (BadRequest, ClientDisconnect, OSError):
        path.unlink(missing_ok=True)
        raise
    return held.add_upload(path, printable(name)[:200]).to_json()


def _page(name: str) -> Callable[[Request], Any]:
    async def page(request: Request) -> Response:
        return _file(name)

    return page


async def _static(request: Request) -> Response:
    return _file(request.path_params["name"])


PAGES = resources.files("analysis.web") / "pages"


def _file(name: str) -> Response:
    known = {one.name for one in PAGES.iterdir()}
    media = TYPES.get("." + name.rpartition(".")[2])
    if name not in known or media is None:
        raise BadRequest("there is nothing here", 404)
    return Response((PAGES / name).read_bytes(), headers={"Content-Type": media})


async def _refused(request: Request, error: Any) -> Response:
    return JSONResponse(error.to_json(), error.status)


async def _not_there(request: Request, error: Any) -> Response:
    text = {404: "there is nothing here", 405: "not with this method"}.get(error.status_code, error.detail)
    return await _refused(request, BadRequest(text, error.status_code, hint="/api/openapi.json"))


async def _broken(request: Request, error: Any) -> Response:
    return await _refused(request, BadRequest(f"the server failed: {type(error).__name__}", 500))


def version() -> str:
    """Of hanscope."""
    try:
        return metadata.version("hanscope")
    except metadata.PackageNotFoundError:
        return "unknown"

"""Who may speak to the server: by the right host name, with the token, from no page of somebody else.

Strategy: an ASGI wrapper around everything, so that no route can forget it. The token stands in the first address only; a
browser is then given a session in a cookie that no script can read and no other site makes it send.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, Iterable
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.responses import JSONResponse, RedirectResponse, Response

from analysis.web.endpoints import BadRequest

__all__ = ["POLICY", "Gate", "host_of"]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
LOOPBACK = frozenset(["127.0.0.1", "localhost", "::1"])
SESSIONS = 1000
"""Browsers that are remembered, at most."""
Application = Callable[[Any, Any, Any], Awaitable[None]]


def host_of(text: str) -> str:
    """The name in a Host header, without its port; empty where it is none.

    >>> host_of("127.0.0.1:8765"), host_of("[::1]:8765"), host_of("LOCALHOST")
    ('127.0.0.1', '::1', 'localhost')
    """
    try:
        return (urlsplit(f"//{text}").hostname or "").lower()
    except ValueError:
        return ""


class Gate:
    """Lets through what comes with the token, and refuses all else.

    Args:
        inner: the application behind it.
        token: what a request must know.
        port: it listens at, for the name of the cookie: cookies are the same for all ports of a host.
        hosts: names that requests may ask for besides those of this machine.
    """

    def __init__(self, inner: Application, token: str, port: int, hosts: Iterable[str] = ()) -> None:
        self.inner, self.token = inner, token
        self.cookie = f"hanscope-{port}"
        self.hosts = LOOPBACK | {one.lower() for one in hosts}
        self.sessions: dict[str, None] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        try:
            entry = self._let_in(scope)
        except BadRequest as refused:
            entry = JSONResponse(refused.to_json(), refused.status)

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *_octets(HEADERS)]}
            await send(message)

        await (entry or self.inner)(scope, receive, send_with_headers)

    def _let_in(self, scope: Any) -> Response | None:
        """Nothing where the request may pass; what it is answered instead. Raises BadRequest."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if host_of(headers.get("host", "")) not in self.hosts:
            raise BadRequest("this server answers to its own name only", 403)
        _of_the_same_site(headers)
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        if scope["path"] == "/" and "token" in query and self._right(query["token"][0]):
            return self._first_answer()
        scope["hanscope.client"] = self._client(scope, headers, query)
        return None

    def _client(self, scope: Any, headers: dict[str, str], query: dict[str, list[str]]) -> str:
        """Whose request it is: that of a session, or of a program at an address. Raises BadRequest."""
        session = _cookie(headers.get("cookie", ""), self.cookie)
        if session in self.sessions:
            return session
        kind, _, given = headers.get("authorization", "").partition(" ")
        tokens = [given.strip()] if kind.lower() == "bearer" else query.get("token", [])[:1]
        if tokens and self._right(tokens[0]):
            return f"program at {(scope.get('client') or ('?',))[0]}"
        raise BadRequest("the token is missing or wrong", 401, hint="open the address that was printed")

    def _right(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode())

    def _first_answer(self) -> Response:
        session = secrets.token_urlsafe(24)
        while len(self.sessions) >= SESSIONS:
            del self.sessions[next(iter(self.sessions))]
        self.sessions[session] = None
        answer = RedirectResponse("/", 303)
        answer.set_cookie(self.cookie, session, httponly=True, samesite="strict", path="/")
        return answer


def _of_the_same_site(headers: dict[str, str]) -> None:
    """Raises BadRequest: the request was made by a page of somebody else."""
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        raise BadRequest("pages of other sites may not ask", 403)
    origin = headers.get("origin")
    if origin is not None and origin.lower() != f"http://{headers.get('host', '').lower()}":
        raise BadRequest("pages of other sites may not ask", 403)


def _cookie(text: str, name: str) -> str:
    try:
        found = SimpleCookie(text).get(name)
    except CookieError:
        return ""
    return found.value if found is not None else ""


def _octets(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]

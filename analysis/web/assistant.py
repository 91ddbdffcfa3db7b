"""The API as tools of a Model Context Protocol server, for assistants that are asked about a capture.

Strategy: tools are made of the same declarations as the API. Trees come as the text that `hanscope show` prints. What is
longer than an assistant should read is cut, which its last line says. No answer holds a key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from analysis.views.frame import text_lines
from analysis.views.message_tree import kept_lines
from analysis.web.captures_held import CapturesHeld
from analysis.web.endpoints import BadRequest, Endpoint, Parameter, arguments_of
from analysis.web.interface import ENDPOINTS
from dissectors.text import json_text, printable

__all__ = ["LONGEST", "ROWS", "answer", "serve", "tools"]

LONGEST = 40_000
"""Characters of an answer, at most."""
ROWS = 50
"""Rows of a table that one answer has, at most."""
PATIENCE = 120.0
"""Seconds that a capture has to be decoded in before it is answered from as it is."""
LEFT_OUT = ("/api/list", "/api/complete", "/api/filter", "/api/report", "/api/notes/{number}")
"""What only a page needs."""
INSTRUCTIONS = (
    "Captures of GB smart metering home area networks (ZigBee Smart Energy, GBCS, DLMS), decoded by hanscope. Begin with "
    "findings and devices; `where` filters tables (fields lists the names): protocol == GBCS and message.mac != valid. "
    "Keys are never given."
)


def tools() -> dict[str, Endpoint]:
    """The endpoints that are tools, by the names of these."""
    found = {}
    for one in ENDPOINTS:
        if one.method != "DELETE" and one.path not in LEFT_OUT:
            name = one.path.removeprefix("/api/").replace("/{number}", "")
            found[name.removesuffix("s") if "{number}" in one.path else "paste" if one.body else name] = one
    return found


def schema(one: Endpoint) -> dict[str, Any]:
    """What a tool takes, in JSON Schema."""
    known = {
        given.name: _bounded(given).schema() | {"description": given.meaning} for given in one.parameters
    }
    required = [given.name for given in one.parameters if given.required]
    if one.body:
        known["text"] = {"type": "string", "description": "hex, base64, DUIS XML or a radio frame"}
        required.append("text")
    return {"type": "object", "properties": known, "required": required, "additionalProperties": False}


def _bounded(given: Parameter) -> Parameter:
    return given._replace(default=20, most=ROWS) if given.name == "limit" else given


def answer(held: CapturesHeld, name: str, arguments: Mapping[str, Any]) -> str:
    """What a tool answers.

    Raises:
        BadRequest: there is no such tool, or what it is asked is wrong.
    """
    one = tools().get(name)
    if one is None:
        raise BadRequest(f"no tool {name!r}", 404)
    words = {key: _word(value) for key, value in arguments.items() if value is not None}
    body = words.pop("text", "") if one.body else ""
    given = arguments_of(one, {"limit": "20", **words} if _has_limit(one) else words, words, together=True)
    if _has_limit(one) and given["limit"] > ROWS:
        raise BadRequest(f"limit: {ROWS} rows at a time, at most")
    if any(key.name == "capture" for key in one.parameters):
        held.opened(given["capture"]).wait(PATIENCE)
    if one.body:
        given["body"] = body.encode()
    if name in _TEXTS:
        return _cut(_TEXTS[name](held, given))
    return _cut(json_text(one.run(held, given)))


def _has_limit(one: Endpoint) -> bool:
    return any(given.name == "limit" for given in one.parameters)


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _cut(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return text[:LONGEST] + f"\n... cut: {len(text):,} characters; ask for fewer rows or columns"


def _frame(held: CapturesHeld, given: dict[str, Any]) -> str:
    return "\n".join(text_lines(held.opened(given["capture"]).shown(given["number"]), reveal=False))


def _message(held: CapturesHeld, given: dict[str, Any]) -> str:
    opened = held.opened(given["capture"])
    return "\n".join(kept_lines(opened.message(given["number"]), capture=opened.name))


_TEXTS: dict[str, Callable[[CapturesHeld, dict[str, Any]], str]] = {"frame": _frame, "message": _message}


async def serve(held: CapturesHeld, version: str) -> None:
    """Answer on stdin and stdout until the other side is gone."""
    from anyio import to_thread
    from mcp import types
    from mcp.server.lowlevel import Server
    from mcp.server.stdio import stdio_server

    async def list_tools(context: Any, asked: Any) -> Any:
        found = [
            types.Tool(name=name, description=f"{one.summary}: {one.answer}", inputSchema=schema(one))
            for name, one in tools().items()
        ]
        return types.ListToolsResult(tools=found)

    async def call_tool(context: Any, asked: Any) -> Any:
        try:
            text, wrong = await to_thread.run_sync(answer, held, asked.name, asked.arguments or {}), False
        except BadRequest as error:
            text, wrong = json_text(error.to_json()), True
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=printable_text(text))], isError=wrong
        )

    server: Any = Server(
        "hanscope",
        version=version,
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


def printable_text(text: str) -> str:
    """Lines of printable characters."""
    return "\n".join(printable(line) for line in text.split("\n"))

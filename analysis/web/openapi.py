"""The API as an OpenAPI 3.1 document, from its declarations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from analysis.web.endpoints import Endpoint, Parameter

__all__ = ["document"]

ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "schema": {"type": "integer"},
        "error": {
            "type": "object",
            "required": ["text"],
            "properties": {
                "text": {"type": "string"},
                "position": {"type": "integer", "description": "where in a filter the mistake is, from 0"},
                "hint": {"type": "string"},
            },
        },
    },
}
REFUSALS = {
    "400": "a parameter is wrong; of a filter with the place of the mistake",
    "401": "no token, or a wrong one",
    "403": "asked for by a page of somebody else, or under another host name",
    "404": "there is no such capture, frame, message or path",
    "409": "not yet: the capture is still being decoded; or no longer readable",
    "413": "too large",
    "429": "this client asks for too much at a time",
}


def document(endpoints: Iterable[Endpoint], version: str) -> dict[str, Any]:
    """The document."""
    paths: dict[str, Any] = {}
    for one in endpoints:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "hanscope",
            "version": version,
            "description": "Captures of GB smart metering home area networks, decoded. No answer holds a key.",
        },
        "paths": paths,
        "components": {
            "schemas": {"Error": ERROR},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _operation(one: Endpoint) -> dict[str, Any]:
    answer = {"description": one.answer, "content": {one.media: {"schema": _answer_schema(one.media)}}}
    others = {"202": one.later, **REFUSALS} if one.later else REFUSALS
    out: dict[str, Any] = {
        "summary": one.summary,
        "operationId": one.method.lower() + "".join(
            part.strip("{}").title() for part in one.path.replace(".", "/").split("/")
        ),
        "parameters": [_parameter(given) for given in one.parameters],
        "responses": {str(one.status): answer} | {code: _refusal(text) for code, text in others.items()},
    }  # fmt: skip
    if one.body:
        media = "application/octet-stream" if one.body == "octets" else "text/plain"
        out["requestBody"] = {"required": True, "content": {media: {"schema": {"type": "string"}}}}
    return out


def _answer_schema(media: str) -> dict[str, Any]:
    return {"type": "object"} if media == "application/json" else {"type": "string"}


def _refusal(text: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Error"}
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _parameter(one: Parameter) -> dict[str, Any]:
    return {
        "name": one.name,
        "in": one.place,
        "required": one.required or one.place == "path",
        "description": one.meaning,
        "schema": one.schema(),
    }

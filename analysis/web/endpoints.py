"""What the API offers, declared once: a declaration reads a request, refuses a wrong one, and is told in OpenAPI."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

__all__ = ["BadRequest", "Endpoint", "NotYet", "Parameter", "arguments_of"]

LONGEST = 10_000
"""Characters of one parameter, at most."""
KINDS = {"integer": "a whole number", "boolean": "true or false", "string": "a text"}


class BadRequest(Exception):
    """What is asked for cannot be given; told as JSON.

    Args:
        text: what is wrong.
        status: of HTTP.
        more: further keys of the answer's `error`: `position` of a mistake in a filter, `hint`.
    """

    def __init__(self, text: str, status: int = 400, **more: Any) -> None:
        super().__init__(text)
        self.text, self.status, self.more = text, status, more

    def to_json(self) -> dict[str, Any]:
        """The answer."""
        return {"schema": 1, "error": {"text": self.text, **self.more}}


class NotYet(BadRequest):
    """What is asked for is known only when more of the capture has been decoded; with status 202 it is being made."""

    def __init__(self, text: str, status: int = 409) -> None:
        super().__init__(text, status)


class Parameter(NamedTuple):
    """Something that a request says.

    Attributes:
        kind: integer, boolean or string.
        default: None where it may be left out and has no value then.
        place: query or path.
        required: it must be said.
    """

    name: str
    meaning: str
    kind: str = "string"
    default: Any = None
    least: int | None = None
    most: int | None = None
    choices: tuple[str, ...] = ()
    place: str = "query"
    required: bool = False

    def read(self, text: str) -> Any:
        """Its value, as a request writes it. Raises BadRequest."""
        if len(text) > LONGEST:
            raise BadRequest(f"{self.name}: longer than {LONGEST:,} characters")
        if self.kind == "boolean":
            if text not in ("true", "false"):
                raise BadRequest(f"{self.name}: true or false is expected")
            return text == "true"
        if self.kind == "integer":
            return self._number(text)
        if self.choices and text not in self.choices:
            raise BadRequest(f"{self.name}: one of {', '.join(self.choices)} is expected")
        return text

    def _number(self, text: str) -> int:
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
            raise BadRequest(f"{self.name}: a whole number is expected")
        number = int(text)
        low, high = self.least, self.most
        if (low is not None and number < low) or (high is not None and number > high):
            raise BadRequest(
                f"{self.name}: from {low} to {high}" if high is not None else f"{self.name}: {low} at least"
            )
        return number

    def schema(self) -> dict[str, Any]:
        """It in JSON Schema."""
        out: dict[str, Any] = {"type": self.kind}
        said = {"default": self.default, "minimum": self.least, "maximum": self.most}
        out |= {name: value for name, value in said.items() if value is not None}
        if self.kind == "string" and not self.choices:
            out["maxLength"] = LONGEST
        return out | ({"enum": list(self.choices)} if self.choices else {})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Something that a request can ask for.

    Attributes:
        run: given what is served and the parameters by name (a body as `body`); its answer, which becomes JSON.
        dear: it may take long, so that one client has few of them at a time.
        body: what a request carries: "text", "octets", or nothing.
        answer: what comes back, in a sentence.
        media, status: of what comes back; `later` says what 202 means, where it takes its time.
    """

    method: str
    path: str
    summary: str
    run: Callable[..., Any]
    parameters: tuple[Parameter, ...] = ()
    dear: bool = False
    body: str = ""
    answer: str = "JSON"
    media: str = "application/json"
    status: int = 200
    later: str = ""


def arguments_of(
    endpoint: Endpoint, query: Mapping[str, str], path: Mapping[str, str], *, together: bool = False
) -> dict[str, Any]:
    """The parameters of a request, by name; `together`: those of its path stand among the others. Raises BadRequest."""
    known = {one.name for one in endpoint.parameters if together or one.place == "query"}
    unknown = [name for name in query if name not in known and name != "token"]
    if unknown:
        raise BadRequest(f"no parameter {unknown[0]!r}", hint=", ".join(sorted(known)) or "it takes none")
    out = {}
    for one in endpoint.parameters:
        text = (path if one.place == "path" else query).get(one.name)
        if text is None and one.required:
            raise BadRequest(f"{one.name} is missing: {one.meaning}")
        out[one.name] = one.default if text is None else one.read(text)
    return out

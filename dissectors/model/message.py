"""What the dissection of one GBCS or DLMS message is; its JSON form is what the command prints."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from dissectors.model.errors import DissectionError
from dissectors.model.field import Field, Issue, fields_text
from dissectors.model.json_form import json_value, value_text
from dissectors.model.origins import Origin, Part
from dissectors.model.secrets import hidden_value

__all__ = ["Message", "joined_json"]


@dataclass(slots=True)
class Message:
    """One message, read as far as it could be.

    Attributes:
        kind: ``"gbcs"``, ``"dlms"``, ``"frame"``; ``"unknown"`` where nothing proved any of them.
        octets: the message as it came.
        facts: the keys of the JSON form that belong to this kind (``use_case``, ``transport`` ...), in order.
        columns: values for the `messages` table; absent means null.
        items: rows for the `items` table, without ``message``; also ``items`` in the JSON form.
        fields, buffers, issues: as in `dissectors.model.frame.Dissection`; the octets as they came are the
            buffer ``"message"``.
        error: set when the input was refused as a whole.
        origins: in a capture, which frames carried which octets of it.
        parents: where the octets of the other buffers lie in it, sealed or in parts.
    """

    kind: Literal["gbcs", "dlms", "frame", "unknown"]
    octets: bytes
    facts: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, Any] = field(default_factory=dict)
    items: list[dict[str, Any]] = field(default_factory=list)
    fields: list[Field] = field(default_factory=list)
    buffers: dict[str, bytes] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)
    error: DissectionError | None = None
    origins: tuple[Origin, ...] = ()
    parents: dict[str, tuple[Part, ...]] = field(default_factory=dict)

    def to_json(self, source: str = "", *, reveal: bool = False) -> dict[str, Any]:
        """The form that ``hanscope message --json`` prints (design: architecture.md, schema 1), keys left out unless
        `reveal`."""
        return {
            **self.json_head(source, reveal=reveal),
            "fields": [f.to_json(reveal=reveal) for f in self.fields],
            **self.json_tail(),
        }

    def json_text(self, source: str = "", *, reveal: bool = False) -> str:
        """`to_json` as JSON text, in a third of the time."""
        fields = fields_text(self.fields) if not reveal else fields_text(self.fields, None)
        return joined_json(self._head(source, reveal), fields, self.json_tail())

    def json_head(self, source: str = "", *, reveal: bool = False) -> dict[str, Any]:
        """What stands before ``fields`` in the JSON form."""
        out: dict[str, Any] = json_value(self._head(source, reveal))
        return out

    def _head(self, source: str, reveal: bool) -> dict[str, Any]:
        """As `json_head`, before its values are such as JSON has."""
        out: dict[str, Any] = {
            "schema": 1,
            "source": source,
            "kind": self.kind,
            "length": len(self.octets),
            **self.facts,
        }
        if self.kind == "gbcs" or self.items:
            out["items"] = self.items if reveal else [_shown(row) for row in self.items]
        out["issues"] = [issue.to_json() for issue in self.issues]
        return out

    def json_tail(self) -> dict[str, Any]:
        """What stands behind ``fields`` in the JSON form."""
        if self.error is None:
            return {"error": None}
        return {"error": {"layer": self.error.layer, "offset": self.error.offset, "text": self.error.text}}


def joined_json(head: dict[str, Any], fields: str, tail: dict[str, Any]) -> str:
    """The JSON of an object with the keys of `head`, ``fields``, of which this is the JSON, and the keys of `tail`."""
    return f'{value_text(head)[:-1]}, "fields": {fields}, {value_text(tail)[1:]}'


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the `items` table, without its value where that is a key."""
    value = hidden_value(row)
    return row if "value" in row and value is row["value"] else {**row, "value": value}

"""What the dissection of one GBCS or DLMS message is; its JSON form is what the command prints."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from dissectors.model.errors import DissectionError
from dissectors.model.field import Field, Issue, json_value
from dissectors.model.origins import Origin, Part
from dissectors.model.secrets import hidden_value

__all__ = ["Message"]


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
        out: dict[str, Any] = {
            "schema": 1,
            "source": source,
            "kind": self.kind,
            "length": len(self.octets),
            **json_value(self.facts),
        }
        if self.kind == "gbcs" or self.items:
            rows = out["items"] = json_value(self.items)
            for row in () if reveal else rows:
                row["value"] = hidden_value(row)
        out["issues"] = [issue.to_json() for issue in self.issues]
        out["fields"] = [f.to_json(reveal=reveal) for f in self.fields]
        out["error"] = None
        if self.error is not None:
            out["error"] = {"layer": self.error.layer, "offset": self.error.offset, "text": self.error.text}
        return out

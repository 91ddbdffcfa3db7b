"""The fields that Wireshark gets, made from the schema of our tables, and the script that reads them out of comments.

The script knows nothing of GBCS: it puts fields and trees under a frame that were written into its comment. So a new
column is a new field of Wireshark without a line of Lua.
"""

from __future__ import annotations

from importlib import resources
from typing import NamedTuple

from analysis.tables.schema import TABLES

__all__ = ["FIELDS", "GROUPS", "MARK", "ShownField", "script"]

MARK = "hanscope 1"
"""The line of a comment behind which the script reads."""


class ShownField(NamedTuple):
    """A field of Wireshark's.

    Attributes:
        name: of the filter: ``hanscope.gbcs.use_case``.
        kind: ``string``, ``number`` (a double) or ``count`` (64 bits).
    """

    name: str
    kind: str
    meaning: str


GROUPS = {
    "gbcs": "messages",
    "dlms": "messages",
    "item": "items",
    "exchange": "exchanges",
    "finding": "findings",
}
"""Fields by the table whose columns they are."""
OWN = (
    ShownField("hanscope.summary", "string", "what the frame says"),
    ShownField("hanscope.protocol", "string", "the innermost protocol that hanscope read"),
    ShownField("hanscope.message", "count", "number of the message that the frame carries, or a piece of it"),
    ShownField("hanscope.exchange", "count", "number of the innermost exchange that the frame belongs to"),
    ShownField("hanscope.frame", "count", "number of the frame in the capture that was copied"),
)
LISTS = ("frames", "columns")
COUNTS = ("uint8", "uint16", "uint32", "uint64", "int32", "int64")


def _fields() -> tuple[ShownField, ...]:
    found = list(OWN)
    for group, table in GROUPS.items():
        for column in TABLES[table]:
            if column.type in LISTS:
                continue
            kind = "string"
            if not column.address and column.type in COUNTS:
                kind = "number" if column.type.startswith("int") else "count"
            elif column.type == "float64":
                kind = "number"
            found.append(ShownField(f"hanscope.{group}.{column.name}", kind, column.meaning))
    return tuple(found)


FIELDS = _fields()


def script() -> str:
    """The text of ``hanscope.lua``."""
    text = (resources.files("analysis.wireshark") / "hanscope.lua").read_text("utf-8")
    lines = "\n".join(f'  {{ "{one.name}", "{one.kind}", {_quoted(one.meaning)} }},' for one in FIELDS)
    return text.replace("-- FIELDS", lines).replace("MARK", f'"{MARK}"')


def _quoted(text: str) -> str:
    plain = "".join(one if one.isprintable() and one not in '"\\' else "'" for one in text)
    return f'"{plain}"'

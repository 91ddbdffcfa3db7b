"""Text that others wrote, as people may be shown it: the one place through which it passes.

Names, comments, messages and file names come from captures, key files and command lines. Shown raw, a control
character moves the cursor, clears the screen or makes a link of a terminal; a newline forges a line; a
bidirectional control turns a word around; a cell that begins with ``=`` is a formula to a spreadsheet. What is
written for machines (JSON, Arrow, Parquet) keeps its text exactly.

Sources: Unicode 15 general categories (C*, Z*); ECMA-48 (C0, C1, OSC); RFC 4180; OWASP "CSV Injection".
"""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["csv_cell", "json_text", "printable", "readable", "shown_json"]

PLAIN = json.JSONEncoder(ensure_ascii=False)
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
FORMULA = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
"""What spreadsheets take for the beginning of a formula, also in full width."""


def printable(text: str) -> str:
    """`text` in one line without effects: what is no ordinary character stands as its Python escape.

    >>> printable("gas\\x1b[2J meter\\n")
    'gas\\\\x1b[2J meter\\\\n'
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def readable(octets: bytes) -> str | bytes:
    """Text, or the octets as they are when they are no UTF-8."""
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets


def csv_cell(text: str) -> str:
    """`text` as a cell that no spreadsheet calculates: printable, and with ``'`` before what may begin a formula.

    Numbers stay as they are.

    >>> csv_cell("=1+1"), csv_cell("-5.2"), csv_cell("-A1")
    ("'=1+1", '-5.2', "'-A1")
    """
    shown = printable(text)
    begin = text.lstrip()[:1]
    return "'" + shown if begin in FORMULA and begin and not NUMBER.fullmatch(text) else shown


def json_text(value: Any, *, indent: int | None = None) -> str:
    """`value` as JSON whose text, read back, is the same, and which a terminal may be shown."""
    return shown_json(
        PLAIN.encode(value) if indent is None else json.dumps(value, indent=indent, ensure_ascii=False)
    )


def shown_json(text: str) -> str:
    """JSON as a terminal may be shown it: what is said by it stays."""
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(one if one.isprintable() or one == "\n" else _escaped(one) for one in text)


def _escaped(one: str) -> str:
    return json.dumps(one, ensure_ascii=True)[1:-1] if one != "\x7f" else "\\u007f"

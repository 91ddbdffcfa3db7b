"""How an expression of a filter may go on: names, operators, the words of columns that have few, ``and`` and ``or``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from analysis.tables.fields import column_called

__all__ = ["completions", "words_of"]

TOKENS = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|==|!=|<=|>=|[<>()=,]|[\w.:\-]+)""")
PARTIAL = re.compile(r"[\w.]*$")
OPERATORS = ("==", "!=", "<", "<=", ">", ">=", "contains", "matches", "in (")
BEFORE_NAMES = ("and", "or", "not", "(", "")
MOST = 200


def words_of(table: str, name: str) -> list[str]:
    """The words that a column of few words holds.

    >>> words_of("packets", "nwk_security")
    ['none', 'ok', 'no_key', 'bad_mic', 'replay']
    """
    column = column_called(table, name)
    if column is None:
        return []
    if column.type == "bool":
        return ["true", "false"]
    if not column.few:
        return []
    return [
        word
        for part in re.sub(r"\(.*?\)", "", column.meaning).split(",")
        if (word := part.strip().split(" ")[0])
    ]


def completions(text: str, names: Mapping[str, tuple[str, str]]) -> list[str]:
    """Whole expressions that begin with `text`, as far as they go on with one word.

    Args:
        names: what may be named, each with its table and column.

    >>> completions("nwk_sec", {"nwk_security": ("packets", "nwk_security")})
    ['nwk_security']
    >>> completions("nwk_security == no", {"nwk_security": ("packets", "nwk_security")})
    ['nwk_security == none', 'nwk_security == no_key']
    """
    found = PARTIAL.search(text)
    partial = found[0] if found else ""
    before = text[: len(text) - len(partial)]
    tokens = TOKENS.findall(before)
    last = tokens[-1] if tokens else ""
    if last.lower() in BEFORE_NAMES and not (last == "(" and len(tokens) > 1 and tokens[-2].lower() == "in"):
        going = [name for name in names if name.startswith(partial)] or [
            name for name in names if partial in name
        ]
    elif last in names:
        going = [one for one in OPERATORS if one.startswith(partial)]
    elif last in (*OPERATORS, "=", "(", ","):
        column = next((token for token in reversed(tokens) if token in names), "")
        table, name = names.get(column, ("", ""))
        going = [word for word in words_of(table, name) if word.startswith(partial)]
    else:
        going = [one for one in ("and", "or") if one.startswith(partial)]
    return [before + one for one in going[:MOST]]

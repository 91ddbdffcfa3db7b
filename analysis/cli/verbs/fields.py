"""`hanscope fields`: every name that a filter knows, from the schema."""

from __future__ import annotations

from analysis.cli import console
from analysis.tables.fields import field_names, fields_about, kind_of
from analysis.tables.filter_language import close_names

__all__ = ["run"]

GAP = 2


def run(word: str, *, as_json: bool) -> int:
    """Print the names; see `hanscope fields --help`."""
    found = fields_about(word)
    if as_json:
        console.put_json({"schema": 1, "fields": [one.to_json() for one in found]})
        return console.OK
    if not found:
        close = close_names(
            word, [one.name for one in field_names()] + [one.plain for one in field_names()], 3
        )
        raise console.UsageError(
            f"no name or meaning has {word!r} in it", f"{' or '.join(close)}?" if close else "hanscope fields"
        )
    kinds = [kind_of(one.column) + (f", {one.column.unit}" if one.column.unit else "") for one in found]
    widths = max(len(one.name) for one in found) + GAP, max(map(len, kinds)) + GAP
    for one, kind in zip(found, kinds, strict=True):
        console.put(f"{one.name:<{widths[0]}}{kind:<{widths[1]}}{one.column.meaning}".rstrip())
    return console.OK

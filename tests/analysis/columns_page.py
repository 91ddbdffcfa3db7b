"""The page of all columns, written from the schema.

python -m tests.analysis.columns_page        # writes docs/columns.md"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from analysis.tables.schema import TABLES, Column

PAGE = Path(__file__).parents[2] / "docs" / "columns.md"
ADDRESSES = {
    "eui64": "16 hex digits",
    "short": "4 hex digits",
    "either": "16 or 4 hex digits",
}
TYPES = {"category": "text", "string": "text", "time": "time, UTC, ns", "frames": "list of uint64"}
HEAD = """# Columns

The tables that `hanscope decode` writes and that Python gives, column by column; written by
`python -m tests.analysis.columns_page` from `analysis/tables/schema.py`, a test holds it. Null means "not in this frame"
or "not readable".

Addresses are text: 16 hex digits of an EUI-64 (and of an extended PAN ID), 4 of a short address, as nothing that reads
CSV, JSON or Parquet may lose their digits. A PAN ID is a number. Texts are dictionary-encoded in Parquet and Arrow; in frames of
Python they are categories in the order of their words, on which `.str` works (all addresses of a table have the same ones, so that
columns of them can be compared; `.astype("str")` makes plain text, for `<` and `+`). Inside, rules get addresses as numbers
(`View`, `Decoded.arrow`). Filter expressions take both: `nwk_src == 0x1a2b`, `nwk_src contains 1a`.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_lines()]).rstrip() + "\n"


def _lines() -> Iterator[str]:
    for table, columns in TABLES.items():
        yield from (f"## {table}", "", "| column | type | meaning |", "|---|---|---|")
        for column in columns:
            unit = f" ({column.unit})" if column.unit else ""
            yield f"| `{column.name}` | {kind(column)} | {column.meaning.replace('|', '/')}{unit} |"
        yield ""


def kind(column: Column) -> str:
    """The type as it leaves the program."""
    if column.address:
        return ADDRESSES.get(column.address, f"16 or 4 hex digits, as `{column.address}` says")
    return TYPES.get(column.type, column.type)


def main() -> None:
    PAGE.write_text(page(), "utf-8")


if __name__ == "__main__":
    main()

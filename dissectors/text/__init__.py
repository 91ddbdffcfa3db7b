"""Octets as text: what people paste, and what can be shown of octets that others chose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.modules.lazy_names import public_names

if TYPE_CHECKING:
    from dissectors.text.display import csv_cell as csv_cell
    from dissectors.text.display import json_text as json_text
    from dissectors.text.display import printable as printable
    from dissectors.text.display import readable as readable
    from dissectors.text.display import shown_json as shown_json
    from dissectors.text.pasted import from_dump as from_dump
    from dissectors.text.pasted import from_json as from_json
    from dissectors.text.pasted import from_line as from_line
    from dissectors.text.pasted import from_log_line as from_log_line


__getattr__, __dir__, __all__ = public_names(
    __name__,
    {
        "display": "csv_cell json_text printable readable shown_json",
        "pasted": "from_dump from_json from_line from_log_line",
    },
)

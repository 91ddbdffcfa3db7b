"""Tables: their columns, their Arrow form, and how they are written.

Its names resolve on first use, so that nobody loads what nobody asks for.
"""

from typing import Any

from analysis import resolved

_WHERE = {
    "FORMATS": "analysis.tables.output",
    "Folder": "analysis.tables.output",
    "SchemaError": "analysis.tables.arrow",
    "TABLES": "analysis.tables.schema",
    "arrow_schema": "analysis.tables.arrow",
    "batch_of": "analysis.tables.arrow",
    "check_batch": "analysis.tables.arrow",
    "codes_of": "analysis.tables.arrow",
    "column_array": "analysis.tables.arrow",
    "columns_of": "analysis.tables.schema",
    "empty_table": "analysis.tables.arrow",
    "numpy_of": "analysis.tables.arrow",
    "shown": "analysis.tables.arrow",
    "sound_text": "analysis.tables.arrow",
    "truths_of": "analysis.tables.arrow",
}


def __getattr__(name: str) -> Any:
    return resolved(__name__, name, _WHERE)


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})

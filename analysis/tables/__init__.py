"""Tables: their columns, their Arrow form, and how they are written.

Its names resolve on first use, so that nobody loads what nobody asks for.
"""

from dissectors.modules import public_names

__getattr__, __dir__, __all__ = public_names(
    __name__,
    {
        "arrow": "SchemaError arrow_schema batch_of check_batch codes_of column_array empty_table "
        "numpy_of shown sound_text truths_of",
        "output": "FORMATS Folder",
        "schema": "TABLES columns_of",
    },
)

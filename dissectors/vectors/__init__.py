"""Building blocks of the column path: octets of many frames read at once, tables, keys, timelines (numpy alone).

Strategy: a block of frames is one flat buffer. A layer of a protocol is a `Span` of it: it reads a header field of all
rows with one gather, checks the bounds, and passes the rows that it understood to the layer above as a new `Span`.
"""

from typing import TYPE_CHECKING

from dissectors.modules.lazy_names import public_names
from dissectors.vectors.grouping import (
    distinct,
    distinct_rows,
    first_places,
    highest_before,
    sorted_distinct,
    stable_order,
    unique_values,
)
from dissectors.vectors.octets import PADDING, Index, Mask, OctetArray, RowFields, Span, padded
from dissectors.vectors.table import Columns, WordList, aligned, stacked
from dissectors.vectors.timeline import Timeline

if TYPE_CHECKING:
    from dissectors.vectors import kernels as kernels
    from dissectors.vectors.kernels import take as take

__all__ = [
    "PADDING",
    "Columns",
    "Index",
    "Mask",
    "OctetArray",
    "RowFields",
    "Span",
    "Timeline",
    "WordList",
    "aligned",
    "distinct",
    "distinct_rows",
    "first_places",
    "highest_before",
    "padded",
    "sorted_distinct",
    "stable_order",
    "stacked",
    "unique_values",
]

# Arrow takes a while to load.
__getattr__, __dir__, _later = public_names(__name__, {"kernels": "take"}, modules="kernels")
__all__ += _later

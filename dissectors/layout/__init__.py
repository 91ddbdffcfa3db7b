"""What a layer is made of: parts in wire order, from which come the tree, the builder and (in `dissectors.scapy`)
Scapy's layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.layout.columns import Column
from dissectors.layout.compound import Inline, ListOf, Nested, Records
from dissectors.layout.layer import Layer
from dissectors.layout.parts import Bits, Length, Octets, Part, Secret, UInt, Word, eui64_text, named
from dissectors.modules.lazy_names import public_names

if TYPE_CHECKING:
    from dissectors.layout.reading import Mic as Mic
    from dissectors.layout.reading import Reading as Reading
    from dissectors.layout.tables import names as names
    from dissectors.layout.tables import rows_in as rows_in
    from dissectors.layout.tables import sections as sections
    from dissectors.layout.tables import table as table

__all__ = [
    "Bits",
    "Column",
    "Inline",
    "Layer",
    "Length",
    "ListOf",
    "Nested",
    "Octets",
    "Part",
    "Records",
    "Secret",
    "UInt",
    "Word",
    "eui64_text",
    "named",
]

__getattr__, __dir__, _later = public_names(
    __name__, {"reading": "Mic Reading", "tables": "names rows_in sections table"}
)
__all__ += _later

"""What a layer is made of: parts in wire order, from which come the tree, the builder and (in `dissectors.scapy`)
Scapy's layers."""

from __future__ import annotations

from dissectors.layout.columns import Column
from dissectors.layout.compound import Inline, ListOf, Nested, Records
from dissectors.layout.layer import Layer
from dissectors.layout.parts import Bits, Length, Octets, Part, Secret, UInt, Word, eui64_text, named

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

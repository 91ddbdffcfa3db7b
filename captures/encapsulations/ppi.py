"""Link type 192, Per-Packet Information: a header that names the link type of what follows its fields.

Layout (CACE PPI header specification 1.0.10): version u8 (0), flags u8, length u16 of header and fields, link type
u32; fields: type u16, length u16, value; all least significant octet first. The fields (position, 802.11 radio)
are left to the tree: none of them is about IEEE 802.15.4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from captures.block import Kind
from captures.encapsulations.draft import Draft, Rows
from captures.encapsulations.walk import Step, Walk
from captures.gather import gather
from captures.structure import Structure

__all__ = ["HEADER", "LINK_TYPE", "PPI", "step", "unwrap"]

LINK_TYPE = 192
HEADER = 8


def unwrap(draft: Draft, rows: Rows, inside: Mapping[int, Callable[[Draft, Rows], None]]) -> None:
    """Take PPI headers off, and what the link type inside asks for."""
    block = draft.block
    there = block.length[rows] >= HEADER
    draft.nothing(rows[~there], "shorter than a PPI header")
    rows = rows[there]
    head = gather(block.data, block.offset[rows], "<u4").astype(np.int64)
    kind = gather(block.data, block.offset[rows] + 4, "<u4").astype(np.int64)
    length = head >> 16
    wrong = (head & 0xFF != 0) | (length < HEADER) | (length > block.length[rows])
    draft.nothing(rows[wrong], "damaged PPI header (version or length)")
    rows, kind, length = rows[~wrong], kind[~wrong], length[~wrong]
    block.offset[rows] += length
    block.length[rows] -= length.astype(np.int32)
    draft.wire[rows] -= length
    for inner in np.unique(kind).tolist():
        mine = rows[kind == inner]
        take_off = inside.get(inner)
        if take_off is None or inner == LINK_TYPE:
            block.kind[mine] = Kind.PACKET
        else:
            take_off(draft, mine)


# --- one record as a tree

PPI = Structure(
    lambda c: c.Struct(
        "version" / c.Default(c.Int8ul, 0),
        "flags" / c.Default(c.Int8ul, 0),
        "length" / c.Int16ul,
        "link_type" / c.Int32ul,
    )
)


def step(walk: Walk, inside: Mapping[int, Step]) -> Step | None:
    """The header as a branch and its fields as octets; then what the link type inside asks for."""
    head = walk.header("ppi", PPI)
    if not head:
        return None
    walk.end, whole = min(walk.end, max(head["length"], walk.at)), walk.end
    walk.rest("ppi_fields")
    walk.end = whole
    inner = head["link_type"]
    if inner not in inside:
        walk.rest("packet")
    return None if inner == LINK_TYPE else inside.get(inner)

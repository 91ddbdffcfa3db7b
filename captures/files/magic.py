"""The first octets of pcap and pcapng files, and how to tell a file header in the middle of other octets."""

from __future__ import annotations

import struct
from typing import NamedTuple

from captures.files.source import Window

__all__ = ["PCAPNG", "VARIANTS", "Variant", "file_header", "next_file_header"]

PCAPNG = bytes.fromhex("0a0d0d0a")
PCAP_HEADER, SECTION_HEADER = 24, 28
BYTE_ORDERS = (bytes.fromhex("4d3c2b1a"), bytes.fromhex("1a2b3c4d"))
MOST_TRIED = 4096
"""Places that look like a header at first sight and are looked at, of one stretch of damage."""


class Variant(NamedTuple):
    """One kind of pcap: byte order, nanoseconds in a unit of the fraction, octets of a record header."""

    order: str
    unit: int
    header: int


VARIANTS = {
    bytes.fromhex("d4c3b2a1"): Variant("<", 1000, 16),
    bytes.fromhex("a1b2c3d4"): Variant(">", 1000, 16),
    bytes.fromhex("4d3cb2a1"): Variant("<", 1, 16),
    bytes.fromhex("a1b23c4d"): Variant(">", 1, 16),
    bytes.fromhex("34cdb2a1"): Variant("<", 1000, 24),
    bytes.fromhex("a1b2cd34"): Variant(">", 1000, 24),
}


def file_header(window: Window, index: int) -> str:
    """``pcap`` or ``pcapng`` when a whole file header stands `index` octets on in the window; else empty.

    More than the magic number is looked at: the version of pcap (2.4) and its accuracy (0), the byte order of pcapng.
    """
    if not window.fill(index + PCAP_HEADER):
        return ""
    at = window.begin + index
    head = bytes(window.memory[at : at + PCAP_HEADER])
    variant = VARIANTS.get(head[:4])
    if variant is not None:
        major, minor, _, accuracy = struct.unpack_from(variant.order + "HHII", head, 4)
        return "pcap" if (major, minor, accuracy) == (2, 4, 0) else ""
    whole = head[:4] == PCAPNG and head[8:12] in BYTE_ORDERS
    return "pcapng" if whole and window.fill(index + SECTION_HEADER) else ""


def next_file_header(window: Window, index: int, stop: int) -> int | None:
    """How many octets on in the window the first file header between `index` and `stop` stands."""
    found = [
        place for magic in (PCAPNG, *VARIANTS) if (place := _find(window, magic, index, stop)) is not None
    ]
    return min(found) if found else None


def _find(window: Window, magic: bytes, index: int, stop: int) -> int | None:
    for _ in range(MOST_TRIED):
        place = window.memory.find(magic, window.begin + index, window.begin + min(stop, len(window)))
        if place < 0:
            return None
        index = place - window.begin
        if file_header(window, index):
            return index
        index += 1
    return None

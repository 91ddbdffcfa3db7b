"""The corpus of a target: inputs worth keeping, in one compressed file, all made of our own octets.

A file holds the entries in order of their size, each behind its length (four octets), compressed with xz. Entries that
reach code that no smaller entry reaches are kept (`tests.fuzz.growth`).
"""

from __future__ import annotations

import lzma
import struct
from collections.abc import Iterable
from pathlib import Path

__all__ = ["FOLDER", "load", "save"]

FOLDER = Path(__file__).parent / "corpus"


def load(name: str, folder: Path = FOLDER) -> list[bytes]:
    """The entries of target `name`; empty when it has none yet."""
    path = folder / f"{name}.xz"
    if not path.exists():
        return []
    packed, at, out = lzma.decompress(path.read_bytes()), 0, []
    while at < len(packed):
        (size,) = struct.unpack_from(">I", packed, at)
        out.append(packed[at + 4 : at + 4 + size])
        at += 4 + size
    return out


def save(name: str, entries: Iterable[bytes], folder: Path = FOLDER) -> Path:
    """Write the entries of target `name`, each once, the smallest first."""
    path = folder / f"{name}.xz"
    held = sorted(set(entries), key=lambda entry: (len(entry), entry))
    packed = b"".join(struct.pack(">I", len(entry)) + entry for entry in held)
    beside = path.with_suffix(".new")
    beside.write_bytes(lzma.compress(packed, preset=9 | lzma.PRESET_EXTREME))
    beside.replace(path)
    return path

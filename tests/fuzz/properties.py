"""What must hold of whatever is read, whatever the octets: each raises AssertionError where it does not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from dissectors.model.field import Field, Issue

__all__ = ["covered", "offsets", "safe", "unrevealed"]

_CONTROLS = frozenset(["Cc", "Cf", "Cs", "Zl", "Zp"])
HEX_KEY = re.compile(r"(?:[0-9a-fA-F]{2}[\s:\-]*){16}")


def covered(fields: Iterable[Field], buffers: Mapping[str, bytes]) -> None:
    """Every octet of every buffer is in a leaf, and no leaf reaches outside."""
    seen = {name: bytearray(len(octets)) for name, octets in buffers.items()}
    for top in fields:
        for leaf in top.leaves():
            marks = seen[leaf.buffer]
            assert 0 <= leaf.offset <= leaf.end <= len(marks), (leaf.name, leaf.offset, leaf.end)
            marks[leaf.offset : leaf.end] = b"\1" * leaf.length
    for name, marks in seen.items():
        assert all(marks), (name, [i for i, mark in enumerate(marks) if not mark][:8])


def offsets(issues: Iterable[Issue], buffers: Mapping[str, bytes]) -> None:
    """Every issue names a layer, and a place that some buffer has."""
    longest = max(map(len, buffers.values()), default=0)
    for issue in issues:
        assert issue.layer and issue.text, issue
        assert 0 <= issue.offset <= longest, issue


def safe(lines: Iterable[str]) -> None:
    """Nothing that a terminal would obey: no control, no direction mark, no line within a line."""
    for line in lines:
        wrong = [c for c in line if c != "\t" and unicodedata.category(c) in _CONTROLS]
        assert not wrong, (line[:200], wrong)


def unrevealed(text: str, secrets: Iterable[bytes]) -> None:
    """None of `secrets` is in `text`, in hex of either case with or without separators, nor as characters."""
    digits = re.sub(r"[\s:\-]", "", text).lower()
    for secret in secrets:
        assert secret.hex() not in digits, "a secret is shown in hex"
        if secret.isascii():
            assert secret.decode("ascii") not in text, "a secret is shown"

"""Choices taken from octets, so that a fuzzer's input can drive a builder; and lists of octet strings in one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

__all__ = ["Choices", "joined", "parted"]

T = TypeVar("T")


class Choices:
    """Values from `octets` in order; zeros when they are used up."""

    def __init__(self, octets: bytes) -> None:
        self._octets, self._at = octets, 0

    @property
    def spent(self) -> bool:
        return self._at >= len(self._octets)

    def octets(self, count: int) -> bytes:
        """Exactly `count` octets."""
        found = self._octets[self._at : self._at + count]
        self._at += count
        return found.ljust(count, b"\0")

    def number(self, size: int, *, signed: bool = False) -> int:
        """A number of `size` octets."""
        return int.from_bytes(self.octets(size), "big", signed=signed)

    def below(self, limit: int) -> int:
        return self.number(2 if limit > 256 else 1) % limit

    def one(self, options: Sequence[T]) -> T:
        return options[self.below(len(options))]

    def flag(self) -> bool:
        return bool(self.number(1) & 1)

    def rest(self) -> bytes:
        found = self._octets[self._at :]
        self._at = len(self._octets)
        return found


def joined(parts: Iterable[bytes]) -> bytes:
    """Octet strings of at most 255 octets behind each other, each behind its length."""
    return b"".join(bytes((len(part),)) + part for part in parts if len(part) < 256)


def parted(octets: bytes) -> list[bytes]:
    """The strings that `joined` put together; the last may be shorter than its length says."""
    out, at = [], 0
    while at < len(octets):
        size = octets[at]
        out.append(octets[at + 1 : at + 1 + size])
        at += 1 + size
    return out

"""What a dissector raises: one root, and five kinds that a caller may want to tell apart.

Every error names the layer and the absolute octet offset, so that a message can point at the place.
A dissector that meets one keeps what it has read so far and turns the error into an `Issue`
(see `dissectors.model.field`); errors reach a caller only from functions whose docstring says so.
"""

from __future__ import annotations

from typing import Any, Self

__all__ = [
    "AuthenticationFailed",
    "DissectionError",
    "KeyMissing",
    "Malformed",
    "Truncated",
    "Unsupported",
]


class DissectionError(Exception):
    """The octets could not be read as what they should be.

    Args:
        text: what is wrong, in one sentence without the layer or the offset.
        layer: the protocol layer, such as ``"zigbee.nwk"``.
        offset: absolute octet offset in the buffer that was being read.
    """

    def __init__(self, text: str, *, layer: str = "", offset: int = 0) -> None:
        super().__init__(text)
        self.text = text
        self.layer = layer
        self.offset = offset
        self.partial: Any = None
        """What was read before, where a reader that knows of nothing else leaves it (`dissectors.layout.axdr`)."""

    def kept(self) -> Self:
        """This error, without the way that it came.

        For who keeps it beside what was read: the functions on that way hold all that they had read, and the error with
        it, so that only Python's search for cycles would end them.
        """
        self.__traceback__ = self.__context__ = None
        return self

    def __str__(self) -> str:
        return f"{self.layer}: offset {self.offset}: {self.text}" if self.layer else self.text


class Truncated(DissectionError):
    """More octets are needed than are there."""

    def __init__(self, need: int, have: int, *, layer: str = "", offset: int = 0) -> None:
        super().__init__(f"truncated: need {need} octets, have {have}", layer=layer, offset=offset)
        self.need = need
        self.have = have


class Malformed(DissectionError):
    """The octets contradict the encoding rules of their layer."""


class Unsupported(DissectionError):
    """Well formed as far as can be told, but of a kind that is not read (compression, say)."""


class KeyMissing(DissectionError):
    """Protected octets, and no key that could open them is held."""


class AuthenticationFailed(DissectionError):
    """A key was held, and the integrity code does not match."""

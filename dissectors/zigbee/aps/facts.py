"""What an APS header said, however it was read.

Source: ZigBee 05-3474 R22 clause 2.2.5.1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["ApsFacts", "ApsHeaderFacts"]

BITS = {"frame_type": (0, 2), "delivery_mode": (2, 2)}
"""Parts of the frame control that are asked for: lowest bit and width."""


class ApsHeaderFacts(Protocol):
    """What is asked of an APS header once it has been read, by whichever path."""

    def bit(self, name: str) -> int:
        """The value of a part of the frame control."""

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a field, `default` where the header has none of that name."""

    def fragment(self) -> int:
        """0: whole; 1: the first block, whose `block` is the number of blocks; 2: a later one."""


@dataclass(slots=True, eq=False, repr=False)
class ApsFacts:
    """An APS header that the column path read: its frame control, fragmentation, and fields by name."""

    control: int
    fragmentation: int
    fields: dict[str, int] = field(default_factory=dict)

    def bit(self, name: str) -> int:
        """The value of a part of the frame control."""
        low, width = BITS[name]
        return self.control >> low & (1 << width) - 1

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a field, `default` where the header has none of that name."""
        return self.fields.get(name, default)

    def fragment(self) -> int:
        """0: whole; 1: the first block, whose `block` is the number of blocks; 2: a later one."""
        return self.fragmentation

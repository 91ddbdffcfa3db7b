"""Which keys have proved to be right."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["KeyProofs"]


@dataclass(slots=True)
class KeyProofs:
    """Keys that have opened a frame: per PAN and key sequence number, or per pair of devices."""

    proven: set[tuple[object, bytes]] = field(default_factory=set)

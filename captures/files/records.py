"""What a file format hands on: records as the file has them, before any encapsulation is taken off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from captures.block import Lost
from dissectors.keyring import Key

MOST_NOTES = 100

__all__ = ["Facts", "Interface", "Reader", "Records"]


@dataclass(slots=True)
class Interface:
    """One interface of a capture: its link type and what is known of the frames that came through it.

    `trailer_octets` is what the file itself says of the FCS (link-type word of pcap, ``if_fcslen`` of
    pcapng); None when it says nothing.
    """

    link_type: int
    name: str = ""
    snap_length: int = 0
    trailer_octets: int | None = None


@dataclass(slots=True, eq=False, repr=False)
class Facts:
    """What a file says besides its records; grows while it is being read."""

    interfaces: list[Interface] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    secrets: list[Key] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Say something of the capture that took nothing away; the first `MOST_NOTES` are kept."""
        if len(self.notes) < MOST_NOTES:
            self.notes.append(text)


@dataclass(slots=True, eq=False, repr=False)
class Records:
    """Records in the order of the file; arrays as in `captures.block.FrameBlock`.

    `wire_length` is the length before the snap length cut the record. `channel`, `rssi` and `lqi` are for
    formats that tell them beside the frame. `comments` are by row.
    """

    data: npt.NDArray[np.uint8]
    offset: npt.NDArray[np.int64]
    length: npt.NDArray[np.int32]
    wire_length: npt.NDArray[np.int32]
    time_ns: npt.NDArray[np.int64]
    interface: npt.NDArray[np.uint16]
    comments: dict[int, str] = field(default_factory=dict)
    channel: npt.NDArray[np.uint8] | None = None
    rssi: npt.NDArray[np.int8] | None = None
    lqi: npt.NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.offset)


class Reader(Protocol):
    """One file format: yields records, and tells `facts` the rest."""

    facts: Facts

    def __iter__(self) -> Iterator[Records]: ...

"""What a file format hands on: records as the file has them, before any encapsulation is taken off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from captures.block import Lost
from captures.files.losses import Losses
from dissectors import Key

__all__ = ["Facts", "Interface", "Reader", "Records"]


MOST_INTERFACES = 256
"""Interfaces of a capture that are told apart; further ones count as one for each link type and FCS length."""
MOST_PLACES = 4096
"""Interfaces in all, those that stand for many included; what no place is left for counts as the last one."""
MOST_COMMENTS = 4096
MOST_NAMES = 65_536
MOST_SECRETS = 4096
MOST_NOTES = 100
"""Comments on a capture, its sections and interfaces, names of devices, keys in it, and notes that are held."""
LONGEST_NAME = 256
LONGEST_COMMENT = 65_536
COMMENT_ROOM = 4 * 1024 * 1024
"""Characters of a name and of a comment that are held, and of all comments together."""


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
    """What a file says besides its records; grows while it is being read, up to the ceilings above.

    What no room is left for is counted among `lost`.
    """

    interfaces: list[Interface] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    secrets: list[Key] = field(default_factory=list)
    lost: Losses = field(default_factory=Losses)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    _places: dict[tuple[int, int | None], int] = field(default_factory=dict)
    _commented: int = 0

    def describe(self, interface: Interface, offset: int = 0) -> int:
        """The place in `interfaces` that an interface gets; `offset` is where it is described."""
        count, kind = len(self.interfaces), (interface.link_type, interface.trailer_octets)
        if count >= MOST_INTERFACES:
            text = f"more than {MOST_INTERFACES} interfaces: those of one link type are not told apart"
            if not self._places:
                self.lost.append(Lost(offset, text))
            if kind in self._places or count >= MOST_PLACES:
                return self._places.get(kind, count - 1)
            self._places[kind] = count
            interface.name = "others"
        interface.name = interface.name[:LONGEST_NAME]
        self.interfaces.append(interface)
        return count

    def comment(self, texts: list[str], offset: int = 0) -> None:
        """Take in comments on the capture."""
        for text in texts:
            text = text[:LONGEST_COMMENT]
            self._commented += len(text)
            if len(self.comments) < MOST_COMMENTS and self._commented <= COMMENT_ROOM:
                self.comments.append(text)
            else:
                self._forget(
                    offset, f"a comment beyond {MOST_COMMENTS} or {COMMENT_ROOM} characters was not kept"
                )

    def name(self, names: dict[int, str], offset: int = 0) -> None:
        """Take in names of devices."""
        for eui64, name in names.items():
            if len(self.names) < MOST_NAMES or eui64 in self.names:
                self.names[eui64] = name[:LONGEST_NAME]
            else:
                self._forget(offset, f"a name of a device beyond {MOST_NAMES} was not kept")

    def keep(self, secrets: list[Key], offset: int = 0) -> None:
        """Take in keys that the capture carries."""
        for key in secrets:
            if len(self.secrets) < MOST_SECRETS:
                self.secrets.append(key)
            else:
                self._forget(offset, f"a key of the capture beyond {MOST_SECRETS} was not kept")

    def note(self, text: str) -> None:
        """Say something of the capture that took nothing away; the first `MOST_NOTES` are kept."""
        if len(self.notes) < MOST_NOTES:
            self.notes.append(text)

    def _forget(self, offset: int, text: str) -> None:
        self.lost.append(Lost(offset, text))


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

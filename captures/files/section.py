"""What a section of a pcapng file has told: its interfaces, and the blocks that hold no packet."""

from __future__ import annotations

from array import array

import numpy as np
import numpy.typing as npt

from captures.block import Lost
from captures.files import blocks
from captures.files.clock import Clock, nanoseconds
from captures.files.records import Facts, Interface
from dissectors.vectors import unique_values

__all__ = ["Section"]

KNOWN = (1, 2, 3, 4, 5, 6, 9, 10, 0x0BAD, 0x4000_0BAD)
MOST_NUMBERED = 1 << 20
"""Interfaces of a section at most; packets of further ones count as of interfaces that were never described."""
MOST_DROPPING = 4096
"""Interfaces whose dropped packets are told one by one."""
MOST_STRANGE = 64
"""Unknown block types that are named."""


class Section:
    """The interfaces of the section being read; what blocks without a packet say goes to the capture's facts.

    An interface costs a place in three arrays (11 octets), less than its description in the file.
    """

    def __init__(self, facts: Facts, order: str) -> None:
        self.facts = facts
        self.order = order
        self.snap_length = 0  # of the first interface: for simple packet blocks
        self.drops: dict[int, int] = {}
        self.strange: set[int] = set()
        self.begin(order)

    def begin(self, order: str) -> None:
        """A new section: interfaces are counted from 0 again."""
        self.order, self.snap_length = order, 0
        self._places = array("H")
        self._resolutions = array("B")
        self._offsets = array("q")

    def __len__(self) -> int:
        return len(self._places)

    def describe(self, interface: Interface, clock: Clock, offset: int = 0) -> None:
        """Take in the next interface."""
        if len(self) >= MOST_NUMBERED:
            text = f"an interface beyond {MOST_NUMBERED} of a section was not kept"
            self.facts.lost.append(Lost(offset, text))
            return
        if not len(self):
            self.snap_length = interface.snap_length
        self._places.append(self.facts.describe(interface, offset))
        self._resolutions.append(clock.resolution)
        self._offsets.append(clock.offset)

    def undescribed(self) -> None:
        """A section without an interface has packets: they get the link type of the last one described."""
        if not len(self):
            last = self.facts.interfaces[-1].link_type if self.facts.interfaces else 195
            self.describe(Interface(last, "undescribed"), Clock())

    def place(self, number: int) -> int:
        """Which of the capture's interfaces the section's interface `number` is."""
        return self._places[number]

    def places(self, number: npt.NDArray[np.int64]) -> npt.NDArray[np.uint16]:
        """`place` of many."""
        return np.frombuffer(self._places, np.uint16)[number] if len(self) else number.astype(np.uint16)

    def time(self, number: int, tick: int) -> int:
        """Nanoseconds since 1970 of a tick of an interface."""
        return Clock(self._resolutions[number], self._offsets[number]).time_ns(tick)

    def times(self, number: npt.NDArray[np.int64], ticks: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
        """`time` of many."""
        times = np.empty(len(ticks), np.int64)
        if not len(ticks):
            return times
        resolution = np.frombuffer(self._resolutions, np.uint8)[number]
        offset = np.frombuffer(self._offsets, np.int64)[number]
        for value in unique_values(resolution):
            mine = resolution == value
            times[mine] = nanoseconds(ticks[mine], value, offset[mine])
        return times

    def take(self, kind: int, body: bytes, offset: int) -> None:
        """Take in a block that is no enhanced packet block, without its type and lengths."""
        facts = self.facts
        if kind == 1:
            found = blocks.interface(body, self.order)
            if found is None:
                facts.lost.append(Lost(offset, "interface description block is cut"))
                return
            self.describe(found[0], found[1], offset)
            facts.comment(found[2], offset)
        elif kind == 4:
            facts.name(blocks.names(body, self.order), offset)
        elif kind == 5:
            self._drop(blocks.drops(body, self.order))
        elif kind == 10:
            facts.keep(blocks.secrets(body, self.order)[1], offset)
        elif kind not in KNOWN and kind not in self.strange and len(self.strange) < MOST_STRANGE:
            self.strange.add(kind)
            facts.lost.append(Lost(offset, f"blocks of unknown type 0x{kind:08x} were skipped"))

    def _drop(self, count: tuple[int, int] | None) -> None:
        """Statistics are running totals: the last ones of an interface count."""
        if count is None or not count[1]:
            return
        number = self._places[count[0]] if count[0] < len(self) else count[0]
        if number in self.drops or len(self.drops) < MOST_DROPPING:
            self.drops[number] = count[1]

    def tell_drops(self) -> None:
        """At the end: how many packets were dropped while capturing."""
        for number, count in self.drops.items():
            text = f"interface {number}: {count} packets were dropped while capturing"
            self.facts.lost.append(Lost(0, text, count))

"""The reading of a chain of records that may be damaged, which pcap and pcapng have in common.

Strategy: while the chain of lengths holds, whole runs of records are taken at once (`captures.files.chain`). Where it
is interrupted, records are looked at one by one: a damaged one is mended, taken or skipped, behind it the next certain
one is searched for, and after many sound ones in a row runs are taken again. So each octet is looked at a bounded number
of times, however often the chain is interrupted. A format says what a record is, which one is sound, and what is done
with one that is not.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt

from captures.block import Lost
from captures.files.batch import FEW, Batch
from captures.files.chain import Chain
from captures.files.records import Facts, Records
from captures.files.source import Window

__all__ = ["ChainReader", "Outcome", "Starts", "search"]

STEADY = 32
"""Sound records in a row after which the chain is followed in runs again."""
NEAREST = 256
FARTHEST = 1024 * 1024
"""Octets that are searched at a time; what holds no record is let go, so that any amount of it costs no memory."""
Outcome = Literal["found", "ended", "far"]
Starts = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""Where records start in the window, and their lengths."""


class ChainReader(ABC):
    """Reads the records of one file from a window.

    Attributes:
        facts: what the file says of itself, and what of it was lost.
        batch: records that were read one at a time, and those of short runs.
        header: octets of a record's header.
        ahead: octets that should be in the window before a run is taken, unless they have to be waited for.
    """

    window: Window
    facts: Facts
    chain: Chain
    header: int

    def __init__(self, window: Window, facts: Facts | None, ahead: int) -> None:
        self.window = window
        self.ahead = ahead
        self.facts = facts or Facts()
        self.batch = Batch()

    def __iter__(self) -> Iterator[Records]:
        window, batch = self.window, self.batch
        while True:
            if batch.full or (len(batch) and not window.source.waiting()):
                yield batch.taken()
            if not self._ready() or self._joined():
                break
            starts, lengths = self._run()
            if not len(starts):
                self._one_by_one()
                continue
            records = self._records(starts, lengths)
            window.advance(int(starts[-1] + self._whole(int(lengths[-1]))))
            if len(records) < FEW and self.chain.recovering:
                batch.extend(records)
                continue
            if len(batch):
                yield batch.taken()
            if len(records):
                yield records
        if len(batch):
            yield batch.taken()

    def _ready(self) -> bool:
        """At least one header is there; a cut one at the end is noted."""
        window = self.window
        if window.source.live is None and len(window) < self.ahead:
            window.fill(self.ahead)
        if window.fill(self.header):
            return True
        if len(window):
            self._cut_header(len(window))
        return False

    def _one_by_one(self) -> None:
        """Read records into the batch until many in a row were sound, the batch is full, or a source has to be
        waited for."""
        window, sound = self.window, 0
        self.chain.interrupted()
        while sound < STEADY and not self.batch.full and len(window) >= self.header and not self._joined():
            length = self._sound()
            if length is not None:
                sound += 1
                self._take(length)
                continue
            if len(self.batch) and not window.source.waiting():
                return
            sound = 0
            self._mend()

    def _lose(self, offset: int, text: str, frames: int = 0) -> None:
        self.facts.lost.append(Lost(offset, text, frames))

    # --- what a format says

    @abstractmethod
    def _joined(self) -> bool:
        """Another file begins here."""

    @abstractmethod
    def _cut_header(self, have: int) -> None:
        """Note that the file ends after `have` octets of a header."""

    @abstractmethod
    def _run(self) -> Starts:
        """The next whole records up to the first doubtful one."""

    @abstractmethod
    def _records(self, starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> Records:
        """The frames of a run."""

    @abstractmethod
    def _whole(self, length: int) -> int:
        """Octets of a record of this length, its header among them."""

    @abstractmethod
    def _sound(self) -> int | None:
        """The length of the first record, if there is no doubt of it."""

    @abstractmethod
    def _take(self, length: int) -> None:
        """Put the first record, of this length, into the batch, and go on behind it."""

    @abstractmethod
    def _mend(self) -> None:
        """Take, mend or skip the first record, which is damaged, or stands before damage or at the end."""


def search(
    window: Window,
    start: int,
    pattern: Callable[[], re.Pattern[bytes]],
    certain: Callable[[int], bool],
    header: int,
    *,
    whole: bool,
) -> tuple[int, Outcome]:
    """How many octets behind the front of the window the next record starts, and ``"found"``; or how many hold none: up
    to the end of the file (``"ended"``), or so many that they are let go (``"far"``).

    A regular expression finds what looks like a record; each such place is then looked at alone. So the effort is in
    proportion to the distance, not to the window.

    Args:
        pattern: what a header looks like; asked for anew where a look may have changed it.
        certain: whether a record starts so many octets on.
        header: octets of a header.
        whole: a header that is not there to its end is left for later.
    """
    index, reach = start, start + NEAREST
    while True:
        if len(window) < reach and not window.ended:
            window.fill(reach if window.source.live is None else min(reach, len(window) + 1))
        stop = min(len(window), reach)
        while index < stop:
            begin = window.begin
            found = pattern().search(window.memory, begin + index, begin + stop)
            at = stop if found is None else found.start() - begin
            if found is None or (whole and at + header > stop):
                index = max(index, stop - header + 1)
                break
            if certain(at):
                return at, "found"
            index = at + 1
        if len(window) <= reach and (window.ended or not window.fill(len(window) + 1)):
            return len(window), "ended"
        if reach >= FARTHEST:
            return index, "far"
        reach *= 4

"""Classic pcap files: micro- and nanoseconds, both byte orders, and the longer record headers of other programs.

Layout: draft-ietf-opsawg-pcap. Strategy: the chain of record lengths is followed in runs
(`captures.files.chain`), then all headers are checked at once. Where a header cannot be true, the record is looked at
alone (`captures.files.repair`), and the next true header is searched for (`captures.files.record_search`).
"""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

from captures.errors import CaptureError
from captures.files.chain import Chain, pcap_headers
from captures.files.magic import VARIANTS, file_header, next_file_header
from captures.files.record_search import LONGEST, SECOND, Header, RecordSearch, with_header_octets
from captures.files.records import Facts, Interface, Records
from captures.files.repair import ChainReader, Starts
from captures.files.source import CHUNK, Window

__all__ = ["FILE_HEADER", "PcapReader", "link_type_word"]

FILE_HEADER = 24
ODD = 16
"""After so many strange headers that fit their neighbours, strangeness is how this file was written."""


def link_type_word(word: int) -> tuple[int, int | None]:
    """Link type and FCS octets (None when not said) of a pcap link-type word.

    Bits 0-15 link type, bit 26 "FCS length follows", bits 28-31 FCS length in 16-bit words.

    >>> link_type_word(0x240000C3)
    (195, 4)
    >>> link_type_word(195)
    (195, None)
    """
    return word & 0xFFFF, (word >> 28) * 2 if word & 0x0400_0000 else None


class PcapReader(ChainReader):
    """Reads one pcap file; the octets of its header are still in `window`.

    Raises:
        CaptureError: the file header is cut.
    """

    def __init__(self, window: Window, facts: Facts | None = None) -> None:
        super().__init__(window, facts, CHUNK // 2)
        if not window.fill(FILE_HEADER):
            text = f"the file header of pcap has {FILE_HEADER} octets, the file has {len(window)}"
            raise CaptureError(window.source.name, len(window), text, "the file was cut")
        head = bytes(window.memory[window.begin : window.begin + FILE_HEADER])
        variant = VARIANTS[head[:4]]
        snap_length, word = struct.unpack(variant.order + "II", head[16:24])
        window.advance(window.begin + FILE_HEADER)
        if window.source.live is None:
            window.fill(self.ahead)
        self.variant = with_header_octets(window, variant)
        self.header = self.variant.header
        link_type, trailer_octets = link_type_word(word)
        self.interface = self.facts.describe(Interface(link_type, "", snap_length, trailer_octets))
        self.search = RecordSearch(window, self.variant, link_type)
        self.chain = Chain(self._look, self._step, self.header, mean=64.0)
        if self.interface:
            self.chain.interrupted()  # the file may be short
        self.odd = 0  # records with strange headers that fit their neighbours all the same

    def _joined(self) -> bool:
        return bool(file_header(self.window, 0))

    def _cut_header(self, have: int) -> None:
        text = f"cut in a record header: {have} of {self.header} octets are there"
        self._lose(self.window.offset(self.window.begin), text, 1)

    def _whole(self, length: int) -> int:
        return self.header + length

    def _look(self, octets: npt.NDArray[np.uint8], begin: int, end: int) -> Starts:
        return pcap_headers(octets, begin, end, self.header, self.variant.order == "<")

    def _step(self, index: int) -> int:
        """Octets of the record at ``memory[index]``, as its header says; 0 for what cannot be one."""
        captured = int(struct.unpack_from(self.variant.order + "I", self.window.memory, index + 8)[0])
        return self.header + captured if captured <= LONGEST else 0

    def _run(self) -> Starts:
        """Starts and lengths of the next whole records; they and their successors have believable headers."""
        starts = self.chain.starts(self.window)
        fields = self.search.headers(starts)
        lengths = fields[:, 2].astype(np.int64)
        ends = starts + self.header + lengths
        good = self.search.believable(fields) if self.odd < ODD else (lengths <= LONGEST) & fields.any(axis=1)
        good &= ~self.search.file_headers(starts, lengths)
        count = int(good.argmin()) - 1 if not good.all() else len(starts)
        count = max(count, 0)
        if count and ends[count - 1] > self.window.end:
            count -= 1
        return starts[:count], lengths[:count]

    def _records(self, starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> Records:
        fields = self.search.headers(starts)
        self.search.near = int(fields[-1, 0])
        time_ns = fields[:, 0].astype(np.int64) * SECOND
        time_ns += fields[:, 1].astype(np.int64) * self.variant.unit
        wire = np.minimum(fields[:, 3], 0x7FFF_FFFF).astype(np.int32)
        length = lengths.astype(np.int32)
        return Records(
            data=self.window.octets,
            offset=starts + self.header,
            length=length,
            wire_length=np.maximum(wire, length),
            time_ns=time_ns,
            interface=np.full(len(starts), self.interface, np.uint16),
        )

    # -- one record at a time, where the file is cut or damaged ------------------------------------------

    def _sound(self) -> int | None:
        here = self.search.fields(self.window.begin)
        end = self._whole(here.captured)
        there = end + self.header <= len(self.window)
        return here.captured if there and self.search.plausible(here) and self.search.begins(end) else None

    def _take(self, length: int) -> None:
        here = self.search.fields(self.window.begin)
        start = self.window.begin + self.header
        self.search.near = here.seconds
        time_ns = here.seconds * SECOND + here.fraction * self.variant.unit
        octets = bytes(self.window.memory[start : start + length])
        self.batch.append(octets, time_ns, self.interface, max(min(here.original, 0x7FFF_FFFF), length))
        self.window.advance(start + length)

    def _mend(self) -> None:
        length, skip = self._judged(self.search.fields(self.window.begin))
        if length is not None:
            self._take(length)
        self.window.advance(self.window.begin + skip)

    def _judged(self, here: Header) -> tuple[int | None, int]:
        """Length of the first record, None when it is no record; and the octets to skip (after it)."""
        header = self.header
        end, at = header + here.captured, self.window.offset(self.window.begin)
        if self.search.by_original(here, 0):
            text = (
                f"record length {here.captured} is damaged: {here.original} was taken, the length on the air"
            )
            self._lose(at, text)
            return here.original, 0
        if any(here) and here.captured <= LONGEST and self.search.there(end):
            joined = self.search.swallowed(end)
            if joined is None and not self.search.plainly_followed(end):
                joined = next_file_header(self.window, 4, end)
            if joined is not None:
                return self._up_to(joined, end)
            if self.search.followed(end):
                self.odd += not self.search.plausible(here)
                return here.captured, 0
        if self.search.near is None and self.search.plausible(here):
            self.search.near = here.seconds
        found, how = self.search.next_record(header)
        joined = next_file_header(self.window, 4, found)
        if joined is not None:
            return self._up_to(joined, end)
        if how == "ended":
            return self._last(here, at)
        gap = found - header
        if self.search.plausible(here) and end <= found:
            return here.captured, 0  # what comes next is damaged, not this one
        if how == "far":
            self._lose(at, f"{found} octets that hold no certain record were skipped", 1)
            return None, found
        if gap == here.original or self.search.plausible(here):
            text = f"record length {here.captured} is damaged: the next record starts after {gap} octets"
            self._lose(at, text)
            return gap, 0
        self._lose(at, f"damaged record header: {found} octets up to the next record were skipped", 1)
        return None, found

    def _up_to(self, joined: int, end: int) -> tuple[int | None, int]:
        """What is left before another file header: the record that ends there, or what is lost of one."""
        if end == joined:
            return joined - self.header, 0
        at = self.window.offset(self.window.begin)
        self._lose(at, f"cut in a record: {joined} of {end} octets are there", 1)
        return None, joined

    def _last(self, here: Header, at: int) -> tuple[int | None, int]:
        """No record follows this one: give it when it is whole, and note what is lost."""
        have, end = len(self.window), self.header + here.captured
        if any(here) and here.captured <= self.search.longest and have >= end:
            if self.search.plausible(here):
                return here.captured, 0
            self._lose(at + end, f"{have - end} octets up to the end belong to no record")
            return here.captured, have - end
        if not any(here):
            self._lose(at, f"{have} octets that are no record, from zeros on")
        elif here.captured <= self.search.longest:
            self._lose(at, f"cut in a record: {have} of {end} octets are there", 1)
        else:
            self._lose(at, f"damaged record header (length {here.captured}), and no record after it", 1)
        return None, have

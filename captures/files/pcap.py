"""Classic pcap files: micro- and nanoseconds, both byte orders, and Kuznetzov's longer record header.

Layout: draft-ietf-opsawg-pcap. Strategy: the chain of record lengths is followed in runs
(`captures.files.chain`), then all headers are checked at once.
Where a header cannot be true, the record is looked at alone, and the next true header is searched for.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from captures.block import Lost
from captures.errors import CaptureError
from captures.files.chain import Chain, pcap_headers
from captures.files.gather import gather
from captures.files.magic import VARIANTS, file_header, next_file_header
from captures.files.records import Facts, Interface, Records
from captures.files.source import CHUNK, Window

__all__ = ["FILE_HEADER", "PcapReader", "link_type_word"]

FILE_HEADER = 24
LONGEST = 262_144
"""The longest record that libpcap writes; a longer one is damage."""
LONGEST_BY_LINK_TYPE = {195: 2304, 215: 2304, 230: 2304, 283: 4096}
"""A PSDU has at most 2047 octets (SUN PHYs); what is much longer is damage in a capture of radio frames."""
SECOND = 1_000_000_000
NEAR = 366 * 86_400
"""Seconds between records beyond which a header that was searched for is not believed."""
ODD = 16
"""After so many strange headers that fit their neighbours, strangeness is how this file was written."""
SEARCH = 65_536
FARTHEST = 16 * 1024 * 1024
"""Octets in which the record after damage is searched for: at first, and at most."""
TRIES = 256


class Header(NamedTuple):
    """A record header."""

    seconds: int
    fraction: int
    captured: int
    original: int


def link_type_word(word: int) -> tuple[int, int | None]:
    """Link type and FCS octets (None when not said) of a pcap link-type word.

    Bits 0-15 link type, bit 26 "FCS length follows", bits 28-31 FCS length in 16-bit words.

    >>> link_type_word(0x240000C3)
    (195, 4)
    >>> link_type_word(195)
    (195, None)
    """
    return word & 0xFFFF, (word >> 28) * 2 if word & 0x0400_0000 else None


class PcapReader:
    """Reads one pcap file; the octets of its header are still in `window`.

    Raises:
        CaptureError: the file header is cut.
    """

    def __init__(self, window: Window, facts: Facts | None = None) -> None:
        self.window = window
        self.facts = facts or Facts()
        if not window.fill(FILE_HEADER):
            text = f"the file header of pcap has {FILE_HEADER} octets, the file has {len(window)}"
            raise CaptureError(window.source.name, len(window), text, "the file was cut")
        head = bytes(window.memory[window.begin : window.begin + FILE_HEADER])
        self.variant = VARIANTS[head[:4]]
        snap_length, word = struct.unpack(self.variant.order + "II", head[16:24])
        link_type, trailer_octets = link_type_word(word)
        self.interface = len(self.facts.interfaces)
        self.facts.interfaces.append(Interface(link_type, "", snap_length, trailer_octets))
        self.longest = LONGEST_BY_LINK_TYPE.get(link_type, LONGEST)
        self.chain = Chain(self._look, self._step, self.variant.header, mean=64.0)
        self.odd = 0  # records with strange headers that fit their neighbours all the same
        self.near: int | None = None  # time of the last believed record, seconds
        window.advance(window.begin + FILE_HEADER)

    def __iter__(self) -> Iterator[Records]:
        window = self.window
        while self._ready() and not file_header(window, 0):
            starts, lengths = self._run()
            skip = 0
            if not len(starts):
                alone = self._alone()
                if alone is None:
                    continue
                starts, lengths, skip = np.array([alone[0]]), np.array([alone[1]]), alone[2]
            records = self._records(starts, lengths)
            window.advance(int(starts[-1] + self.variant.header + lengths[-1]) + skip)
            yield records

    def _ready(self) -> bool:
        """At least one record header is there; a cut one at the end is noted."""
        window = self.window
        if window.source.live is None and len(window) < CHUNK // 2:
            window.fill(CHUNK // 2)
        if window.fill(self.variant.header):
            return True
        if len(window):
            text = f"cut in a record header: {len(window)} of {self.variant.header} octets are there"
            self.facts.lost.append(Lost(window.offset(window.begin), text, 1))
        return False

    def _look(
        self, octets: npt.NDArray[np.uint8], begin: int, end: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        return pcap_headers(octets, begin, end, self.variant.header, self.variant.order == "<")

    def _step(self, index: int) -> int:
        """Octets of the record at ``memory[index]``, as its header says; 0 for what cannot be one."""
        captured = int(struct.unpack_from(self.variant.order + "I", self.window.memory, index + 8)[0])
        return self.variant.header + captured if captured <= LONGEST else 0

    def _run(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Starts and lengths of the next whole records; they and their successors have believable headers."""
        starts = self.chain.starts(self.window)
        fields = self._headers(starts)
        lengths = fields[:, 2].astype(np.int64)
        ends = starts + self.variant.header + lengths
        good = self._believable(fields) if self.odd < ODD else (lengths <= LONGEST) & fields.any(axis=1)
        good &= ~self._file_headers(starts, lengths)
        count = int(good.argmin()) - 1 if not good.all() else len(starts)
        count = max(count, 0)
        if count and ends[count - 1] > self.window.end:
            count -= 1
        return starts[:count], lengths[:count]

    def _file_headers(
        self, starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_]:
        """Where a file header stands that reads as an empty record, or most of one, of which the cut record before
        has taken the first octets."""
        out = np.zeros(len(starts), np.bool_)
        for row in np.flatnonzero(lengths == 0)[:TRIES].tolist():
            out[row] = self._swallowed(int(starts[row]) - self.window.begin) is not None
        return out

    def _swallowed(self, index: int) -> int | None:
        """Where a file header begins `index` octets on in the window, or up to four before; None when there is none."""
        places = range(index, max(index - 5, -1), -1)
        return next((place for place in places if file_header(self.window, place)), None)

    def _headers(self, starts: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
        """Seconds, fraction, captured and original length of the records at `starts`."""
        rows = gather(self.window.octets, starts, "V16")
        return rows.view(self.variant.order + "u4").reshape(-1, 4).astype(np.uint32, copy=False)

    def _believable(self, fields: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
        good: npt.NDArray[np.bool_] = fields[:, 2] <= min(self.longest, LONGEST)
        good &= fields[:, 2] <= fields[:, 3]
        good &= fields[:, 1] < SECOND // self.variant.unit
        good &= (fields[:, 0] | fields[:, 3]) != 0  # zeros that fill a file up are no records
        return good

    def _records(self, starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> Records:
        fields = self._headers(starts)
        self.near = int(fields[-1, 0])
        time_ns = fields[:, 0].astype(np.int64) * SECOND
        time_ns += fields[:, 1].astype(np.int64) * self.variant.unit
        wire = np.minimum(fields[:, 3], 0x7FFF_FFFF).astype(np.int32)
        length = lengths.astype(np.int32)
        return Records(
            data=self.window.octets,
            offset=starts + self.variant.header,
            length=length,
            wire_length=np.maximum(wire, length),
            time_ns=time_ns,
            interface=np.full(len(starts), self.interface, np.uint16),
        )

    # -- one record at a time, where the file is cut or damaged ------------------------------------------

    def _header(self, index: int) -> Header | None:
        """The record header `index` octets on, if that much is there (it is waited for)."""
        if not self._there(index + self.variant.header):
            return None
        fields = struct.unpack_from(self.variant.order + "4I", self.window.memory, self.window.begin + index)
        return Header(*fields)

    def _there(self, count: int) -> bool:
        return len(self.window) >= count or self.window.fill(count)

    def _alone(self) -> tuple[int, int, int] | None:
        """Start and length of the first record, and the octets to skip after it.

        None when there is no record to give; what was lost is noted then, and the window advanced.
        """
        header, window = self.variant.header, self.window
        here = self._header(0)
        assert here is not None  # _ready() saw to it
        end = header + here.captured
        if any(here) and here.captured <= LONGEST and self._there(end):
            joined = self._swallowed(end)
            if joined is None and not self._plainly_followed(end):
                joined = next_file_header(window, 4, end)
            if joined is not None:
                return self._up_to(joined, end)
            if self._followed(end):
                self.odd += not self._plausible(here)
                return window.begin, here.captured, 0
        at = window.offset(window.begin)
        if self.near is None and self._plausible(here):
            self.near = here.seconds
        found = self._search(header)
        joined = next_file_header(window, 4, found or len(window))
        if joined is not None:
            return self._up_to(joined, end)
        if found is None:
            return self._last(here, at)
        gap = found - header
        if self._plausible(here) and end <= found:
            return window.begin, here.captured, 0  # what comes next is damaged, not this one
        if gap == here.original or self._plausible(here):
            text = f"record length {here.captured} is damaged: the next record starts after {gap} octets"
            self._lose(at, text)
            return window.begin, gap, 0
        self._lose(at, f"damaged record header: {found} octets up to the next record were skipped", 1)
        window.advance(window.begin + found)
        return None

    def _up_to(self, joined: int, end: int) -> tuple[int, int, int] | None:
        """What is left before another file header: the record that ends there, or what is lost of one."""
        window = self.window
        if end == joined:
            return window.begin, joined - self.variant.header, 0
        self._lose(window.offset(window.begin), f"cut in a record: {joined} of {end} octets are there", 1)
        window.advance(window.begin + joined)
        return None

    def _followed(self, end: int) -> bool:
        """A believable record, or the end of the file, comes `end` octets on, at once or behind a strange one."""
        if self._plainly_followed(end):
            return True
        following = self._header(end)
        assert following is not None
        after = end + self.variant.header + following.captured
        if following.captured > LONGEST or not self._there(after):
            return False
        third = self._header(after)
        return len(self.window) == after or (third is not None and self._plausible(third))

    def _plainly_followed(self, end: int) -> bool:
        following = self._header(end)
        return following is None or self._plausible(following)

    def _last(self, here: Header, at: int) -> tuple[int, int, int] | None:
        """No record follows this one: give it when it is whole, and note what is lost."""
        window, end = self.window, self.variant.header + here.captured
        if any(here) and here.captured <= self.longest and len(window) >= end:
            if self._plausible(here):
                return window.begin, here.captured, 0
            self._lose(at + end, f"{len(window) - end} octets up to the end belong to no record")
            return window.begin, here.captured, len(window) - end
        have = len(window)
        if not any(here):
            self._lose(at, f"{have} octets that are no record, from zeros on")
        elif here.captured <= self.longest:
            self._lose(at, f"cut in a record: {have} of {end} octets are there", 1)
        else:
            self._lose(at, f"damaged record header (length {here.captured}), and no record after it", 1)
        window.advance(window.end)
        return None

    def _search(self, index: int) -> int | None:
        """How many octets on the next record starts that is certain: two headers in a row, or the last."""
        window, reach = self.window, SEARCH
        while True:
            self._there(min(reach, len(window) + 1) if window.source.live is None else index + 1)
            stop = window.begin + min(len(window), reach)
            for start in self._candidates(window.begin + index, stop):
                offset = start - window.begin
                here = self._header(offset)
                if here and self._proven(offset + self.variant.header + here.captured):
                    return offset
            if len(window) <= reach and (window.ended or not window.fill(len(window) + 1)):
                return None
            index, reach = max(index, reach - 2 * self.variant.header), reach * 4
            if reach > FARTHEST:
                return None

    def _candidates(self, begin: int, stop: int) -> list[int]:
        count = stop - self.variant.header - begin
        if count <= 0:
            return []
        rows = np.arange(begin, begin + count)
        fields = self._headers(rows)
        good = self._believable(fields) & (fields[:, 2] > 0) & (fields[:, 0] > 0)
        if self.near is not None:
            good &= np.abs(fields[:, 0].astype(np.int64) - self.near) < NEAR
        return [int(row) for row in rows[good][:TRIES]]

    def _proven(self, end: int) -> bool:
        following = self._header(end)
        if following is None:
            return self.near is not None and len(self.window) == end
        near = self.near is None or abs(following.seconds - self.near) < NEAR
        return self._plausible(following) and near

    def _lose(self, offset: int, text: str, frames: int = 0) -> None:
        self.facts.lost.append(Lost(offset, text, frames))

    def _plausible(self, header: Header) -> bool:
        return bool(self._believable(np.array([header], np.uint32))[0])

"""Classic pcap files: micro- and nanoseconds, both byte orders, and Kuznetzov's longer record header.

Layout: draft-ietf-opsawg-pcap. Strategy: the chain of record lengths is followed in runs
(`captures.files.chain`), then all headers are checked at once.
Where a header cannot be true, the record is looked at alone, and the next true header is searched for.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from captures.block import Lost
from captures.errors import CaptureError
from captures.files.batch import FEW, Batch
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
CLOSE = 86_400
"""Seconds between records within which one header is believed that says the same length twice."""
FARTHEST = 1024 * 1024
"""Octets that are searched at a time; what holds no record is let go, so that any amount of it costs no memory."""
TRIES = 256
"""Empty records of a run that are looked at: they may be file headers."""
STEADY = 32
"""Sound records in a row after which the chain is followed in runs again."""


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
        self.interface = self.facts.describe(Interface(link_type, "", snap_length, trailer_octets))
        self.longest = LONGEST_BY_LINK_TYPE.get(link_type, LONGEST)
        self.chain = Chain(self._look, self._step, self.variant.header, mean=64.0)
        if self.interface:
            self.chain.interrupted()  # the file may be short
        self.odd = 0  # records with strange headers that fit their neighbours all the same
        self.batch = Batch()
        self.sought: tuple[int | None, re.Pattern[bytes] | None] = None, None
        self.near: int | None = None  # time of the last believed record, seconds
        window.advance(window.begin + FILE_HEADER)

    def __iter__(self) -> Iterator[Records]:
        window, batch = self.window, self.batch
        while True:
            if batch.full or (len(batch) and not window.source.waiting()):
                yield batch.taken()
            if not self._ready() or file_header(window, 0):
                break
            starts, lengths = self._run()
            if not len(starts):
                self._one_by_one()
                continue
            records = self._records(starts, lengths)
            window.advance(int(starts[-1] + self.variant.header + lengths[-1]))
            if len(records) < FEW and self.chain.recovering:
                batch.extend(records)
                continue
            if len(batch):
                yield batch.taken()
            yield records
        if len(batch):
            yield batch.taken()

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
        return self._fields(self.window.begin + index)

    def _fields(self, index: int) -> Header:
        """The record header at ``memory[index]``."""
        return Header(*struct.unpack_from(self.variant.order + "4I", self.window.memory, index))

    def _there(self, count: int) -> bool:
        return len(self.window) >= count or self.window.fill(count)

    def _one_by_one(self) -> None:
        """Read records into the batch until many in a row were sound, the batch is full, or a source has to be
        waited for."""
        window, header, sound = self.window, self.variant.header, 0
        self.chain.interrupted()
        while sound < STEADY and not self.batch.full and len(window) >= header and not file_header(window, 0):
            here = self._fields(window.begin)
            end = header + here.captured
            there = end + header <= len(window)
            if there and self._plausible(here) and self._begins(end):
                sound += 1
                self._take(here, here.captured)
                window.advance(window.begin + end)
                continue
            if len(self.batch) and not window.source.waiting():
                return
            sound = 0
            self._alone(here)

    def _begins(self, index: int) -> bool:
        """A believable record begins `index` octets on, and no file header that reads as an empty one."""
        following = self._fields(self.window.begin + index)
        return self._plausible(following) and (following.captured > 0 or self._swallowed(index) is None)

    def _take(self, here: Header, length: int) -> None:
        """The first record, of that length, becomes a row of the batch."""
        start = self.window.begin + self.variant.header
        self.near = here.seconds
        time_ns = here.seconds * SECOND + here.fraction * self.variant.unit
        octets = bytes(self.window.memory[start : start + length])
        self.batch.append(octets, time_ns, self.interface, max(min(here.original, 0x7FFF_FFFF), length))

    def _alone(self, here: Header) -> None:
        """Take or skip the first record, which is damaged, or stands before damage or at the end."""
        length, skip = self._judged(here)
        if length is not None:
            self._take(here, length)
            skip += self.variant.header + length
        self.window.advance(self.window.begin + skip)

    def _judged(self, here: Header) -> tuple[int | None, int]:
        """Length of the first record, None when it is no record; and the octets to skip (after it)."""
        header = self.variant.header
        end, at = header + here.captured, self.window.offset(self.window.begin)
        if self._by_original(here, 0):
            text = (
                f"record length {here.captured} is damaged: {here.original} was taken, the length on the air"
            )
            self._lose(at, text)
            return here.original, 0
        if any(here) and here.captured <= LONGEST and self._there(end):
            joined = self._swallowed(end)
            if joined is None and not self._plainly_followed(end):
                joined = next_file_header(self.window, 4, end)
            if joined is not None:
                return self._up_to(joined, end)
            if self._followed(end):
                self.odd += not self._plausible(here)
                return here.captured, 0
        if self.near is None and self._plausible(here):
            self.near = here.seconds
        found, how = self._search(header)
        joined = next_file_header(self.window, 4, found)
        if joined is not None:
            return self._up_to(joined, end)
        if how == "ended":
            return self._last(here, at)
        gap = found - header
        if self._plausible(here) and end <= found:
            return here.captured, 0  # what comes next is damaged, not this one
        if how == "far":
            self._lose(at, f"{found} octets that hold no certain record were skipped", 1)
            return None, found
        if gap == here.original or self._plausible(here):
            text = f"record length {here.captured} is damaged: the next record starts after {gap} octets"
            self._lose(at, text)
            return gap, 0
        self._lose(at, f"damaged record header: {found} octets up to the next record were skipped", 1)
        return None, found

    def _up_to(self, joined: int, end: int) -> tuple[int | None, int]:
        """What is left before another file header: the record that ends there, or what is lost of one."""
        if end == joined:
            return joined - self.variant.header, 0
        at = self.window.offset(self.window.begin)
        self._lose(at, f"cut in a record: {joined} of {end} octets are there", 1)
        return None, joined

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

    def _last(self, here: Header, at: int) -> tuple[int | None, int]:
        """No record follows this one: give it when it is whole, and note what is lost."""
        have, end = len(self.window), self.variant.header + here.captured
        if any(here) and here.captured <= self.longest and have >= end:
            if self._plausible(here):
                return here.captured, 0
            self._lose(at + end, f"{have - end} octets up to the end belong to no record")
            return here.captured, have - end
        if not any(here):
            self._lose(at, f"{have} octets that are no record, from zeros on")
        elif here.captured <= self.longest:
            self._lose(at, f"cut in a record: {have} of {end} octets are there", 1)
        else:
            self._lose(at, f"damaged record header (length {here.captured}), and no record after it", 1)
        return None, have

    def _search(self, index: int) -> tuple[int, str]:
        """How many octets on the next record starts that is certain, and ``"found"``; or how many hold none: up
        to the end of the file (``"ended"``), or so many that they are let go (``"far"``)."""
        window, reach, header = self.window, index + 256, self.variant.header
        while True:
            self._there(min(reach, len(window) + 1) if window.source.live is not None else reach)
            stop = min(len(window), reach)
            for offset in self._candidates(index, stop):
                if self._certain(offset):
                    return offset, "found"
            index = max(index, stop - header + 1)
            if len(window) <= reach and not self._there(len(window) + 1):
                return len(window), "ended"
            if reach >= FARTHEST:
                return index, "far"
            reach *= 4

    def _candidates(self, index: int, stop: int) -> Iterator[int]:
        """The places from `index` on that look like headers, as many octets behind the front of the window; a
        header that is not whole before `stop` is left for later."""
        pattern = self._pattern()
        while index + self.variant.header <= stop:
            begin = self.window.begin
            found = pattern.search(self.window.memory, begin + index, begin + stop)
            if found is None or found.start() - begin + self.variant.header > stop:
                return
            index = found.start() - begin
            yield index
            index += 1

    def _pattern(self) -> re.Pattern[bytes]:
        """What a header looks like whose time is near that of the last believed record: its octets one by one."""
        top = None if self.near is None else self.near >> 24
        if top != self.sought[0] or self.sought[1] is None:
            tops = range(256) if top is None else range(max(top - 2, 0), min(top + 3, 256))
            some = b"[" + b"".join(re.escape(bytes([octet])) for octet in tops) + b"]"
            fields = [
                [some, b".", b".", b"."],
                [b"[\x00-\x3b]", b".", b".", b"."],
                [b".", b".", b".", b"."],
                [b"\x00", b"[\x00-\x04]", b".", b"."],
            ]
            step = -1 if self.variant.order == "<" else 1
            octets = b"".join(b"".join(one[::step]) for one in fields)
            self.sought = top, re.compile(b"(?=" + octets + b")", re.DOTALL)
        assert self.sought[1] is not None
        return self.sought[1]

    def _certain(self, offset: int) -> bool:
        """A record starts `offset` octets on: its header is believable, and either says the same length twice and a
        time close by, or is followed by another, or by the end of the file."""
        here = self._fields(self.window.begin + offset)
        if self._by_original(here, offset):
            return True
        if not here.captured or not here.seconds or not self._plausible(here) or not self._near(here, NEAR):
            return False
        end = offset + self.variant.header + here.captured
        if self.near is not None and here.captured == here.original and self._near(here, CLOSE):
            return self._there(end)
        following = self._header(end)
        if following is None:
            return self.near is not None and len(self.window) == end
        return self._plausible(following) and self._near(following, NEAR)

    def _by_original(self, here: Header, offset: int) -> bool:
        """The captured length of the header `offset` octets on is damaged, but its length on the air leads to a
        header with a time close by, or to the end of the file."""
        if self.near is None or here.captured <= here.original or not 0 < here.original <= self.longest:
            return False
        if here.fraction >= SECOND // self.variant.unit or not self._near(here, CLOSE):
            return False
        end = offset + self.variant.header + here.original
        following = self._header(end)
        if following is None:
            return len(self.window) == end
        return following.fraction < SECOND // self.variant.unit and self._near(following, CLOSE)

    def _near(self, header: Header, seconds: int) -> bool:
        return self.near is None or abs(header.seconds - self.near) < seconds

    def _lose(self, offset: int, text: str, frames: int = 0) -> None:
        self.facts.lost.append(Lost(offset, text, frames))

    def _plausible(self, here: Header) -> bool:
        """`_believable` of one header."""
        return (
            here.captured <= min(self.longest, LONGEST, here.original)
            and here.fraction < SECOND // self.variant.unit
            and bool(here.seconds | here.original)
        )

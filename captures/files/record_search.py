"""Where the next record of a pcap file starts, behind damage, and which record headers can be true."""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from captures.files.magic import Variant, file_header
from captures.files.repair import Outcome, search
from captures.files.source import Window
from captures.gather import gather

__all__ = ["LONGEST", "SECOND", "Header", "RecordSearch", "with_header_octets"]

LONGEST = 262_144
"""The longest record that libpcap writes; a longer one is damage."""
LONGEST_BY_LINK_TYPE = {195: 2304, 215: 2304, 230: 2304, 283: 4096}
"""A PSDU has at most 2047 octets (SUN PHYs); what is much longer is damage in a capture of radio frames."""
SECOND = 1_000_000_000
NEAR = 366 * 86_400
"""Seconds between records beyond which a header that was searched for is not believed."""
CLOSE = 86_400
"""Seconds between records within which one header is believed that says the same length twice."""
TRIES = 256
"""Empty records of a run that are looked at: they may be file headers."""
LONGER_HEADERS = {16: (24, 20), 24: (28,)}
"""Octets of record headers that other programs wrote under the magic number of shorter ones: RedHat 6.1 (24), Nokia (20),
SuSE 6.3 (28). What they add stands behind the sixteen."""
ENOUGH, FEWEST = 16, 2
"""Headers in a row by which their length is judged, and the fewest that prove another one."""


class Header(NamedTuple):
    """A record header."""

    seconds: int
    fraction: int
    captured: int
    original: int


class RecordSearch:
    """Judges record headers, and finds records, in a window. Places are octets behind its front.

    Attributes:
        longest: captured octets beyond which a header of this link type is damage.
        near: time of the last believed record in seconds; None: there was none.
    """

    def __init__(self, window: Window, variant: Variant, link_type: int) -> None:
        self.window = window
        self.variant = variant
        self.longest = LONGEST_BY_LINK_TYPE.get(link_type, LONGEST)
        self.near: int | None = None
        self._sought: tuple[int | None, re.Pattern[bytes] | None] = None, None

    def headers(self, starts: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
        """Seconds, fraction, captured and original length of the records at `starts`."""
        rows = gather(self.window.octets, starts, "V16")
        return rows.view(self.variant.order + "u4").reshape(-1, 4).astype(np.uint32, copy=False)

    def header(self, index: int) -> Header | None:
        """The record header `index` octets on, if that much is there (it is waited for)."""
        if not self.there(index + self.variant.header):
            return None
        return self.fields(self.window.begin + index)

    def fields(self, index: int) -> Header:
        """The record header at ``memory[index]``."""
        return Header(*struct.unpack_from(self.variant.order + "4I", self.window.memory, index))

    def there(self, count: int) -> bool:
        """So many octets are in the window (they are waited for)."""
        return len(self.window) >= count or self.window.fill(count)

    def believable(self, fields: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
        """Which `headers` can be true."""
        good: npt.NDArray[np.bool_] = fields[:, 2] <= min(self.longest, LONGEST)
        good &= fields[:, 2] <= fields[:, 3]
        good &= fields[:, 1] < SECOND // self.variant.unit
        good &= (fields[:, 0] | fields[:, 3]) != 0  # zeros that fill a file up are no records
        return good

    def plausible(self, here: Header) -> bool:
        """`believable` of one header."""
        return (
            here.captured <= min(self.longest, LONGEST, here.original)
            and here.fraction < SECOND // self.variant.unit
            and bool(here.seconds | here.original)
        )

    def begins(self, index: int) -> bool:
        """A believable record begins `index` octets on, and no file header that reads as an empty one."""
        following = self.fields(self.window.begin + index)
        return self.plausible(following) and (following.captured > 0 or self.swallowed(index) is None)

    def file_headers(
        self, starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_]:
        """Where a file header stands that reads as an empty record, or most of one, of which the cut record before
        has taken the first octets."""
        out = np.zeros(len(starts), np.bool_)
        for row in np.flatnonzero(lengths == 0)[:TRIES].tolist():
            out[row] = self.swallowed(int(starts[row]) - self.window.begin) is not None
        return out

    def swallowed(self, index: int) -> int | None:
        """Where a file header begins `index` octets on in the window, or up to four before; None when there is none."""
        places = range(index, max(index - 5, -1), -1)
        return next((place for place in places if file_header(self.window, place)), None)

    def followed(self, end: int) -> bool:
        """A believable record, or the end of the file, comes `end` octets on, at once or behind a strange one."""
        if self.plainly_followed(end):
            return True
        following = self.header(end)
        assert following is not None
        after = end + self.variant.header + following.captured
        if following.captured > LONGEST or not self.there(after):
            return False
        third = self.header(after)
        return len(self.window) == after or (third is not None and self.plausible(third))

    def plainly_followed(self, end: int) -> bool:
        following = self.header(end)
        return following is None or self.plausible(following)

    def next_record(self, index: int) -> tuple[int, Outcome]:
        """The next record that is certain, from `index` octets on (`captures.files.repair.search`)."""
        return search(self.window, index, self._pattern, self._certain, self.variant.header, whole=True)

    def _pattern(self) -> re.Pattern[bytes]:
        """What a header looks like whose time is near that of the last believed record: its octets one by one."""
        top = None if self.near is None else self.near >> 24
        if top != self._sought[0] or self._sought[1] is None:
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
            self._sought = top, re.compile(b"(?=" + octets + b")", re.DOTALL)
        assert self._sought[1] is not None
        return self._sought[1]

    def _certain(self, offset: int) -> bool:
        """A record starts `offset` octets on: its header is believable, and either says the same length twice and a
        time close by, or is followed by another, or by the end of the file."""
        here = self.fields(self.window.begin + offset)
        if self.by_original(here, offset):
            return True
        if not here.captured or not here.seconds or not self.plausible(here) or not self.close_by(here, NEAR):
            return False
        end = offset + self.variant.header + here.captured
        if self.near is not None and here.captured == here.original and self.close_by(here, CLOSE):
            return self.there(end)
        following = self.header(end)
        if following is None:
            return self.near is not None and len(self.window) == end
        return self.plausible(following) and self.close_by(following, NEAR)

    def by_original(self, here: Header, offset: int) -> bool:
        """The captured length of the header `offset` octets on is damaged, but its length on the air leads to a
        header with a time close by, or to the end of the file."""
        if self.near is None or here.captured <= here.original or not 0 < here.original <= self.longest:
            return False
        if here.fraction >= SECOND // self.variant.unit or not self.close_by(here, CLOSE):
            return False
        end = offset + self.variant.header + here.original
        following = self.header(end)
        if following is None:
            return len(self.window) == end
        return following.fraction < SECOND // self.variant.unit and self.close_by(following, CLOSE)

    def close_by(self, header: Header, seconds: int) -> bool:
        """Its time is that of the last believed record, give or take so many seconds."""
        return self.near is None or abs(header.seconds - self.near) < seconds


def with_header_octets(window: Window, variant: Variant) -> Variant:
    """The variant with the length of record headers that the first records show: what the magic number says, unless its
    second header cannot be one and all those of another length can. `window` begins with the first record."""
    if _in_a_row(window, variant, FEWEST):
        return variant
    others = (variant._replace(header=octets) for octets in LONGER_HEADERS.get(variant.header, ()))
    return next((other for other in others if _in_a_row(window, other, ENOUGH)), variant)


def _in_a_row(window: Window, variant: Variant, most: int) -> bool:
    """The first `most` headers, or as many as are there but no fewer than `FEWEST`, can be true, with times close by."""
    search, at = RecordSearch(window, variant, 0), 0
    for count in range(most):
        if at + variant.header > len(window):
            return count >= FEWEST
        here = search.fields(window.begin + at)
        if not search.plausible(here) or not search.close_by(here, NEAR):
            return False
        search.near, at = here.seconds, at + variant.header + here.captured
    return True

"""Link types 147 to 162, "reserved for private use": what is in them is found out from the records.

Known to be written under them: the header of the nRF sniffer, frames as they are, and what other link types carry (TAP,
ZEP, ZBOSS). Strategy: the first records of an interface are held against each form; the form that all but a
few of them have is taken for the whole interface. Where none fits, the records stay packets (DLMS on serial lines).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from captures.block import FrameBlock, Kind
from captures.encapsulations import nordic, radio, tap, zboss, zep
from captures.encapsulations.draft import Draft, Rows
from captures.encapsulations.walk import Step
from captures.fcs import remainders
from captures.gather import gather
from captures.plausible import plausible_starts

__all__ = ["LINK_TYPES", "UserForm", "find_form", "leave", "step_of"]

LINK_TYPES = range(147, 163)
LOOKED_AT = 256
"""Records of an interface that are looked at to find its form."""
FITTING = 0.9
"""Share of the records that must have a form for it to be taken."""
SHORTEST_ZEP = 8
Marks = npt.NDArray[np.bool_]


class UserForm(NamedTuple):
    """One form of record: its name, which of the records have it, and what takes it off."""

    name: str
    fits: Callable[[FrameBlock, Rows], Marks]
    unwrap: Callable[[Draft, Rows], None]


def find_form(block: FrameBlock, rows: Rows) -> UserForm | None:
    """The form of the records `rows`; None when they are of no known one."""
    rows = rows[block.length[rows] > 0][:LOOKED_AT]
    if not len(rows):
        return None
    for form in FORMS:
        if np.count_nonzero(form.fits(block, rows)) >= FITTING * len(rows):
            return form
    return None


def leave(draft: Draft, rows: Rows) -> None:
    """Records of no known form are packets."""
    draft.block.kind[rows] = Kind.PACKET


def _fits_tap(block: FrameBlock, rows: Rows) -> Marks:
    head = gather(block.data, block.offset[rows], "<u4").astype(np.int64)
    first = gather(block.data, block.offset[rows] + 4, "<u4").astype(np.int64)
    length = head >> 16
    sound = (head & 0xFFFF == 0) & (length >= 8) & (length & 3 == 0) & (length <= block.length[rows])
    return np.asarray(sound & (first & 0xFFFF <= 64) & ((first >> 16) + 8 <= length + 3))


def _fits_zep(block: FrameBlock, rows: Rows) -> Marks:
    at = block.offset[rows]
    return np.asarray(
        (block.length[rows] >= SHORTEST_ZEP) & zep.headed(block.data, at, at + block.length[rows])
    )


def _zep(draft: Draft, rows: Rows) -> None:
    at = draft.block.offset[rows]
    zep.unwrap(draft, rows, at, at + draft.block.length[rows])


def _fits_zboss(block: FrameBlock, rows: Rows) -> Marks:
    return np.asarray(gather(block.data, block.offset[rows], "S5") == zboss.MARK)


def _fits_checked(block: FrameBlock, rows: Rows) -> Marks:
    """Frames whose check sequence is right."""
    length = block.length[rows]
    return np.asarray((remainders(block.data, block.offset[rows], length) == 0) & (length >= 5))


def _fits_plausible(block: FrameBlock, rows: Rows) -> Marks:
    """Frames that begin as frames of IEEE 802.15.4 do; one alone proves nothing."""
    found = plausible_starts(block.data, block.offset[rows], block.length[rows])
    return found if len(rows) >= 3 else np.zeros(len(rows), np.bool_)


FORMS = (
    UserForm("TAP", _fits_tap, tap.unwrap),
    UserForm("ZEP", _fits_zep, _zep),
    UserForm("ZBOSS", _fits_zboss, radio.with_fcs),
    UserForm("frames with their check sequence", _fits_checked, radio.with_fcs),
    UserForm("header of the nRF sniffer", nordic.fits, nordic.unwrap),
    UserForm("frames", _fits_plausible, radio.with_fcs),
)


# --- one record as a tree


def step_of(record: bytes, start: int) -> Step:
    """The first step through a record of a user link type whose frame is at `start`."""
    if start == nordic.HEADER:
        return nordic.step
    if record[:2] == b"EX":
        return zep.step
    return tap.step if record[:2] == bytes(2) and start >= 8 else radio.step

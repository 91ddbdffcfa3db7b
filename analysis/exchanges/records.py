"""Exchanges that are open, as rows of one array, and what becomes of them when they are closed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.exchanges.answers import said
from analysis.exchanges.gaps import Gaps
from analysis.exchanges.kinds import KINDS, OUTCOMES, kind_number
from dissectors.vectors import distinct

__all__ = ["MISSING", "NONE", "RECORD", "Records", "Words", "chosen", "close", "joined"]

NONE = -1
MISSING = ("request", "answer", "acknowledgement", "fragments", "data")
"""What may be missing: bit n of `missing` is word n."""
REQUEST, ANSWER, ACKNOWLEDGEMENT, FRAGMENTS, DATA = (1 << n for n in range(5))

RECORD = np.dtype([
    ("exchange", "u8"), ("kind", "u1"), ("initiator", "u8"), ("responder", "u8"), ("start", "i8"), ("end", "i8"),
    ("first_frame", "u8"), ("last_frame", "u8"), ("frames", "u4"), ("retries", "u4"), ("code", "i8"), ("headed", "?"),
    ("due", "?"), ("delivered", "?"), ("broadcast", "?"), ("pending", "?"), ("answered", "i8"), ("refused", "?"),
    ("status", "i4"), ("parent", "u8"), ("missing", "u1"), ("name", "i4"), ("use_case", "i4"), ("message", "u8"),
    ("outcome", "i1"), ("pan", "u2"), ("missing_words", "i4"), ("closes", "i8"),
])  # fmt: skip
"""`answered` is a time, 0 while there is no answer; `closes` when it is closed; words are places in `Words`."""


OCTETS = np.dtype((np.void, RECORD.itemsize))
"""A row as octets: numpy copies those at once, and the fields of a row one by one, which takes twenty times as long."""


def joined(parts: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Rows of several arrays as one."""
    every: npt.NDArray[Any] = np.concatenate([part.view(OCTETS) for part in parts]).view(RECORD)
    return every


def chosen(rows: npt.NDArray[Any], which: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Those rows that a mask or places say, copied."""
    some: npt.NDArray[Any] = rows.view(OCTETS)[which].view(RECORD)
    return some


class Words(list[str]):
    """Texts by their number; they only grow."""

    def __init__(self) -> None:
        super().__init__()
        self._places: dict[str, int] = {}

    def place(self, text: str | None) -> int:
        """The number of a text; `NONE` for none."""
        if not text:
            return NONE
        if text not in self._places:
            self._places[text] = len(self)
            self.append(text)
        return self._places[text]

    def __reduce__(self) -> Any:
        return _words, (list(self),)


def _words(texts: list[str]) -> Words:
    out = Words()
    for text in texts:
        out.place(text)
    return out


class Records:
    """Open exchanges, sorted by their numbers."""

    def __init__(self) -> None:
        self.rows = np.zeros(0, RECORD)

    def places(self, exchanges: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Where exchanges stand; -1 for one that is not open."""
        numbers = self.rows["exchange"]
        if not len(numbers):
            return np.full(len(exchanges), -1, np.int64)
        wanted = np.asarray(exchanges).astype(np.int64)
        low, high = int(numbers[0]), int(numbers[-1])
        if high - low > 8 * len(wanted) + 65_536:
            at = np.minimum(np.searchsorted(numbers, wanted.astype(np.uint64)), len(numbers) - 1)
            return np.where(numbers[at] == wanted, at, -1)
        table = np.full(high - low + 3, -1, np.int64)  # the first and the last stand for all that lie outside
        table[(numbers - np.uint64(low)).astype(np.int64) + 1] = np.arange(len(numbers))
        return table[np.clip(wanted - low + 1, 0, high - low + 2)]

    def add(self, rows: npt.NDArray[Any]) -> None:
        """Take new ones, whose numbers are above all others."""
        self.rows = joined([self.rows, rows])

    def taken(self, which: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
        """Those that `which` says, which are open no more."""
        out = chosen(self.rows, which)
        self.rows = chosen(self.rows, ~which)
        return out


def close(rows: npt.NDArray[Any], words: Words, gaps: Gaps, ended: bool) -> npt.NDArray[Any]:
    """Say what became of exchanges that frames alone tell of (`KINDS` up to `FRAME_KINDS`); returns the same rows.

    Args:
        gaps: what of stations was not heard.
        ended: the capture ended before their time was over.
    """
    if not len(rows):
        return rows
    kind, answered = rows["kind"], rows["answered"] > 0
    poll = kind == kind_number("poll")
    asks = rows["due"] & ~poll
    outcome = np.full(len(rows), OUTCOMES.index("incomplete"), np.int8)
    status, given = rows["status"].copy(), rows["status"] != NONE
    missing = rows["missing"].copy()

    def tell(which: npt.NDArray[np.bool_], what: str, text: str | None, lacks: int = 0) -> None:
        outcome[which] = OUTCOMES.index(what)
        if text is not None:
            status[which & ~given] = words.place(text)
        missing[which] |= lacks

    tell(~rows["delivered"], "incomplete", "no acknowledgement was heard", ACKNOWLEDGEMENT)
    again = ~rows["delivered"] & (rows["retries"] > 0)
    tell(again, "incomplete", "sent again, no acknowledgement was heard")
    tell(rows["delivered"], "ok", "acknowledged")
    tell(rows["broadcast"], "ok", "broadcast")
    _close_polls(rows, poll, answered, tell)
    limits, waits = {int(k.limit) for k in KINDS[:2]}, asks & ~answered & ~rows["broadcast"]
    tell(waits & rows["delivered"], "unanswered", f"no answer in {limits.pop()} s")
    tell(waits & ~rows["delivered"], "incomplete", None, ANSWER)
    unheard = np.zeros(len(rows), np.bool_)
    asked_for = np.flatnonzero(waits & rows["delivered"])
    if len(asked_for):
        unheard[asked_for] = gaps.unheard(
            *(rows[name][asked_for] for name in ("responder", "start", "closes"))
        )
    tell(unheard, "incomplete", "no answer was heard, but not all that the responder sent", ANSWER)
    tell(asks & answered & ~rows["refused"], "ok", "answered")
    tell(answered & rows["refused"], "refused", "refused")
    if ended:
        early = waits | (~answered & ~rows["broadcast"] & (~rows["delivered"] | (poll & rows["pending"])))
        tell(early, "running", "the capture ended before it was due")
    asked = (rows["missing"] & REQUEST) > 0
    tell(asked, "incomplete", None)
    tell(~rows["headed"], "incomplete", "fragments that were not heard together", FRAGMENTS)
    missing[answered & ~asked] = 0
    missing[outcome == OUTCOMES.index("ok")] = 0
    rows["outcome"], rows["status"], rows["missing"] = outcome, status, missing
    _name(rows, words)
    return rows


def _close_polls(rows: Any, poll: Any, answered: Any, tell: Any) -> None:
    tell(poll & rows["delivered"] & ~rows["pending"], "ok", "nothing was waiting")
    tell(
        poll & rows["delivered"] & rows["pending"] & ~answered,
        "incomplete",
        "data was announced, none was heard",
        DATA,
    )
    tell(poll & answered, "ok", "data")


def _name(rows: npt.NDArray[Any], words: Words) -> None:
    codes, which = distinct(np.ascontiguousarray(rows["code"]))
    named = [words.place(said(int(code)).name if code > 0 else None) for code in codes]
    rows["name"] = np.array(named, np.int32)[which]
    bits, which = distinct(np.ascontiguousarray(rows["missing"]))
    texts = [", ".join(word for n, word in enumerate(MISSING) if bit >> n & 1) for bit in bits.tolist()]
    rows["missing_words"] = np.array([words.place(text) for text in texts], np.int32)[which]
    poll = rows["kind"] == kind_number("poll")
    rows["name"][poll] = words.place("Data Request")


def cluster_of(codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The cluster of ZCL and ZDP codes; -1 of others."""
    return np.where(codes > 0, codes >> 8 & 0xFFFF, NONE)
